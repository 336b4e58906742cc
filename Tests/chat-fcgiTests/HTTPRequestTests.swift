// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON
import Sockets
import Testing

@testable import chat_fcgi

struct HTTPRequestTests {
    private func request(_ parameters: [String: String]) -> HTTPRequest {
        HTTPRequest(body: .whole([])) { [parameters["\($0)"]].compactMap(\.self) }
    }

    @Test func `parameters become a request, absent ones the empty string`() {
        let full = request([
            "REQUEST_METHOD": "POST", "REQUEST_URI": "/chat/me?a=b", "HTTP_HOST": "a.example",
            "HTTP_ORIGIN": "http://a.example", "HTTP_SEC_FETCH_SITE": "none", "HTTP_COOKIE": "a=b",
            "CONTENT_TYPE": "text/plain", "REMOTE_ADDR": "192.0.2.1", "REMOTE_USER": "ana",
        ])
        #expect(full.method == .post)
        #expect(full.target == "/chat/me?a=b")
        #expect(full.host == "a.example")
        #expect(full.origin == "http://a.example")
        #expect(full.fetchSite == "none")
        #expect(full.cookie == "a=b")
        #expect(full.contentType == "text/plain")
        #expect(full.remoteAddress == "192.0.2.1")
        #expect(full.remoteUser == "ana")

        let empty = request([:])
        #expect(empty.method == .other)
        #expect(empty.target.isEmpty && empty.remoteUser.isEmpty && !empty.isSecure)
    }

    @Test func `a header that came twice is all of it, and no value where it must be one`() {
        let policy = OriginPolicy()
        let twice = HTTPRequest(body: .whole([])) { name in
            switch "\(name)" {
            case "HTTP_COOKIE": ["a=b", "halls_session=\(String(repeating: "x", count: 43))"]
            case "HTTP_IF_NONE_MATCH": ["\"a\"", "\"b\""]
            case "HTTP_ORIGIN": ["http://a.example", "http://b.example"]
            case "HTTP_HOST": ["a.example"]
            case "HTTP_X_FORWARDED_PROTO": ["https", "http"]
            default: []
            }
        }
        #expect(SessionCookie().tokens(in: twice.cookie).count == 1)
        #expect(twice.ifNoneMatch == "\"a\", \"b\"")
        #expect(!policy.allows(twice))
        #expect(!twice.isSecure)
    }

    @Test(arguments: [
        (["HTTPS": "on"], true), (["HTTPS": "1"], true), (["HTTPS": ""], false),
        (["HTTPS": "off"], false), (["HTTP_X_FORWARDED_PROTO": "https"], true),
        (["HTTP_X_FORWARDED_PROTO": "http"], false),
    ])
    func `https is known by either sign`(_ parameters: [String: String], isSecure: Bool) {
        #expect(request(parameters).isSecure == isSecure)
    }

    @Test(arguments: [
        ("/chat/me", ["chat", "me"]), ("/chat/me/", ["chat", "me", ""]), ("/", [""]),
        ("/chat//me", ["chat", "", "me"]), ("/%63hat/m%65", ["chat", "me"]),
        ("/a%2Fb", ["a/b"]), ("/a+b", ["a+b"]), ("/caf%C3%A9", ["café"]),
        ("http://a.example/chat/me?x", ["chat", "me"]), ("/chat/..", ["chat", ".."]),
    ])
    func `a path is taken apart before it is decoded`(_ target: String, segments: [String]) {
        #expect(RequestTarget(target)?.segments == segments)
    }

    @Test(arguments: [
        "", "*", "chat", "/%", "/%4", "/%zz", "/%00", "/%ff", "/%C3", "http://a.example",
    ])
    func `what is no path is refused`(_ target: String) {
        #expect(RequestTarget(target) == nil)
    }

    @Test func `the first parameter of a name counts`() throws {
        let target = try #require(RequestTarget("/?a=1&b=x+y%2B&a=2&c&=&d=%4&%62=z&e=a=b"))
        #expect(try target.parameter("a") == "1")
        #expect(try target.parameter("b") == "x y+")
        #expect(try target.parameter("c") == "")
        #expect(try target.parameter("e") == "a=b")
        #expect(try target.parameter("f") == nil)
        #expect(throws: HTTPRequest.Malformed(part: "d")) { try target.parameter("d") }
    }

    @Test(
        arguments: [
            ("0", 0), ("1", 1), ("007", 7), ("9007199254740991", 9_007_199_254_740_991),
            ("9007199254740992", nil), ("99999999999999999999", nil), ("", nil), ("-1", nil),
            ("+1", nil), (" 1", nil), ("1.0", nil), ("١", nil), ("0x1", nil),
        ] as [(String, Int64?)])
    func `numbers are ASCII digits below two to the 53rd`(_ text: String, value: Int64?) {
        #expect(text.positiveDecimal == value)
    }

    @Test(arguments: [
        ("application/json", true), ("application/json; charset=utf-8", true),
        ("Application/JSON;charset=\"UTF-8\"", true), ("application/json;charset=latin1", false),
        ("application/json; charset=utf-8; a=b", false), ("text/json", false), ("", false),
        ("application/jsonp", false), ("application/x-www-form-urlencoded", false),
        ("multipart/form-data", false),
    ])
    func `only JSON in UTF-8 is a body`(_ contentType: String, isJSON: Bool) {
        #expect(RequestBody.isJSON(contentType) == isJSON)
    }

    @Test func `a content type of 64 bytes is read, a longer one is not`() {
        let type = "application/json" + String(repeating: " ", count: 48)
        #expect(RequestBody.isJSON(type))
        #expect(!RequestBody.isJSON(type + " "))
    }
}
