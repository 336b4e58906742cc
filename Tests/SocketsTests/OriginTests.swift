// SPDX-License-Identifier: Apache-2.0

import Sockets
import Testing

struct OriginTests {
    @Test(arguments: [
        ("https://chat.example", "chat.example", "https"),
        ("https://chat.example", "chat.example", nil),
        ("http://chat.example", "chat.example:80", "http"),
        ("https://chat.example:443", "chat.example", "https"),
        ("https://chat.example", "chat.example:443", nil),
        ("http://chat.example:8080", "chat.example:8080", "http"),
        ("http://[::1]:8080", "[::1]:8080", nil), ("http://127.0.0.1", "127.0.0.1", nil),
        ("https://chat.example:443", "chat.example", "http"),
    ])
    func `the site's own pages are its own`(origin: String, host: String, scheme: String?) {
        #expect(Origin(origin)?.isSame(asHost: host, isSecure: scheme == "https") == true)
    }

    @Test(arguments: [
        ("https://evil.example", "chat.example", nil),
        ("http://chat.example", "chat.example", "https"),
        ("https://chat.example", "chat.example:8443", nil),
        ("https://chat.example:80", "chat.example", "https"),
        ("http://chat.example:443", "chat.example", "http"),
        ("https://chat.example.evil.example", "chat.example", nil),
        ("https://xchat.example", "chat.example", nil),
        ("https://user@chat.example", "chat.example", nil),
    ])
    func `other pages are foreign`(origin: String, host: String, scheme: String?) {
        #expect(Origin(origin)?.isSame(asHost: host, isSecure: scheme == "https") != true)
    }

    @Test(arguments: [
        "null", "", "chat.example", "://chat.example", "https://", "https://chat.example/",
        "https:chat.example", "file://chat.example",
    ])
    func `what is no origin is the same as nothing`(origin: String) {
        #expect(Origin(origin) == nil)
    }

    @Test(arguments: [
        ("https://www.example.com:443", "https://www.example.com"),
        ("HTTPS://WWW.Example.com", "https://www.example.com"),
        ("http://www.example.com:80", "http://www.example.com"),
    ])
    func `an origin has one spelling`(one: String, other: String) {
        #expect(Origin(one) != nil && Origin(one) == Origin(other))
    }
}

struct OriginPolicyTests {
    @Test(arguments: ["https://www.example", "https://www.example:443", "https://WWW.example"])
    func `a named origin may, however it is spelled`(spelling: String) throws {
        let policy = OriginPolicy(others: [try #require(Origin(spelling))])
        for origin in ["https://www.example", "https://www.example:443"] {
            #expect(policy.allows(origin, host: "a.example", isSecure: true))
            #expect(policy.allows(foreign: origin))
        }
        #expect(!policy.allows("http://www.example", host: "a.example", isSecure: false))
        #expect(!policy.allows("https://www.example/", host: "a.example", isSecure: false))
    }

    @Test func `a refused origin is news once, and a hundred at most`() {
        let policy = OriginPolicy()
        #expect(
            policy.firstRefusal(of: "http://b.example", host: "a")?.origin == "http://b.example")
        #expect(policy.firstRefusal(of: "http://b.example", host: "a") == nil)
        let news = (0..<200).count { number in
            policy.firstRefusal(of: "http://b\(number).example", host: "a") != nil
        }
        #expect(news == 99)
    }

    @Test func `a log gets no bytes that a terminal obeys, and not many`() throws {
        let origin = "http://\u{1B}[2J\n\u{202E}" + String(repeating: "a", count: 5_000)
        let news = try #require(OriginPolicy().firstRefusal(of: origin, host: "b\u{7}"))
        #expect(news.origin.hasPrefix("http://\\u{1b}[2J\\u{a}\\u{202e}aaa"))
        #expect(news.origin.utf8.count < 300 && news.host == "b\\u{7}")
        // One character may have any number of scalars.
        let heap = "e" + String(repeating: "\u{301}", count: 5_000)
        #expect(heap.forLog.utf8.count < 500)
    }
}
