// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatTesting
import CompactJSON
import Testing

@testable import chat_fcgi

/// How far one has read, and how much one has not.
struct ReadRoutesTests {
    private let client: Client
    private let ana: User
    private let ben: User
    private let hall: Hall

    init() throws {
        (client, ana) = try Client.signedIn()
        ben = try client.database.makeUser("ben")
        hall = try client.database.makeHall(owner: ben, members: [ana])
        try client.database.sayMany(3, in: hall, as: ben)
    }

    private func mark(_ rev: JSONValue, in hallID: Int64? = nil) -> HTTPResponse {
        client.post("/chat/halls/\(hallID ?? hall.id)/read", ["rev": rev])
    }

    private func again(_ target: String, _ before: HTTPResponse) throws -> HTTPResponse {
        var request = client.request(.get, target)
        request.ifNoneMatch = try #require(before.tagHeader)
        return client.send(request)
    }

    @Test func `a mark takes from what is unread, and wakes the push daemon when it moves`() {
        #expect(client.get("/chat/unread").json == ["unread": 3, "halls": 1])
        #expect(mark(2).json == ["rev": 2])
        #expect(client.wakeCount == 1)
        #expect(client.get("/chat/unread").json == ["unread": 1, "halls": 1])
        #expect(mark(1).json == ["rev": 2])
        #expect(client.wakeCount == 1)
        #expect(mark(1_000).json == ["rev": 3])
        #expect(client.get("/chat/unread").json == ["unread": 0, "halls": 0])
    }

    @Test func `the list of halls says how far each is read, and an open hall says nothing`() {
        #expect(client.get("/chat/halls").json["halls"]?.array?.first?["read"] == 0)
        _ = mark(2)
        #expect(client.get("/chat/halls").json["halls"]?.array?.first?["read"] == 2)
        _ = client.post("/chat/halls/leave", ["hall_id": .integer(hall.id)])
        let open = client.get("/chat/halls?scope=open").json["halls"]?.array?.first
        #expect(open != nil && open?["read"] == nil)
    }

    @Test func `what a client has of both is good until its own mark moves`() throws {
        let (list, unread) = (client.get("/chat/halls"), client.get("/chat/unread"))
        _ = try client.database.perform(
            ReadMark(hallID: hall.id, userID: ben.id, rev: 3))
        #expect(try again("/chat/halls", list).status == .notModified)
        #expect(try again("/chat/unread", unread).status == .notModified)
        _ = mark(1)
        #expect(try again("/chat/halls", list).status == .ok)
        #expect(try again("/chat/unread", unread).status == .ok)
    }

    @Test func `nothing shows a member how far another has read`() throws {
        _ = mark(2)
        try client.signIn(ben)
        for path in ["/chat/halls", "/chat/halls/\(hall.id)/members", "/chat/messages/\(hall.id)"] {
            let body = String(decoding: client.get(path).body, as: UTF8.self)
            #expect(!body.contains("\"read\":2"))
        }
        #expect(client.get("/chat/halls").json["halls"]?.array?.first?["read"] == 3)
    }

    @Test func `who is no member, and what is no mark, is refused`() throws {
        for wrong in ["0", "-1", "\"1\"", "1.5", "null", "9007199254740992"] {
            let rev = try JSONValue(parsing: Array(wrong.utf8))
            #expect(mark(rev).code == "invalid_request")
        }
        #expect(mark(1, in: 99).code == "not_found")
        let hidden = try client.database.makeHall("Hidden", isPrivate: true, owner: ben)
        let open = try client.database.makeHall("Open", owner: ben)
        #expect(mark(1, in: hidden.id).code == "not_found")
        #expect(mark(1, in: open.id).code == "not_a_member")
        client.cookie = ""
        #expect(mark(1).code == "unauthenticated")
        #expect(client.get("/chat/unread").code == "unauthenticated")
    }

    @Test func `too many marks are refused`() {
        client.site.marks = RateLimiter(perSecond: 0.001, burst: 2)
        #expect((1...3).map { mark(.integer($0)).code } == [nil, nil, "rate_limited"])
    }
}
