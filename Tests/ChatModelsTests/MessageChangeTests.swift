// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import Foundation
import GRDB
import Testing

@testable import ChatModels

/// What becomes of a message after it was said.
struct MessageChangeTests {
    let clock = TestClock()
    let database: ChatDatabase
    let ana: User
    let ben: User
    let hall: Hall

    init() throws {
        database = try emptyDatabase(clock: clock)
        ana = try database.makeUser("ana")
        ben = try database.makeUser("ben")
        hall = try database.makeHall(owner: ana)
        _ = try database.join(hall.id, as: ben.id)
    }

    @discardableResult
    private func edit(
        _ message: Message, _ content: String, as user: User, in hallID: Int64? = nil
    ) throws -> WrittenMessage {
        try database.perform(
            .edit(
                MessageEdit(
                    hallID: hallID ?? message.hallID, messageID: message.id, userID: user.id,
                    content: content)))
    }

    @discardableResult
    private func delete(_ message: Message, by actor: Actor) throws -> WrittenMessage {
        try database.perform(
            .delete(
                MessageDeletion(hallID: message.hallID, messageID: message.id, by: actor)))
    }

    private func newest(_ count: Int = 50) throws -> [Message] {
        try database.messages(of: hall.id, as: ana.id, limit: count).messages
    }

    // MARK: What is right

    @Test func `an edit changes the text, and neither place nor time`() throws {
        let said = try database.say("frist", in: hall, as: ben)
        clock.advance(milliseconds: 1_000)

        let edited = try edit(said, "first", as: ben)

        var expected = said
        expected.content = "first"
        expected.change = MessageChange(number: 1, editedAt: clock.now.iso8601)
        #expect(edited.message == expected)
        #expect(!edited.isRepeat)
        #expect(try newest() == [expected])
        #expect(try database.hall(hall.id, as: ben.id).rev == 1)
        #expect(try database.hall(hall.id, as: ben.id).change == 1)
        #expect(try database.say("second", in: hall, as: ana).rev == 2)
        #expect(try database.problems().isEmpty)
    }

    @Test func `what was deleted has a place, a sender and a time, and no text`() throws {
        let said = try database.say("secret", in: hall, as: ben)
        try edit(said, "more secret", as: ben)

        let deleted = try delete(said, by: .user(ben.id))

        var expected = said
        expected.content = ""
        expected.change = MessageChange(number: 2, deleted: .sender)
        #expect(deleted.message == expected)
        #expect(try newest() == [expected])
        #expect(try delete(said, by: .user(ben.id)) == WrittenMessage(repeated: expected))
        #expect(try delete(said, by: .operator) == WrittenMessage(repeated: expected))
        #expect(try code { try edit(said, "x", as: ben) } == .messageGone)
    }

    @Test func `an edit that changes nothing is no change`() throws {
        let said = try database.say("e\u{301}", in: hall, as: ben)
        let cursor = try database.logEnd()

        #expect(try edit(said, "e\u{301}", as: ben) == WrittenMessage(repeated: said))
        #expect(try database.logEnd() == cursor)
        // The same to read, and still another text.
        #expect(try edit(said, "\u{E9}", as: ben).message.change?.number == 1)
    }

    @Test func `who repeats a key of a changed message hears of the message as it is`() throws {
        let said = try database.say("one", in: hall, as: ben, clientKey: "k")
        try edit(said, "two", as: ben)
        #expect(try database.say("one", in: hall, as: ben, clientKey: "k").content == "two")
        try delete(said, by: .user(ana.id))

        let again = try database.createMessage(
            NewMessage(hallID: hall.id, senderID: ben.id, content: "one", clientKey: "k"))

        #expect(again.isRepeat)
        #expect(again.message.content.isEmpty)
        #expect(again.message.change?.deleted == .moderator)
    }

