// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatTesting
import CompactJSON
import Testing

@testable import chat_fcgi

/// `PATCH me` and `GET users`.
@Suite struct ProfileRoutesTests {
    let client: Client
    let ana: User

    init() throws {
        (client, ana) = try Client.signedIn()
    }

    private func change(_ body: JSONValue) -> HTTPResponse {
        client.send(client.request(.patch, "/chat/me", body))
    }

    private func names(_ response: HTTPResponse) -> [String?]? {
        response.json["users"]?.array?.map { $0["name"]?.string }
    }

    @Test func `one says what is shown of oneself`() throws {
        let response = change(["name": "Ana García", "picture": "hue:30"])
        let shown: JSONValue = [
            "id": .integer(ana.id), "username": "ana", "name": "Ana García", "picture": "hue:30",
            "version": 1,
        ]
        #expect(response.status == .ok)
        #expect(response.json["user"] == shown)
        #expect(client.get("/chat/me").json["user"] == shown)
        #expect(client.wakeCount == 1)
        // The same once more tells nobody, and nothing asked for changes nothing.
        #expect(change(["name": "Ana García"]).json["user"] == shown)
        #expect(change([:]).json["user"] == shown)
        #expect(client.wakeCount == 1)
        #expect(change(["name": "", "picture": ""]).json["user"]?["name"]?.string == "ana")
    }

    @Test func `what may not be shown is refused with a reason`() throws {
        #expect(change(["name": "\u{202E}"]).status == .unprocessableContent)
        let long = change(["name": .string(String(repeating: "x", count: 101))])
        #expect(long.code == "invalid_name" && long.json["limit"]?.integer == 100)
        #expect(change(["picture": "/logout"]).code == "invalid_request")
        #expect(change(["name": 7]).code == "invalid_request")
        client.cookie = ""
        #expect(change(["name": "x"]).code == "unauthenticated")
    }

    @Test func `one changes it a few times a day`() throws {
        // What is refused, or so already, is no change.
        for _ in 1...12 { #expect(change(["name": "\u{202E}"]).code == "invalid_name") }
        for _ in 1...12 { #expect(change(["name": ""]).status == .ok) }
        for count in 1...10 { #expect(change(["name": .string("Ana \(count)")]).status == .ok) }
        let refused = change(["name": "Ana 11"])
        #expect(refused.code == "rate_limited")
        #expect(refused.json["retry_after"]?.integer ?? 0 > 3_600)
    }

    @Test func `those are given whom one may see and does not know so`() throws {
        let ben = try client.database.makeUser("ben")
        _ = try client.database.makeUser("cara")
        _ = try client.database.makeHall(owner: ana, members: [ben])
        #expect(names(client.get("/chat/users?ids=3,2,1,99")) == ["ben", "ana"])
        #expect(names(client.get("/chat/users?ids=2,1&versions=0,0")) == [])
        _ = try client.database.setProfile(Profile(name: "Ben B"), of: ben.id, by: .operator)
        #expect(names(client.get("/chat/users?ids=2,1&versions=0,0")) == ["Ben B"])
    }

    @Test(arguments: [
        "", "?ids=", "?ids=1,", "?ids=1;2", "?ids=a", "?ids=1&versions=1,2", "?versions=1",
        "?ids=" + Array(repeating: "1", count: 101).joined(separator: ","), "?ids=-1",
        "?ids=9007199254740992",
    ])
    func `a list that is none is refused`(_ query: String) {
        let response = client.get("/chat/users\(query)")
        #expect(response.status == .badRequest)
        #expect(response.code == "invalid_request")
    }

    @Test func `what the site says of a person is shown, and cannot be changed here`() throws {
        client.site.hasAccounts = false
        func ask(_ method: HTTPRequest.Method, name: String, _ body: JSONValue? = nil)
            -> HTTPResponse
        {
            var request = client.request(method, "/chat/me", body)
            (request.remoteUser, request.handle, request.name) = ("7", "cara", name)
            return client.send(request)
        }
        let first = ask(.get, name: "Cara L").json["user"]
        #expect(first?["username"]?.string == "cara" && first?["name"]?.string == "Cara L")
        #expect(ask(.patch, name: "Cara L", ["name": "X"]).code == "not_allowed")
        #expect(ask(.patch, name: "Cara L", ["picture": "hue:1"]).status == .ok)

        let wakes = client.wakeCount
        #expect(ask(.get, name: "Cara M").json["user"]?["name"]?.string == "Cara M")
        #expect(client.wakeCount == wakes + 1)
        // Another mind within the minute waits; who says nothing changes nothing.
        #expect(ask(.get, name: "Cara N").json["user"]?["name"]?.string == "Cara M")
        #expect(ask(.get, name: "").json["user"]?["name"]?.string == "Cara M")
        client.site.siteProfiles = RateLimiter(perSecond: 1, burst: 1)
        #expect(ask(.get, name: "Cara N").json["user"]?["name"]?.string == "Cara N")
    }

    @Test(arguments: [
        ("Ana%20Garc%C3%ADa", "Ana García"), ("Ana García", "Ana García"), ("100%", "100%"),
    ])
    func `a name may come as an address writes it`(_ told: String, _ name: String) {
        let values = ["HALLS_NAME": [told]]
        let request = HTTPRequest(body: .whole([])) { values["\($0)"] ?? [] }
        #expect(request.name == name)
    }

    @Test func `a page that is kept ready, and its tag, show no old name`() throws {
        let hall = try client.database.makeHall(owner: ana)
        try client.database.say("hello", in: hall, as: ana)
        let path = "/chat/messages/\(hall.id)"
        var (tags, name): (Set<String>, String) = ([], "ana")
        for next in ["ana1", "ana2", "ana3"] {
            let page = client.get(path)
            #expect(page.json["messages"]?.array?.first?["username"]?.string == name)
            let tag = try #require(page.tagHeader)
            tags.insert(tag)
            _ = try client.database.renameUser(ana.id, to: next)
            name = next
            var again = client.request(.get, path)
            again.ifNoneMatch = tag
            #expect(client.send(again).status == .ok)
        }
        #expect(tags.count == 3)
    }
}
