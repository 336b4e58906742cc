// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatTesting
import CompactJSON
import Testing

@testable import chat_fcgi

/// What a client has already is not sent again, and is never what it may not see.
struct ConditionalTests {
    private let client: Client
    private let ana: User
    private let ben: User
    private let hall: Hall
    private var path: String { "/chat/messages/\(hall.id)" }
    private var variants: [String] {
        [
            path, path + "?limit=2", path + "?before=3", path + "?since_rev=1",
            path + "?since_rev=99",
        ]
    }

    init() throws {
        (client, ana) = try Client.signedIn()
        ben = try client.database.makeUser("ben")
        hall = try client.database.makeHall(owner: ana, members: [ben])
        try client.database.sayMany(3, in: hall, as: ana)
    }

    private func get(_ target: String, having header: String) -> HTTPResponse {
        var request = client.request(.get, target)
        request.ifNoneMatch = header
        return client.send(request)
    }

    /// Asks for something that the client has as it was answered before.
    private func again(_ target: String, _ before: HTTPResponse) throws -> HTTPResponse {
        get(target, having: try #require(before.tagHeader))
    }

    private func restart() {
        client.site.pages = ReadyAnswers { $0.byteCount }
        client.site.hallLists = ReadyAnswers { $0.byteCount }
    }

    // MARK: History

    @Test func `an unchanged hall answers 304`() throws {
        for target in variants {
            let first = client.get(target)
            #expect(first.status == .ok)
            let second = try again(target, first)
            #expect(second.status == .notModified, "\(target)")
            #expect(second.tag == first.tag)
            #expect(second.body.isEmpty)
            #expect(client.get(target).body == first.body)
        }
    }

    @Test func `a 304 has the headers of the answer it stands for, and no content`() throws {
        let second = try again(path, client.get(path))
        let text = String(decoding: second.bytes(), as: UTF8.self)
        #expect(
            text == """
                Status: 304 Not Modified\r
                Cache-Control: private, no-cache\r
                Vary: Authorization, Cookie\r
                ETag: "2.50.200.\(ana.id).3.0.3.0.0.\(someMoment.iso8601)."\r
                X-Content-Type-Options: nosniff\r
                \r

                """)
    }

