// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatTesting
import CompactJSON
import Testing

@testable import chat_fcgi

/// `PATCH` and `DELETE` of `messages/<hall_id>/<id>`, and what they do to what is read.
struct MessageChangeRoutesTests {
    let client: Client
    let ana: User
    let ben: User
    let hall: Hall
    let path = "/chat/messages/1"

    init() throws {
        (client, ana) = try Client.signedIn()
        ben = try client.database.makeUser("ben")
        hall = try client.database.makeHall(owner: ana, members: [ben])
        client.site.sends = RateLimiter(perSecond: 1_000, burst: 1_000)
    }

    private func patch(_ id: Int64, _ content: String) -> HTTPResponse {
        client.send(client.request(.patch, "\(path)/\(id)", ["content": .string(content)]))
    }

    private func delete(_ id: Int64) -> HTTPResponse {
        client.send(client.request(.delete, "\(path)/\(id)"))
    }

    @Test func `an edit is answered with the message, and read again`() throws {
        let said = try client.database.say("frist", in: hall, as: ana, clientKey: "k")
        let edited = patch(said.id, "first")
        #expect(edited.status == .ok)
        let message = try #require(edited.json["message"])
        #expect(message["content"]?.string == "first")
        #expect(message["change"]?.integer == 1)
        #expect(message["edited_at"]?.string == someMoment.iso8601)
        #expect(message["client_key"]?.string == "k")
        #expect(client.wakeCount == 1)
        #expect(client.get(path).json["messages"]?.array == [message])
        #expect(client.get(path).json["change"]?.integer == 1)
        // What is so already wakes nobody.
        #expect(patch(said.id, "first").json == edited.json)
        #expect(client.wakeCount == 1)
    }

    @Test func `what a message said before is for who keeps order, where it is kept`() throws {
        let client = try Client(Limits(keepingEarlierTexts: true))
        let ana = try client.database.makeUser("ana")
        let hall = try client.database.makeHall(owner: ana)
        let said = try client.database.say("frist", in: hall, as: ana)
        try client.signIn(ana)
        #expect(client.get("\(path)/\(said.id)/texts").json == ["texts": []])
        _ = client.send(client.request(.patch, "\(path)/\(said.id)", ["content": "first"]))
        #expect(
            client.get("\(path)/\(said.id)/texts").json
                == ["texts": [["content": "frist", "until": .string(someMoment.iso8601)]]])
        #expect(client.get("/chat/me").json["limits"]?["earlier_texts"]?.string == "moderators")
        #expect(client.get("\(path)/99/texts").status == .notFound)
        #expect(self.client.get("/chat/me").json["limits"]?["earlier_texts"] == nil)
    }

    @Test func `what was deleted is a place without a text, whoever asks`() throws {
        let said = try client.database.say("secret", in: hall, as: ben)
        let before = client.get(path)
        let deleted = delete(said.id)
        #expect(deleted.status == .ok)
        #expect(deleted.json["message"]?["deleted"]?.string == "moderator")
        #expect(deleted.json["message"]?["content"]?.string == "")
        #expect(delete(said.id).json == deleted.json)
        #expect(client.wakeCount == 1)
        // Neither the page that was kept ready nor the one that a browser has is right any more.
        var again = client.request(.get, path)
        again.ifNoneMatch =
            "\"\(before.tag.map { String(decoding: $0.opaque, as: UTF8.self) } ?? "")\""
        let after = client.send(again)
        #expect(after.status == .ok)
        #expect(after.json["messages"]?.array == deleted.json["message"].map { [$0] })
    }

    @Test func `what is refused says why, and wakes nobody`() throws {
        let bens = try client.database.say("x", in: hall, as: ben)
        let gone = try client.database.say("x", in: hall, as: ana)
        _ = delete(gone.id)
        let cases: [(HTTPResponse, HTTPResponse.Status, String)] = [
            (patch(bens.id, "y"), .forbidden, "not_allowed"),
            (patch(gone.id, "y"), .conflict, "message_gone"),
            (patch(99, "y"), .notFound, "not_found"), (delete(99), .notFound, "not_found"),
            (patch(bens.id, ""), .unprocessableContent, "message_empty"),
            (
                client.send(client.request(.patch, path + "/1", ["content": 1])), .badRequest,
                "invalid_request"
            ),
            (
                client.send(client.request(.patch, path + "/1")), .unsupportedMediaType,
                "unsupported_media_type"
            ),
            (client.post(path + "/1"), .methodNotAllowed, "method_not_allowed"),
        ]
        for (response, status, code) in cases {
            #expect(response.status == status)
            #expect(response.code == code)
        }
        #expect(client.wakeCount == 1)
    }

    @Test func `who is no member, or comes from another site, changes nothing`() throws {
        let said = try client.database.say("x", in: hall, as: ana)
        var foreign = client.request(.delete, "\(path)/\(said.id)")
        foreign.origin = "https://evil.example"
        #expect(client.send(foreign).code == "origin_refused")
        try client.signIn(try client.database.makeUser("eva"))
        #expect(delete(said.id).code == "not_a_member")
        #expect(patch(said.id, "y").code == "not_a_member")
        client.cookie = ""
        #expect(delete(said.id).code == "unauthenticated")
        #expect(try client.database.hall(hall.id, as: ana.id).change == 0)
    }

    @Test func `changes count as what is said`() throws {
        let said = try client.database.say("x", in: hall, as: ana)
        client.site.sends = RateLimiter(perSecond: 0.001, burst: 2)
        #expect(patch(said.id, "1").status == .ok)
        #expect(delete(said.id).status == .ok)
        #expect(delete(said.id).code == "rate_limited")
        #expect(client.post(path, ["content": "x"]).code == "rate_limited")
    }

    @Test func `since a change there is what changed, beside what was said`() throws {
        try client.database.sayMany(3, in: hall, as: ana)
        _ = patch(1, "one")
        _ = delete(2)
        let both = client.get(path + "?since_rev=2&since_change=1")
        #expect(both.ids("messages") == [3])
        #expect(both.ids("changed") == [2])
        #expect(both.json["complete"]?.bool == true)
        #expect(both.json["change"]?.integer == 2)
        #expect(client.get(path + "?since_rev=3").json["changed"] == nil)
        #expect(client.get(path + "?since_rev=3&since_change=2").ids("changed") == [])
        let torn = client.get(path + "?since_rev=3&since_change=0&limit=1")
        #expect(torn.json["complete"]?.bool == false && torn.json["changed"] == nil)
        #expect(torn.ids("messages") == [1, 2, 3])
        #expect(client.get(path + "?since_change=0").code == "invalid_request")
        #expect(client.get(path + "?since_rev=0&since_change=x").code == "invalid_request")
    }
}

extension Limits {
    fileprivate init(keepingEarlierTexts: Bool) {
        self.init()
        keepsEarlierTexts = keepingEarlierTexts
    }
}
