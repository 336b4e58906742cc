// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatTesting
import CompactJSON
import Testing

@testable import chat_fcgi

/// What people do over REST with one another's places in a hall.
struct MemberRoutesTests {
    private let client: Client
    private let ana: User
    private let ben: User
    private let cai: User
    /// Ana's, who is signed in; Ben is a moderator, Cai a member.
    private let hall: Hall

    init() throws {
        (client, ana) = try Client.signedIn()
        ben = try client.database.makeUser("ben")
        cai = try client.database.makeUser("cai")
        hall = try client.database.makeHall(owner: ana, members: [cai])
        try client.database.setMember(ben.id, of: hall.id, as: .moderator)
    }

    private func ask(
        _ method: HTTPRequest.Method, _ user: Int64, _ body: JSONValue? = nil,
        in folder: String = "members"
    ) -> HTTPResponse {
        client.send(client.request(method, "/chat/halls/\(hall.id)/\(folder)/\(user)", body))
    }

    private var roles: [Int64: Role] {
        get throws { try client.database.allMembers(of: hall.id) }
    }

    @Test func `an owner appoints a moderator, who sees it in the list of halls`() throws {
        let response = ask(.patch, cai.id, ["role": "moderator"])
        #expect(response.status == .ok)
        #expect(
            response.json == [
                "member": [
                    "id": .integer(cai.id), "username": "cai", "name": "cai", "version": 0,
                    "role": "moderator",
                ]
            ])
        #expect(client.wakeCount == 1)
        try client.signIn(cai)
        #expect(
            client.get("/chat/halls").json["halls"]?.array?.first?["role"]?.string == "moderator")
    }

    @Test func `an owner hands the hall over, once`() throws {
        #expect(ask(.patch, cai.id, ["role": "owner"]).status == .ok)
        #expect(try roles == [ana.id: .moderator, ben.id: .moderator, cai.id: .owner])
        #expect(ask(.patch, ben.id, ["role": "owner"]).code == "not_allowed")
    }

    @Test(arguments: ["guardian", "", "Owner", "member "] as [JSONValue] + [1, .null, [], true])
    func `a role is one of three words`(_ role: JSONValue) throws {
        let response = ask(.patch, cai.id, .object([.init("role", role)]))
        #expect(response.status == .badRequest)
        #expect(response.code == "invalid_request")
        #expect(ask(.patch, cai.id, [:]).code == "invalid_request")
        #expect(try roles[cai.id] == .member)
        #expect(client.wakeCount == 0)
    }

    @Test func `a moderator sets no role, takes out a member, and nobody above`() throws {
        try client.signIn(ben)
        #expect(ask(.patch, cai.id, ["role": "moderator"]).code == "not_allowed")
        for above in [ana, ben] {
            let response = ask(.delete, above.id)
            #expect(response.status == .forbidden)
            #expect(response.code == "not_allowed")
        }
        #expect(client.wakeCount == 0)
        #expect(ask(.delete, cai.id).status == .noContent)
        #expect(client.wakeCount == 1)
        #expect(ask(.delete, cai.id).code == "not_found")
        #expect(try roles == [ana.id: .owner, ben.id: .moderator])
    }

    @Test func `who was taken out neither reads nor writes`() throws {
        #expect(ask(.delete, cai.id).status == .noContent)
        try client.signIn(cai)
        #expect(client.get("/chat/messages/\(hall.id)").code == "not_a_member")
        #expect(client.get("/chat/halls/\(hall.id)/members").code == "not_a_member")
        #expect(
            client.post("/chat/messages/\(hall.id)", ["content": "x"]).code == "not_a_member")
        #expect(client.get("/chat/halls").ids("halls").isEmpty)
    }

    @Test func `who is banned does not join, until that is lifted`() throws {
        #expect(ask(.put, cai.id, in: "bans").status == .noContent)
        #expect(ask(.put, cai.id, in: "bans").status == .noContent)
        let bans = client.get("/chat/halls/\(hall.id)/bans")
        let expected: JSONValue = [
            "id": .integer(cai.id), "username": "cai", "name": "cai", "version": 0,
            "banned_by": .integer(ana.id), "banned_at": .string(someMoment.iso8601),
        ]
        #expect(bans.json == ["bans": [expected], "has_more": false])
        #expect(client.get("/chat/halls/\(hall.id)/bans?after=\(cai.id)").ids("bans").isEmpty)
        #expect(client.get("/chat/halls/\(hall.id)/bans?limit=0").code == "invalid_request")
        let mine = client.cookie

        try client.signIn(cai)
        let refused = client.post("/chat/halls/join", ["hall_id": .integer(hall.id)])
        #expect(refused.status == .forbidden && refused.code == "banned")
        #expect(client.get("/chat/halls?scope=open").ids("halls").isEmpty)
        #expect(client.get("/chat/halls/\(hall.id)/bans").code == "not_a_member")
        #expect(ask(.delete, cai.id, in: "bans").code == "not_a_member")
        let theirs = client.cookie

        client.cookie = mine
        #expect(ask(.delete, cai.id, in: "bans").status == .noContent)
        #expect(ask(.delete, cai.id, in: "bans").code == "not_found")
        client.cookie = theirs
        #expect(client.post("/chat/halls/join", ["hall_id": .integer(hall.id)]).status == .ok)
        #expect(client.get("/chat/halls/\(hall.id)/bans").code == "not_allowed")
        #expect(ask(.put, ben.id, in: "bans").code == "not_allowed")
    }

    @Test func `a stranger and nobody do nothing with members`() throws {
        let before = try roles
        let secret = try client.database.makeHall("Secret", isPrivate: true, owner: ana)
        try client.signIn(try client.database.makeUser("eva"))
        #expect(ask(.patch, cai.id, ["role": "moderator"]).code == "not_a_member")
        #expect(ask(.delete, cai.id).code == "not_a_member")
        #expect(ask(.put, cai.id, in: "bans").code == "not_a_member")
        for id in [secret.id, 99] {
            let path = "/chat/halls/\(id)/members/\(ana.id)"
            #expect(client.send(client.request(.delete, path)).code == "not_found")
        }
        client.cookie = ""
        #expect(ask(.patch, cai.id, ["role": "moderator"]).code == "unauthenticated")
        #expect(ask(.delete, cai.id).code == "unauthenticated")
        #expect(try roles == before)
        #expect(client.wakeCount == 0)
    }

    @Test func `how fast one does that is bounded`() throws {
        client.site.joins = RateLimiter(perSecond: 0.001, burst: 2)
        #expect(ask(.patch, cai.id, ["role": "moderator"]).status == .ok)
        #expect(ask(.patch, cai.id, ["role": "member"]).status == .ok)
        let refused = ask(.delete, cai.id)
        #expect(refused.code == "rate_limited" && refused.json["retry_after"]?.integer ?? 0 > 0)
        #expect(try roles[cai.id] == .member)
    }
}
