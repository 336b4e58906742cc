// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import CompactJSON
import Foundation
import GRDB
import Testing

@testable import ChatModels

/// What is said in halls.
@Suite struct MessageTests {
    let clock = TestClock()
    let database: ChatDatabase
    let ana: User
    let ben: User
    let hall: Hall
    let other: Hall

    init() throws {
        database = try emptyDatabase(clock: clock)
        ana = try database.makeUser("ana")
        ben = try database.makeUser("ben")
        hall = try database.makeHall("General", owner: ana, members: [ben])
        other = try database.makeHall("Other", owner: ben, members: [ana])
    }

    private func new(_ content: String, key: String? = nil, hall: Hall? = nil, sender: User? = nil)
        -> NewMessage
    {
        NewMessage(
            hallID: (hall ?? self.hall).id, senderID: (sender ?? ana).id, content: content,
            clientKey: key)
    }

    // MARK: Saying

    @Test func `what is said is kept as it was said`() throws {
        let content = "  Hi\n\t<b>&amp; 李😀 e\u{301}\r\n\u{1}"

        let created = try database.createMessage(new(content, key: "k-1"))

        #expect(!created.isRepeat)
        let message = created.message
        #expect(message.rev == 1)
        #expect(message.username == "ana")
        #expect(message.createdAt == someMoment.iso8601)
        #expect(message.clientKey == "k-1")
        #expect(try database.message(message.id, as: ben.id) == message)
        let page = try database.messages(of: hall.id, as: ben.id)
        #expect(page == MessagePage(messages: [message], rev: 1, hasMore: false))
        #expect(page.messages.first.map { Array($0.content.utf8) } == Array(content.utf8))
    }