    @Test func `a page looks as its format says`() {
        // Who changes this changes HistoryPage.format: browsers would go on with the old look.
        #expect(HistoryPage.format == 2)
        #expect(
            String(decoding: client.get(path + "?limit=1").body, as: UTF8.self) == """
                {"messages":[{"id":3,"hall_id":1,"rev":3,"sender_id":1,"username":"ana",\
                "content":"3","created_at":"\(someMoment.iso8601)"}],"rev":3,"change":0,"has_more":true}
                """)
    }

    @Test func `a new message is seen at once`() throws {
        for target in variants {
            let first = client.get(target)
            let said = try client.database.say("New", in: hall, as: ben)
            let second = try again(target, first)
            #expect(second.status == .ok)
            #expect(second.json["rev"]?.integer == said.rev)
        }
        #expect(client.get(path).json["messages"]?.array?.last?["content"]?.string == "New")
    }

    @Test func `who was taken out of a hall is told so, not that nothing changed`() throws {
        try client.signIn(ben)
        let before = try variants.map { try #require(client.get($0).tagHeader) }
        try client.database.removeMember(ben.id, of: hall.id, by: .operator)
        for (target, tag) in zip(variants, before) {
            #expect(get(target, having: tag).code == "not_a_member")
            #expect(get(target, having: "*").status == .forbidden)
            #expect(client.get(target).tag == nil)
        }
    }

    @Test func `a private hall that one lost is not there`() throws {
        let secret = try client.database.makeHall("S", isPrivate: true, owner: ana, members: [ben])
        try client.signIn(ben)
        let first = client.get("/chat/messages/\(secret.id)")
        try client.database.removeMember(ben.id, of: secret.id, by: .operator)
        #expect(try again("/chat/messages/\(secret.id)", first).status == .notFound)
    }

    @Test func `who signed out, or was shut out, gets nothing`() throws {
        let first = client.get(path)
        try client.database.setDisabled(true, user: ana.id)
        #expect(try again(path, first).status == .unauthorized)
        client.cookie = ""
        #expect(try again(path, first).status == .unauthorized)
    }

    @Test func `another member's answer is never taken for one's own`() throws {
        try client.database.say(in: hall, as: ana, clientKey: "anas")
        try client.database.say(in: hall, as: ben, clientKey: "bens")
        let anas = client.get(path)
        try client.signIn(ben)
        let bens = try again(path, anas)
        #expect(bens.status == .ok)
        for (answer, keys) in [(anas, ["anas", nil]), (bens, [nil, "bens"])] {
            let messages = try #require(answer.json["messages"]?.array)
            #expect(messages.suffix(2).map { $0["client_key"]?.string } == keys)
        }
        #expect(try again(path, bens).status == .notModified)
    }

    @Test func `a restart makes no difference`() throws {
        let first = client.get(path)
        restart()
        #expect(try again(path, first).status == .notModified)
        #expect(client.get(path).body == first.body)
        #expect(client.get(path).tag == first.tag)
    }

    @Test func `another size of pages is another answer`() throws {
        let first = client.get(path)
        var limits = Limits()
        limits.pageSizeDefault = 2
        let (other, eva) = try Client.signedIn(limits)
        let hall = try other.database.makeHall(owner: eva)
        try other.database.sayMany(3, in: hall, as: eva)
        #expect(other.get(path).tag != first.tag)
    }

    @Test(arguments: [false, true])
    func `a put back backup that came as far again is another past`(_ isEdit: Bool) throws {
        // The same hall, rev, change and ids; only the moment of what came last differs.
        var answers: [HTTPResponse] = []
        for delay in 1...2 {
            let clock = TestClock()
            let other = try Client(clock: clock)
            let eva = try other.database.makeUser()
            try other.signIn(eva)
            let hall = try other.database.makeHall(owner: eva)
            if !isEdit { clock.advance(milliseconds: Int64(delay)) }
            let said = try other.database.say(in: hall, as: eva)
            if isEdit {
                clock.advance(milliseconds: Int64(delay))
                let edit = MessageEdit(
                    hallID: hall.id, messageID: said.id, userID: eva.id, content: "\(delay)")
                _ = try other.database.perform(.edit(edit))
            }
            answers.append(other.get("/chat/messages/\(hall.id)"))
        }
        #expect(answers[0].json["rev"] == answers[1].json["rev"])
        #expect(answers[0].tag != answers[1].tag)
    }

    @Test func `HEAD is told as GET is`() throws {
        let first = client.get(path)
        var head = client.request(.head, path)
        #expect(client.send(head).tag == first.tag)
        #expect(client.send(head).bytes(isHead: true) == first.bytes(isHead: true))
        head.ifNoneMatch = try #require(first.tagHeader)
        #expect(client.send(head).status == .notModified)
    }

    @Test(arguments: ["", "1.50", "\"", "W/\"x\"", "\"é\u{0}", "***"])
    func `what is no list of tags gets the whole answer`(_ header: String) {
        for target in [path, "/chat/halls"] { #expect(get(target, having: header).status == .ok) }
    }

    @Test func `what cannot be kept may not be`() {
        for target in ["/chat/me", "/chat/halls/1/members", "/chat/messages/99", "/chat/nothing"] {
            let text = String(decoding: get(target, having: "*").bytes(), as: UTF8.self)
            #expect(text.contains("\r\nCache-Control: no-store\r\n"), "\(target)")
            #expect(!text.contains("ETag"), "\(target)")
        }
    }

    // MARK: Halls

    @Test func `unchanged halls answer 304`() throws {
        for target in ["/chat/halls", "/chat/halls?scope=open"] {
            let first = client.get(target)
            #expect(first.status == .ok)
            #expect(try again(target, first).status == .notModified)
            restart()
            #expect(try again(target, first).status == .notModified)
            #expect(client.get(target).body == first.body)
        }
    }

    @Test func `whatever changes my halls changes their answer`() throws {
        let database = client.database
        let other = try database.makeHall("Other", owner: ben)
        var last = client.get("/chat/halls")
        let changes: [(String, () throws -> Void)] = [
            ("a message", { try database.say(in: hall, as: ben) }),
            ("another name", { try database.renameHall(hall.id, to: "Lounge") }),
            ("a hall more", { _ = try database.join(other.id, as: ana.id) }),
            ("another role", { try database.setMember(ana.id, of: other.id, as: .owner) }),
            ("the archive", { try database.archiveHall(hall.id) }),
            ("no archive", { try database.unarchiveHall(hall.id) }),
            ("a deleted hall", { try database.deleteHall(other.id) }),
            ("a hall less", { try database.leave(hall.id, as: ana.id) }),
        ]
        for (what, change) in changes {
            try change()
            let next = try again("/chat/halls", last)
            #expect(next.status == .ok, "\(what)")
            #expect(next.body != last.body, "\(what)")
            let expected = HTTPResponse.json { json in
                json.raw("{\"halls\":[")
                for (index, hall) in ((try? database.halls(of: ana.id)) ?? []).enumerated() {
                    if index > 0 { json.raw(",") }
                    hall.write(to: &json)
                }
                json.raw("]}")
            }
            #expect(next.body == expected.body, "\(what)")
            #expect(try again("/chat/halls", next).status == .notModified, "\(what)")
            last = next
        }
    }

    @Test func `what happens in halls that are not mine changes nothing`() throws {
        let other = try client.database.makeHall("Other", owner: ben)
        let first = client.get("/chat/halls")
        for count in [1, 3, 200] {
            try client.database.sayMany(count, in: other, as: ben)
            #expect(try again("/chat/halls", first).status == .notModified)
        }
        try client.database.say(in: hall, as: ben)
        #expect(try again("/chat/halls", first).status == .ok)
    }

    @Test func `my halls are never another's`() throws {
        let anas = client.get("/chat/halls")
        try client.signIn(ben)
        let bens = try again("/chat/halls", anas)
        #expect(bens.status == .ok)
        #expect(bens.json["halls"]?.array?.first?["role"]?.string == "member")
    }
}

extension HTTPResponse {
    /// The value of `ETag`.
    var tagHeader: String? {
        tag.map { "\"\(String(decoding: $0.opaque, as: UTF8.self))\"" }
    }
}
