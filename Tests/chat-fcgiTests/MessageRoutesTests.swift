// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatTesting
import CompactJSON
import Testing

@testable import chat_fcgi

struct MessageRoutesTests {
    private let client: Client
    private let ana: User
    private let hall: Hall
    private var path: String { "/chat/messages/\(hall.id)" }

    init() throws {
        (client, ana) = try Client.signedIn()
        hall = try client.database.makeHall(owner: ana)
        client.site.sends = RateLimiter(perSecond: 1_000, burst: 1_000)
    }

    @Test func `what is said is answered with, and read again`() throws {
        let said = client.post(path, ["content": "Hello \"you\" é\u{1F600}"])
        #expect(said.status == .created)
        let message: JSONValue = [
            "id": 1, "hall_id": 1, "rev": 1, "sender_id": 1, "username": "ana",
            "content": "Hello \"you\" é\u{1F600}", "created_at": .string(someMoment.iso8601),
        ]
        #expect(said.json == ["message": message])
        #expect(client.wakeCount == 1)

        let read = client.get(path)
        #expect(read.status == .ok)
        #expect(read.json == ["messages": [message], "rev": 1, "change": 0, "has_more": false])
    }

    @Test func `a repeated key answers with the first message`() throws {
        let body: JSONValue = ["content": "x", "client_key": "k-1"]
        let first = client.post(path, body)
        let again = client.post(path, body)
        #expect(first.status == .created)
        #expect(again.status == .ok)
        #expect(first.body == again.body)
        #expect(first.json["message"]?["client_key"]?.string == "k-1")
        #expect(client.wakeCount == 1)

        let other = client.post(path, ["content": "y", "client_key": "k-1"])
        #expect(other.status == .conflict)
        #expect(other.code == "client_key_reused")
    }

    @Test func `a key goes to nobody but its sender`() throws {
        let eva = try client.database.makeUser("eva")
        try client.database.setMember(eva.id, of: hall.id, as: .member)
        try client.database.say(in: hall, as: eva, clientKey: "evas")
        try client.database.say(in: hall, as: ana, clientKey: "anas")
        for query in ["", "?since_rev=0"] {
            let keys = client.get(path + query).json["messages"]?.array?.map { $0["client_key"] }
            #expect(keys == [nil, "anas"])
        }
    }

    @Test(arguments: ["", "a b", "é", String(repeating: "k", count: 65)])
    func `a key that is none is refused`(_ key: String) {
        let response = client.post(path, ["content": "x", "client_key": .string(key)])
        #expect(response.status == .unprocessableContent)
        #expect(response.code == "invalid_client_key")
    }

    @Test func `a key of 64 characters or null is good`() {
        let longest = JSONValue.string(String(repeating: "k", count: 64))
        #expect(client.post(path, ["content": "x", "client_key": longest]).status == .created)
        #expect(client.post(path, ["content": "x", "client_key": .null]).status == .created)
        #expect(client.post(path, ["content": "x", "client_key": 1]).code == "invalid_request")
    }

    @Test func `a message has its bounds`() {
        let longest = String(repeating: "\u{1F600}", count: 4_000)
        #expect(client.post(path, ["content": .string(longest)]).status == .created)
        let longer = client.post(path, ["content": .string(longest + "x")])
        #expect(longer.status == .unprocessableContent)
        #expect(longer.code == "message_too_long")
        #expect(longer.json["limit"]?.integer == 4_000)
        #expect(client.post(path, ["content": " \n"]).code == "message_empty")
        #expect(client.post(path, ["content": ""]).code == "message_empty")
        #expect(client.post(path, ["content": 1]).code == "invalid_request")
    }

    @Test func `an archived hall is only read`() throws {
        try client.database.archiveHall(hall.id)
        #expect(client.post(path, ["content": "x"]).code == "hall_archived")
        #expect(client.get(path).status == .ok)
    }

    @Test func `one who is no member neither reads nor writes`() throws {
        let eva = try client.database.makeUser("eva")
        try client.signIn(eva)
        #expect(client.get(path).status == .forbidden)
        #expect(client.get(path).code == "not_a_member")
        #expect(client.post(path, ["content": "x"]).code == "not_a_member")
        #expect(client.wakeCount == 0)
    }