    @Test func `what is said, edited and deleted in one transaction happens in that order`() throws
    {
        let first = try database.say("1", in: hall, as: ben)
        let cursor = try database.logEnd()
        func say(_ text: String) -> MessageCommand {
            .say(NewMessage(hallID: hall.id, senderID: ben.id, content: text))
        }
        func edit(_ id: Int64, _ text: String) -> MessageCommand {
            .edit(
                MessageEdit(hallID: hall.id, messageID: id, userID: ben.id, content: text))
        }

        let results = try database.perform([
            say("2"), say("3"), edit(first.id, "1b"), say("4"), edit(first.id + 3, "4b"),
            edit(99, "x"), say("5"),
            .delete(
                MessageDeletion(hallID: hall.id, messageID: first.id + 1, by: .user(ben.id))),
        ])

        let written = results.compactMap { try? $0.get() }
        #expect(written.map(\.message.content) == ["2", "3", "1b", "4", "4b", "5", ""])
        #expect(written.map { ($0.entry?.number ?? 0) - cursor.number } == [1, 1, 2, 3, 4, 5, 6])
        #expect(try newest().map(\.content) == ["1b", "", "3", "4b", "5"])
        #expect(try newest().map { $0.change?.number ?? 0 } == [1, 3, 0, 2, 0])
        let events = try database.log(after: cursor).events
        // The log tells of messages as they are when it is read.
        let now = try newest()
        #expect(
            events == [
                .messageCreated(now[1]), .messageCreated(now[2]),
                .messageChanged(now[0], change: 1), .messageCreated(now[3]),
                .messageChanged(now[3], change: 2), .messageCreated(now[4]),
                .messageChanged(now[1], change: 3),
            ])
        #expect(try database.problems().isEmpty)
    }

    // MARK: Who may

    @Test(arguments: Role.allCases, [Role.owner, .moderator, .member, nil])
    func `the table of rights, cell by cell`(_ role: Role, _ other: Role?) {
        let mayDelete: Set<[Role?]> = [
            [.owner, .moderator], [.owner, .member], [.owner, nil], [.moderator, .member],
            [.moderator, nil],
        ]
        #expect(role.permits(.edit, .own) && role.permits(.delete, .own))
        #expect(!role.permits(.edit, .others(other)))
        #expect(role.permits(.delete, .others(other)) == mayDelete.contains([role, other]))
    }

    @Test func `nobody alters what another has said, not even who may delete it`() throws {
        let said = try database.say("mine", in: hall, as: ben)
        #expect(try code { try edit(said, "x", as: ana) } == .notAllowed)
        #expect(try newest() == [said])
        #expect(try delete(said, by: .user(ana.id)).message.change?.deleted == .moderator)
        let owners = try database.say("mine", in: hall, as: ana)
        #expect(try code { try delete(owners, by: .user(ben.id)) } == .notAllowed)
        try database.setMember(ben.id, of: hall.id, as: .moderator)
        #expect(try code { try delete(owners, by: .user(ben.id)) } == .notAllowed)
        #expect(try delete(owners, by: .operator).message.change?.deleted == .operator)
    }

    @Test func `who has left may be cleaned up after, and changes nothing any more`() throws {
        let said = try database.say("bye", in: hall, as: ben)
        try database.leave(hall.id, as: ben.id)
        #expect(try code { try edit(said, "x", as: ben) } == .notAMember)
        #expect(try code { try delete(said, by: .user(ben.id)) } == .notAMember)
        let cara = try database.makeUser("cara")
        try database.setMember(cara.id, of: hall.id, as: .moderator)
        #expect(try delete(said, by: .user(cara.id)).message.change?.deleted == .moderator)
    }

    @Test func `a message is found in its own hall alone`() throws {
        let hidden = try database.makeHall("Hidden", isPrivate: true, owner: ana)
        let said = try database.say("there", in: hidden, as: ana)
        var here = said
        here.hallID = hall.id
        #expect(try code { try edit(here, "x", as: ana) } == .notFound)
        #expect(try code { try delete(here, by: .user(ana.id)) } == .notFound)
        #expect(try code { try delete(here, by: .operator) } == .notFound)
        #expect(try code { try edit(said, "x", as: ben) } == .notFound)
        #expect(try database.hall(hidden.id, as: ana.id).change == 0)
    }

    @Test func `in an archived hall nothing changes but by the operator`() throws {
        let said = try database.say("kept", in: hall, as: ben)
        try database.archiveHall(hall.id)
        #expect(try code { try edit(said, "x", as: ben) } == .hallArchived)
        #expect(try code { try delete(said, by: .user(ana.id)) } == .hallArchived)
        #expect(try delete(said, by: .operator).message.content.isEmpty)
    }

    @Test func `a text that no hall takes is refused, and the old one stays`() throws {
        let said = try database.say("kept", in: hall, as: ben)
        for (text, expected) in [
            ("", ChatError.Code.messageEmpty), (" \u{200B}", .messageEmpty),
            ("a\u{0}", .invalidRequest), (String(repeating: "x", count: 4_001), .messageTooLong),
        ] {
            #expect(try code { try edit(said, text, as: ben) } == expected)
        }
        #expect(try newest() == [said])
    }

    @Test func `where edits have a time, it is over to the millisecond`() throws {
        var limits = Limits()
        limits.editSecondsMax = 60
        let database = try ChatDatabase(inMemory: limits, clock: { [clock] in clock.now })
        let ana = try database.makeUser("ana")
        let hall = try database.makeHall(owner: ana)
        let said = try database.say("x", in: hall, as: ana)
        func edit(_ text: String) throws -> Message {
            try database.perform(
                .edit(
                    MessageEdit(
                        hallID: hall.id, messageID: said.id, userID: ana.id, content: text))
            ).message
        }
        clock.advance(milliseconds: 60_000)
        #expect(try edit("y").content == "y")
        clock.advance(milliseconds: 1)
        #expect(try code { _ = try edit("z") } == .editTimeOver)
        // Who asks for what is so already is not too late; and to delete is never too late.
        #expect(try edit("y").content == "y")
        let deletion = MessageDeletion(hallID: hall.id, messageID: said.id, by: .user(ana.id))
        #expect(try database.perform(.delete(deletion)).message.content.isEmpty)
    }

    @Test func `earlier texts are kept where that is wanted, and go with the message`() throws {
        var limits = Limits()
        limits.keepsEarlierTexts = true
        limits.earlierTextsMax = 3
        let folder = try TemporaryFolder()
        let keeping = try folder.database(limits)
        let ana = try keeping.makeUser("ana")
        let ben = try keeping.makeUser("ben")
        let hall = try keeping.makeHall(owner: ana, members: [ben])
        let said = try keeping.say("1", in: hall, as: ben)
        func edit(_ text: String, in database: ChatDatabase) throws {
            _ = try database.perform(
                .edit(
                    MessageEdit(
                        hallID: hall.id, messageID: said.id, userID: ben.id, content: text)))
        }
        func texts(as user: User, in database: ChatDatabase) throws -> [String] {
            try database.reading {
                try $0.earlierTexts(of: said.id, in: hall.id, as: user.id).map(\.content)
            }
        }
        for text in 2...5 { try edit("\(text)", in: keeping) }
        #expect(try texts(as: ana, in: keeping) == ["2", "3", "4"])
        #expect(try code { _ = try texts(as: ben, in: keeping) } == .notAllowed)
        let stranger = try keeping.makeUser("stranger")
        #expect(try code { _ = try texts(as: stranger, in: keeping) } == .notAMember)

        // Where it is not wanted any more, nothing is shown, and the next edit forgets it.
        let forgetting = try folder.database()
        #expect(try texts(as: ana, in: forgetting) == [])
        try edit("6", in: forgetting)
        #expect(try texts(as: ana, in: keeping) == [])

        try edit("7", in: keeping)
        #expect(try texts(as: ana, in: keeping) == ["6"])
        let deletion = MessageDeletion(hallID: hall.id, messageID: said.id, by: .user(ben.id))
        _ = try keeping.perform(.delete(deletion))
        #expect(try texts(as: ana, in: keeping) == [])
        #expect(
            try code {
                _ = try keeping.reading {
                    try $0.earlierTexts(of: 99, in: hall.id, as: ana.id)
                }
            } == .notFound)
    }

    @Test func `a role of a later version may nothing, and is not acted on`() throws {
        let said = try database.say("x", in: hall, as: ben)
        try database.write { db in
            try db.execute(sql: "UPDATE user_halls SET role = 'warden' WHERE user_id = \(ben.id)")
        }
        #expect(try code { try database.say(in: hall, as: ben) } == .notAllowed)
        #expect(try code { try edit(said, "y", as: ben) } == .notAllowed)
        #expect(try code { try delete(said, by: .user(ana.id)) } == .notAllowed)
    }

    // MARK: Catching up

    @Test func `since a position there is each changed message once, as it is now`() throws {
        let said = try (1...5).map { try database.say("\($0)", in: hall, as: ben) }
        for (index, text) in [(0, "a"), (1, "b"), (0, "c"), (3, "d")] {
            try edit(said[index], text, as: ben)
        }
        try delete(said[1], by: .user(ben.id))
        func since(_ rev: Int64, _ change: Int64?, limit: Int? = nil) throws -> MessagesSince {
            try database.messages(
                of: hall.id, as: ana.id, since: HallPosition(rev: rev, change: change),
                limit: limit)
        }

        let all = try since(0, 0)
        #expect(all.messages.map(\.content) == ["c", "", "3", "d", "5"])
        #expect(all.changed?.map(\.content) == ["c", "d", ""])
        #expect(all.changed?.map { $0.change?.number } == [3, 4, 5])
        #expect((all.rev, all.change, all.isComplete) == (5, 5, true))
        #expect(try since(5, 3).changed?.map(\.content) == ["d", ""])
        #expect(try since(5, 5).changed == [])
        #expect(try since(5, nil).changed == nil)
        for (change, limit) in [(Int64(6), nil), (0, 2)] as [(Int64, Int?)] {
            let torn = try since(5, change, limit: limit)
            #expect(!torn.isComplete && torn.changed == nil && torn.messages.count == 5)
        }
    }

    @Test func `of deleted text nothing is left in the files`() throws {
        let folder = try TemporaryFolder()
        let database = try folder.database()
        let ana = try database.makeUser("ana")
        let hall = try database.makeHall(owner: ana)
        let short = try database.say("findme-short", in: hall, as: ana)
        let long = try database.say(
            String(repeating: "findme-long ", count: 300), in: hall, as: ana)
        try database.sayEach(20, in: hall, as: ana)
        #expect(!(try filesHolding("findme", folder)).isEmpty)

        let edit = MessageEdit(
            hallID: hall.id, messageID: short.id, userID: ana.id, content: "else")
        _ = try database.perform(.edit(edit))
        _ = try database.perform(
            .delete(MessageDeletion(hallID: hall.id, messageID: long.id, by: .user(ana.id))))
        #expect(try database.purgeDeleted())

        #expect(try filesHolding("findme", folder).isEmpty)
        #expect(try database.problems().isEmpty)
    }

    @Test func `of a deleted hall nothing is left in the files`() throws {
        let folder = try TemporaryFolder()
        let database = try folder.database()
        let ana = try database.makeUser("ana")
        let hall = try database.makeHall("findme-hall", owner: ana)
        let other = try database.makeHall("other", owner: ana)
        _ = try database.setTopic("findme-topic", of: hall.id, by: ana.id)
        for number in 1...200 {
            try database.say("findme \(number)", in: hall, as: ana, clientKey: "findme\(number)")
            try database.say("stay \(number)", in: other, as: ana)
        }
        let long = String(repeating: "findme-long ", count: 300)
        try database.say(long, in: hall, as: ana)
        #expect(!(try filesHolding("findme", folder)).isEmpty)

        try database.deleteHall(hall.id)
        #expect(try database.purgeDeleted())

        #expect(try filesHolding("findme", folder).isEmpty)
        #expect(try filesHolding("stay 200", folder) == ["chat.db"])
        #expect(try database.problems().isEmpty)
    }

    private func filesHolding(_ text: String, _ folder: TemporaryFolder) throws -> [String] {
        try ["chat.db", "chat.db-wal", "chat.db-shm"].filter { name in
            let path = folder.file(name)
            guard FileManager.default.fileExists(atPath: path) else { return false }
            return try Data(contentsOf: URL(filePath: path)).range(of: Data(text.utf8)) != nil
        }
    }
}