    @Test func `a message is as long as its bound, and not one longer`() throws {
        // Code points, neither bytes nor characters.
        for letter in ["x", "é", "李", "😀"] {
            let long = String(repeating: letter, count: 4_000)
            #expect(try code { try database.say(long, in: hall, as: ana) } == nil)
            let error = #expect(throws: ChatError.self) {
                try database.say(long + "x", in: hall, as: ana)
            }
            #expect(error?.code == .messageTooLong)
            #expect(error?.limit == 4_000)
        }
        let flags = String(repeating: "🇪🇺", count: 2_000)
        #expect(try code { try database.say(flags, in: hall, as: ana) } == nil)
        #expect(try code { try database.say(flags + "🇪🇺", in: hall, as: ana) } == .messageTooLong)
    }

    @Test func `a key's second text is held against the first byte for byte`() throws {
        var limits = Limits()
        limits.messageLengthMax = 100_000
        let database = try emptyDatabase(limits)
        let ana = try database.makeUser("ana")
        let hall = try database.makeHall(owner: ana)
        try database.say(endless, in: hall, as: ana, clientKey: "k")
        try database.say("\u{E9}", in: hall, as: ana, clientKey: "l")

        let other = String(String.UnicodeScalarView(endless.unicodeScalars.reversed()))

        let duration = try ContinuousClock().measure { () throws in
            for (content, key) in [(other, "k"), ("e\u{301}", "l")] {
                #expect(
                    try code { try database.say(content, in: hall, as: ana, clientKey: key) }
                        == .clientKeyReused)
            }
        }

        #expect(duration < .seconds(1))
    }

    @Test(arguments: [
        "", " ", "\n\t \r\n", "\u{A0}\u{2003}\u{3000}", "\u{200B}", "\u{FEFF}\u{2060} ", "\u{3164}",
    ])
    func `a message with nothing to see is refused`(content: String) throws {
        #expect(try code { try database.say(content, in: hall, as: ana) } == .messageEmpty)
    }

    @Test(arguments: ["!", "~", " \n.", "é", "李", "😀", "\u{200B}x", "\u{3164}é", "\u{7F}"])
    func `a message with one sign to see is taken`(content: String) throws {
        #expect(try code { try database.say(content, in: hall, as: ana) } == nil)
    }

    @Test(arguments: ["\u{0}", "a\u{0}b", "\u{0}é", "long enough for several bytes at once\u{0}"])
    func `a message with a NUL character is refused`(content: String) throws {
        #expect(try code { try database.say(content, in: hall, as: ana) } == .invalidRequest)
    }

    @Test func `each hall counts for itself`() throws {
        let revs = try [hall, other, hall, other, other].map {
            try database.say(in: $0, as: ana).rev
        }

        #expect(revs == [1, 1, 2, 2, 3])
        #expect(try database.halls(of: ana.id).map(\.rev) == [2, 3])
    }

    // MARK: Client keys

    @Test func `a repeated key answers with the message that is there`() throws {
        let first = try database.createMessage(new("Hello", key: "k")).message
        clock.advance(seconds: 5)
        let cursor = try database.logEnd()

        let second = try database.createMessage(new("Hello", key: "k"))

        #expect(second == WrittenMessage(repeated: first))
        #expect(try database.messages(of: hall.id, as: ana.id).rev == 1)
        #expect(try database.logEnd() == cursor)
    }

    @Test func `a key with another content or another hall is refused`() throws {
        _ = try database.createMessage(new("Hello", key: "k"))

        #expect(
            try code { _ = try database.createMessage(new("Hallo", key: "k")) } == .clientKeyReused)
        #expect(
            try code { _ = try database.createMessage(new("Hello", key: "k", hall: other)) }
                == .clientKeyReused)
        #expect(try database.messages(of: hall.id, as: ana.id).rev == 1)
        #expect(try database.messages(of: other.id, as: ana.id).rev == 0)
    }

    @Test func `another sender may use the same key, and without a key nothing repeats`() throws {
        let messages = try [
            new("x", key: "k"), new("x", key: "k", sender: ben), new("x"), new("x"),
            new("x", key: "K"),
        ].map { try database.createMessage($0) }

        #expect(messages.allSatisfy { !$0.isRepeat })
        #expect(messages.map(\.message.rev) == [1, 2, 3, 4, 5])
    }

    @Test func `a repeated key does not help who has left`() throws {
        _ = try database.createMessage(new("Hello", key: "k"))
        try database.leave(hall.id, as: ana.id)

        #expect(try code { _ = try database.createMessage(new("Hello", key: "k")) } == .notAMember)
    }

    @Test func `a key is as long as its bound and of plain characters`() throws {
        let longest = String(repeating: "k", count: 64)
        for key in ["a", "A-z_0", longest] {
            #expect(try code { _ = try database.createMessage(new("x", key: key)) } == nil)
        }
        for key in ["", longest + "k", "a b", "é", "a.b", "a\u{0}", "a\n", "a/b", "k\u{301}"] {
            #expect(
                try code { _ = try database.createMessage(new("x", key: key)) } == .invalidClientKey
            )
        }
    }

    // MARK: Several at once

    @Test func `of several at once those refused do not harm the others, and all keep their order`()
        throws
    {
        let hidden = try database.makeHall("Hidden", isPrivate: true, owner: ben)
        let archived = try database.makeHall("Archived", owner: ana)
        try database.archiveHall(archived.id)
        let cursor = try database.logEnd()

        let results = try database.sayAll([
            new("one"), new(""), new("two", key: "k"), new("x", hall: hidden), new("two", key: "k"),
            new("x", key: "k"), new("three", sender: ben), new("x", hall: archived),
            new(String(repeating: "x", count: 4_001)), new("four", hall: other), new("x", key: "?"),
            new("five"),
        ])

        let codes = results.map { result -> ChatError.Code? in
            if case .failure(let error) = result { error.code } else { nil }
        }
        #expect(
            codes == [
                nil, .messageEmpty, nil, .notFound, nil, .clientKeyReused, nil, .hallArchived,
                .messageTooLong, nil, .invalidClientKey, nil,
            ])
        let created = try results.filter { (try? $0.get()) != nil }.map { try $0.get() }
        #expect(created.map(\.message.content) == ["one", "two", "two", "three", "four", "five"])
        #expect(created.map(\.message.rev) == [1, 2, 2, 3, 1, 4])
        #expect(created.map(\.isRepeat) == [false, false, true, false, false, false])
        #expect(
            try database.log(after: cursor).events
                == created.filter { !$0.isRepeat }.map { .messageCreated($0.message) })
        #expect(try database.sayAll([]).isEmpty)
    }

    @Test func `many at once become what they become one by one`() throws {
        let (together, apart) = (try emptyDatabase(clock: clock), try emptyDatabase(clock: clock))
        var halls: [Hall] = []
        for database in [together, apart] {
            let users = try ["ana", "ben", "cara"].map { try database.makeUser($0) }
            halls = try (0..<5).map { try database.makeHall("\($0)", owner: users[$0 % 3]) }
            for hall in halls.dropLast(2) {
                _ = try database.join(hall.id, as: users[1].id)
            }
        }
        for round in 0..<30 {
            let batch = (0..<Int.random(in: 1...50)).map { number in
                NewMessage(
                    hallID: halls[Int.random(in: 0..<5)].id, senderID: .random(in: 1...3),
                    content: Int.random(in: 0..<20) == 0 ? "" : "\(Int.random(in: 0..<3))",
                    clientKey: Bool.random() ? nil : "k-\(round / 2)-\(Int.random(in: 0..<20))")
            }
            for database in [together, apart] where round == 15 {
                try database.leave(halls[0].id, as: 2)
            }

            let results = try together.sayAll(batch)

            for (new, result) in zip(batch, results) {
                let expected = Result { try apart.createMessage(new) }
                #expect("\(result.map(\.message))" == "\(expected.map(\.message))")
                #expect((try? result.get().isRepeat) == (try? expected.get().isRepeat))
            }
        }
        #expect(try together.problems().isEmpty)
    }

    // MARK: Reading

    @Test func `paging back gives everything once, in order`() throws {
        for number in 1...237 {
            try database.say("\(number)", in: number % 3 == 0 ? other : hall, as: ana)
        }

        var seen: [Message] = []
        var hasMore = true
        while hasMore {
            let page = try database.messages(
                of: hall.id, as: ben.id, limit: 10, before: seen.first?.id)
            #expect(page.rev == 158)
            seen = page.messages + seen
            hasMore = page.hasMore
        }

        #expect(seen.map(\.rev) == Array(1...158))
        #expect(seen.map(\.id) == seen.map(\.id).sorted())
        #expect(seen.allSatisfy { $0.hallID == hall.id })
    }

    @Test func `a page is as large as asked for, within its bounds`() throws {
        try database.sayMany(201, in: hall, as: ana)
        func page(_ limit: Int?) throws -> [Int64] {
            let page = try database.messages(of: hall.id, as: ana.id, limit: limit)
            return [Int64(page.messages.count), page.messages.last?.rev ?? 0, page.hasMore ? 1 : 0]
        }

        #expect(try page(nil) == [50, 201, 1])
        #expect(try page(1) == [1, 201, 1])
        #expect(try page(200) == [200, 201, 1])
        #expect(try page(201) == [200, 201, 1])
        #expect(try page(.max) == [200, 201, 1])
        #expect(try page(0) == [1, 201, 1])
        #expect(try page(-5) == [1, 201, 1])
        #expect(try page(.min) == [1, 201, 1])
    }

    @Test func `a page says exactly when there is more`() throws {
        try database.sayMany(50, in: hall, as: ana)
        #expect(try !database.messages(of: hall.id, as: ana.id).hasMore)
        try database.say(in: hall, as: ana)
        #expect(try database.messages(of: hall.id, as: ana.id).hasMore)

        let first = try #require(
            database.messages(of: hall.id, as: ana.id, limit: 200).messages.first)
        for before in [first.id, 0, -1, .min] {
            let page = try database.messages(of: hall.id, as: ana.id, before: before)
            #expect(page == MessagePage(messages: [], rev: 51, hasMore: false))
        }
        #expect(try database.messages(of: hall.id, as: ana.id, before: .max).messages.count == 50)
    }

    @Test func `what changed since a position is whole, or says that it is not`() throws {
        try database.sayMany(250, in: hall, as: ana)
        func since(_ rev: Int64, limit: Int? = nil) throws -> MessagesSince {
            try database.messages(
                of: hall.id, as: ben.id, since: HallPosition(rev: rev), limit: limit)
        }

        #expect(
            try since(250)
                == MessagesSince(
                    messages: [], rev: 250, change: 0, isComplete: true, hasMore: false))
        #expect(try since(247).messages.map(\.rev) == [248, 249, 250])
        let whole = try since(50)
        #expect(whole.isComplete)
        #expect(whole.messages.map(\.rev) == Array(51...250))
        for rev in [49, 0, -1, .min] as [Int64] {
            let changes = try since(rev)
            #expect(!changes.isComplete)
            #expect(changes.hasMore)
            #expect(changes.messages.map(\.rev) == Array(201...250))
        }
        // A position from the future: another database.
        for rev in [251, .max] as [Int64] { #expect(try !since(rev).isComplete) }
        #expect(try since(240, limit: 10).isComplete)
        #expect(try !since(239, limit: 10).isComplete)
        #expect(try since(249, limit: 0).isComplete)
        #expect(try !since(248, limit: -1).isComplete)
    }

    @Test func `an empty hall is whole`() throws {
        #expect(
            try database.messages(of: hall.id, as: ana.id, since: HallPosition(rev: 0))
                == MessagesSince(messages: [], rev: 0, change: 0, isComplete: true, hasMore: false))
        #expect(
            try database.messages(of: hall.id, as: ana.id)
                == MessagePage(messages: [], rev: 0, hasMore: false))
    }

    @Test func `before any number come exactly the hall's older messages`() throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser("ana")
        let halls = try (0..<3).map {
            try database.createHall(named: "hall \($0)", isPrivate: false, by: ana.id)
        }
        // Ids are shared by all halls, so that each has gaps.
        var ids: [Int64: [Int64]] = [:]
        for turn in 0..<400 {
            // The last has less than 64 messages, between which nothing is indexed.
            let hall = halls[turn % 10 == 9 ? 2 : turn * turn % 3]
            let message = try database.createMessage(
                NewMessage(hallID: hall.id, senderID: ana.id, content: "\(turn)")
            ).message
            ids[hall.id, default: []].append(message.id)
        }

        for hall in halls {
            for before in Int64(0)...405 {
                let page = try database.messages(of: hall.id, as: ana.id, before: before)
                let older = ids[hall.id, default: []].filter { $0 < before }
                #expect(page.messages.map(\.id) == older.suffix(50))
                #expect(page.hasMore == (older.count > 50))
            }
        }
    }

    @Test func `who comes later reads what was said before`() throws {
        try database.sayMany(3, in: hall, as: ana)
        let cai = try database.makeUser("cai")

        _ = try database.join(hall.id, as: cai.id)

        #expect(try database.messages(of: hall.id, as: cai.id).messages.count == 3)
        #expect(try database.hall(hall.id, as: cai.id).rev == 3)
    }

    @Test func `what somebody said stays when the sender leaves or is shut out`() throws {
        try database.say("Mine", in: hall, as: ben)
        try database.leave(hall.id, as: ben.id)
        try database.setDisabled(true, user: ben.id)

        let page = try database.messages(of: hall.id, as: ana.id)

        #expect(page.messages.map(\.username) == ["ben"])
    }

    @Test func `the client key is shown to nobody but the sender`() throws {
        var json = JSONWriter()
        let message = Message(
            id: 1, hallID: 2, rev: 3, senderID: 4, username: "ana", content: "a\"b\n",
            createdAt: "2026-11-23T09:30:00.123Z", clientKey: "k")

        message.write(to: &json)
        message.write(to: &json, for: 5)
        message.write(to: &json, for: 4)

        let shape =
            #"{"id":1,"hall_id":2,"rev":3,"sender_id":4,"username":"ana","content":"a\"b\n","#
            + #""created_at":"2026-11-23T09:30:00.123Z""#
        #expect(
            String(decoding: json.bytes, as: UTF8.self) == shape + "}" + shape + "}" + shape
                + #","client_key":"k"}"#)
    }
}
