// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import CompactJSON
import GRDB
import Testing

@testable import ChatModels
@testable import chat_fcgi

struct HallRoutesTests {
    @Test func `who makes a hall owns it`() throws {
        let (client, _) = try Client.signedIn()
        let response = client.post("/chat/halls", ["name": " Tea ", "private": true])
        #expect(response.status == .created)
        #expect(
            response.json == [
                "hall": [
                    "id": 1, "name": "Tea", "private": true, "role": "owner", "rev": 0,
                    "change": 0, "archived": false, "topic": "", "read": 0,
                ]
            ])
        #expect(client.wakeCount == 1)
        #expect(client.get("/chat/halls").ids("halls") == [1])
    }

    @Test func `the topic is changed by who may, and read again`() throws {
        let (client, _) = try Client.signedIn()
        _ = client.post("/chat/halls", ["name": "Tea"])
        let changed = client.send(client.request(.patch, "/chat/halls/1", ["topic": "Green"]))
        #expect(changed.status == .ok && changed.json["hall"]?["topic"]?.string == "Green")
        #expect(client.get("/chat/halls").json["halls"]?.array?.first?["topic"]?.string == "Green")
        #expect(client.wakeCount == 2)
        for body in [["topic": 1], [:], ["topic": "two\nlines"]] as [JSONValue] {
            #expect(
                client.send(client.request(.patch, "/chat/halls/1", body)).status == .badRequest)
        }
        try client.signIn(try client.database.makeUser("eva"))
        let refused = client.send(client.request(.patch, "/chat/halls/1", ["topic": "x"]))
        #expect(refused.code == "not_a_member")
    }

    @Test func `a hall is open unless it is said to be private`() throws {
        let (client, _) = try Client.signedIn()
        #expect(client.post("/chat/halls", ["name": "a"]).json["hall"]?["private"] == false)
        let null = client.post(
            "/chat/halls", .object([.init("name", "b"), .init("private", .null)]))
        #expect(null.json["hall"]?["private"] == false)
        let text = client.post("/chat/halls", ["name": "c", "private": "yes"])
        #expect(text.code == "invalid_request")
    }

    @Test func `a name has its bounds, and is taken once among open halls`() throws {
        let (client, _) = try Client.signedIn()
        let longest = String(repeating: "x", count: 80)
        #expect(client.post("/chat/halls", ["name": .string(longest)]).status == .created)
        #expect(client.post("/chat/halls", ["name": .string(longest)]).code == "hall_name_taken")
        let longer = client.post("/chat/halls", ["name": .string(longest + "x")])
        #expect(longer.status == .unprocessableContent)
        #expect(longer.code == "invalid_hall_name")
        #expect(longer.json["limit"]?.integer == 80)
        #expect(client.post("/chat/halls", ["name": " "]).code == "invalid_hall_name")
    }

    @Test func `one may be in so many halls`() throws {
        var limits = Limits()
        limits.hallsPerUserMax = 1
        let (client, _) = try Client.signedIn(limits)
        #expect(client.post("/chat/halls", ["name": "a"]).status == .created)
        let second = client.post("/chat/halls", ["name": "b"])
        #expect(second.status == .conflict)
        #expect(second.code == "too_many_halls")
        #expect(second.json["limit"]?.integer == 1)
    }

    @Test func `my halls come by name, and those I may join apart`() throws {
        let (client, ana) = try Client.signedIn()
        let eva = try client.database.makeUser("eva")
        let zoo = try client.database.makeHall("Zoo", owner: ana)
        let art = try client.database.makeHall("Art", owner: ana)
        let open = try client.database.makeHall("Open", owner: eva)
        _ = try client.database.makeHall("Secret", isPrivate: true, owner: eva)

        #expect(client.get("/chat/halls").ids("halls") == [art.id, zoo.id])
        let joinable = client.get("/chat/halls?scope=open")
        #expect(joinable.ids("halls") == [open.id])
        #expect(joinable.json["halls"]?.array?.first?["role"] == .null)
        #expect(client.get("/chat/halls?scope=all").code == "invalid_request")
        #expect(client.get("/chat/halls?scope=").code == "invalid_request")
        #expect(client.get("/chat/halls?other=1").ids("halls") == [art.id, zoo.id])
    }

    @Test func `one joins an open hall, twice if need be, and leaves it`() throws {
        let (client, _) = try Client.signedIn()
        let eva = try client.database.makeUser("eva")
        let hall = try client.database.makeHall(owner: eva)
        let body: JSONValue = ["hall_id": .integer(hall.id)]

        #expect(client.get("/chat/messages/\(hall.id)").code == "not_a_member")
        for _ in 1...2 {
            let joined = client.post("/chat/halls/join", body)
            #expect(joined.status == .ok)
            #expect(joined.json["hall"]?["role"]?.string == "member")
        }
        #expect(client.get("/chat/halls/\(hall.id)/members").ids("members") == [1, 2])

        let left = client.post("/chat/halls/leave", body)
        #expect(left.status == .noContent)
        #expect(left.body.isEmpty)
        #expect(client.wakeCount == 3)
        #expect(client.post("/chat/halls/leave", body).code == "not_a_member")
        #expect(client.wakeCount == 3)
    }

    @Test(
        arguments: [
            .null, "1", 0, -1, 9_007_199_254_740_992, .number("1.5"), .number("1e0"), .bool(true),
            [], [:],
        ] as [JSONValue])
    func `what is no id is refused`(_ id: JSONValue) throws {
        let (client, _) = try Client.signedIn()
        for path in ["join", "leave"] {
            let response = client.post("/chat/halls/\(path)", ["hall_id": id])
            #expect(response.code == "invalid_request")
            #expect(response.json["detail"]?.string?.contains("hall_id") == true)
        }
    }

    @Test func `an archived hall takes nobody in`() throws {
        let (client, _) = try Client.signedIn()
        let hall = try client.database.makeHall(owner: client.database.makeUser("eva"))
        try client.database.archiveHall(hall.id)
        let response = client.post("/chat/halls/join", ["hall_id": .integer(hall.id)])
        #expect(response.status == .conflict)
        #expect(response.code == "hall_archived")
    }

    @Test func `a private hall that is not mine looks like none`() throws {
        let (client, _) = try Client.signedIn()
        let hall = try client.database.makeHall(
            isPrivate: true, owner: client.database.makeUser("eva"))
        let none = hall.id + 1
        let secret = String(hall.id)
        func requests(_ id: String) -> [HTTPResponse] {
            let body = JSONValue.object([.init("hall_id", .number(id))])
            return [
                client.post("/chat/halls/join", body), client.post("/chat/halls/leave", body),
                client.get("/chat/halls/\(id)/members"), client.get("/chat/messages/\(id)"),
                client.get("/chat/messages/\(id)?since_rev=0"),
                client.post("/chat/messages/\(id)", ["content": "x"]),
                client.post("/chat/messages/\(id)", ["content": "x", "client_key": "k"]),
            ]
        }
        let ofSecret = requests(secret)
        #expect(ofSecret.allSatisfy { $0.status == .notFound })
        #expect(ofSecret.map { $0.bytes() } == requests(String(none)).map { $0.bytes() })
        #expect(client.wakeCount == 0)
    }

    @Test func `members come in pages`() throws {
        let (client, ana) = try Client.signedIn()
        let others = try ["b", "c", "d"].map { try client.database.makeUser($0) }
        let hall = try client.database.makeHall(owner: ana, members: others)
        func page(_ query: String) -> ([Int64], Bool?) {
            let response = client.get("/chat/halls/\(hall.id)/members\(query)")
            return (response.ids("members"), response.json["has_more"]?.bool)
        }
        #expect(page("") == ([1, 2, 3, 4], false))
        #expect(page("?limit=3") == ([1, 2, 3], true))
        #expect(page("?limit=4") == ([1, 2, 3, 4], false))
        #expect(page("?limit=3&after=3") == ([4], false))
        #expect(page("?after=4") == ([], false))
        #expect(page("?limit=1000") == ([1, 2, 3, 4], false))
        for query in ["?limit=0", "?limit=1001", "?limit=", "?limit=x", "?after=-1", "?after=1.5"] {
            let response = client.get("/chat/halls/\(hall.id)/members\(query)")
            #expect(response.code == "invalid_request", "\(query)")
        }
    }

    @Test func `a page of members is one state of the database, with who may see it`() throws {
        let (client, ana) = try Client.signedIn()
        let hall = try client.database.makeHall(
            owner: ana, members: [client.database.makeUser("b")])
        var begun = 0
        try client.database.read { db in
            db.trace { if $0.description.hasPrefix("BEGIN") { begun += 1 } }
        }

        #expect(client.get("/chat/halls/\(hall.id)/members?limit=1").ids("members") == [1])

        #expect(begun == 1)
    }

    @Test func `joining has its pace`() throws {
        let (client, _) = try Client.signedIn()
        client.site.joins = RateLimiter(perSecond: 0.01, burst: 2)
        for name in ["a", "b"] {
            #expect(client.post("/chat/halls", ["name": .string(name)]).status == .created)
        }
        for path in ["", "/join", "/leave"] {
            let response = client.post("/chat/halls\(path)", ["name": "c", "hall_id": 1])
            #expect(response.status == .tooManyRequests)
            #expect(response.header("Retry-After") != nil)
        }
    }
}