    @Test func `a history comes in pages, oldest first`() throws {
        try client.database.sayMany(60, in: hall, as: ana)
        let last = client.get(path)
        #expect(last.ids("messages") == Array(11...60))
        #expect(last.json["has_more"]?.bool == true)
        #expect(last.json["rev"]?.integer == 60)
        #expect(last.json["complete"] == nil)

        let older = client.get(path + "?before=11")
        #expect(older.ids("messages") == Array(1...10))
        #expect(older.json["has_more"]?.bool == false)
        #expect(client.get(path + "?before=11&limit=2").ids("messages") == [9, 10])
        #expect(client.get(path + "?before=0").ids("messages") == [])
        #expect(client.get(path + "?limit=1").ids("messages") == [60])
        #expect(client.get(path + "?limit=200").ids("messages") == Array(1...60))
        #expect(client.get(path + "?unknown=%zz&limit=1").ids("messages") == [60])
    }

    @Test func `what changed since a position comes whole, or says that it does not`() throws {
        try client.database.sayMany(201, in: hall, as: ana)
        let whole = client.get(path + "?since_rev=1")
        #expect(whole.ids("messages") == Array(2...201))
        #expect(whole.json["complete"]?.bool == true)

        let torn = client.get(path + "?since_rev=0")
        #expect(torn.ids("messages") == Array(152...201))
        #expect(torn.json["complete"]?.bool == false)
        #expect(torn.json["has_more"]?.bool == true)

        #expect(client.get(path + "?since_rev=201").json["complete"]?.bool == true)
        #expect(client.get(path + "?since_rev=202").json["complete"]?.bool == false)
        #expect(client.get(path + "?since_rev=199&limit=2").json["complete"]?.bool == true)
        #expect(client.get(path + "?since_rev=198&limit=2").json["complete"]?.bool == false)
    }

    @Test(arguments: [
        "limit=0", "limit=201", "limit=-1", "limit=", "limit", "limit=1.0", "limit=x", "limit=%zz",
        "limit=99999999999999999999", "before=-1", "before=x", "before=", "since_rev=-1",
        "since_rev=x", "since_rev=", "before=9007199254740992", "before=1&since_rev=1",
    ])
    func `a parameter that is none is refused`(_ query: String) {
        let response = client.get("\(path)?\(query)")
        #expect(response.status == .badRequest)
        #expect(response.code == "invalid_request")
    }

    @Test func `sending has its pace`() throws {
        client.site.sends = RateLimiter(perSecond: 0.01, burst: 2)
        for _ in 1...2 { #expect(client.post(path, ["content": "x"]).status == .created) }
        let response = client.post(path, ["content": "x"])
        #expect(response.status == .tooManyRequests)
        #expect(response.code == "rate_limited")
        #expect(response.header("Retry-After") != nil)
        #expect(client.get(path).status == .ok)
    }

    @Test func `so has reading, for each by oneself`() throws {
        client.site.reads = RateLimiter(perSecond: 0.01, burst: 2)
        for _ in 1...2 { #expect(client.get(path).status == .ok) }
        for target in [path, "/chat/halls"] {
            let response = client.get(target)
            #expect(response.code == "rate_limited" && response.header("Retry-After") != nil)
        }
        #expect(client.post(path, ["content": "x"]).status == .created)
        let other = try client.database.makeUser("other")
        _ = try client.database.join(hall.id, as: other.id)
        try client.signIn(other)
        #expect(client.get(path).status == .ok)
    }

    @Test func `half of a surrogate pair is refused, and nothing is stored`() throws {
        let (client, user) = try Client.signedIn()
        let hall = try client.database.makeHall(owner: user)
        var request = client.request(.post, "/chat/messages/\(hall.id)", [:])
        for text in [#"{"content":"\ud800"}"#, #"{"content":"x","\udc00":1}"#] {
            request.body = .whole(Array(text.utf8))
            let response = client.send(request)
            #expect(response.status == .badRequest && response.code == "invalid_request")
        }
        #expect(client.get("/chat/messages/\(hall.id)").json["messages"]?.array?.isEmpty == true)
        request.body = .whole(Array(#"{"content":"\ud83d\ude00"}"#.utf8))
        #expect(client.send(request).status == .created)
    }
}
