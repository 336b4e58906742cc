// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import CompactJSON
import GRDB
import Testing

@testable import ChatModels

/// Pages of history as bytes say what the values say.
@Suite struct HistoryPageTests {
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

    /// What is said now in two halls by two people, some of it with keys, and with all kinds of signs.
    private func talk(_ count: Int) throws {
        for number in 1...count {
            clock.advance(milliseconds: 7)
            let sender = number % 3 == 0 ? ben : ana
            try database.say(
                "\(number) \"é\\\n😀\u{1}", in: hall, as: sender,
                clientKey: number % 2 == 0 ? "k-\(number)" : nil)
            if number % 4 == 0 { try database.say(in: other, as: ben) }
        }
    }

    /// Edits each tenth of ana's messages, and lets ben delete the one before.
    private func change(_ messages: [Message]) throws {
        for message in messages where message.rev % 10 == 1 {
            clock.advance(milliseconds: 7)
            let edit = MessageEdit(
                hallID: hall.id, messageID: message.id, userID: message.senderID, content: "\"2nd\""
            )
            _ = try database.perform(.edit(edit))
        }
        for message in messages where message.rev % 10 == 3 {
            let deletion = MessageDeletion(
                hallID: hall.id, messageID: message.id, by: .user(message.senderID))
            _ = try database.perform(.delete(deletion))
        }
    }

    private func page(_ user: User, _ body: (any History) throws -> HistoryPage) throws -> [UInt8] {
        try database.reading { try body($0.history(of: hall.id, as: user.id)) }.json(for: user.id)
    }

    private func expected(
        _ messages: [Message], _ user: User, rev: Int64, change: Int64 = 0, hasMore: Bool,
        isComplete: Bool? = nil, changed: [Message]? = nil
    ) -> [UInt8] {
        var json = JSONWriter()
        func write(_ messages: [Message]) {
            json.raw("[")
            for (index, message) in messages.enumerated() {
                if index > 0 { json.raw(",") }
                message.write(to: &json, for: user.id)
            }
            json.raw("]")
        }
        json.raw("{\"messages\":")
        write(messages)
        json.raw(",\"rev\":\(rev),\"change\":\(change),\"has_more\":\(hasMore)".utf8)
        if let isComplete { json.raw(",\"complete\":\(isComplete)".utf8) }
        if let changed {
            json.raw(",\"changed\":")
            write(changed)
        }
        json.raw("}")
        return json.bytes
    }

    @Test func `a page of bytes is the page of messages, for each reader with the own keys`() throws
    {
        try talk(40)
        for user in [ana, ben] {
            for (limit, before) in [(nil, nil), (3, nil), (40, nil), (41, nil), (5, 20), (2, 1)]
                as [(Int?, Int64?)]
            {
                let page = try database.messages(
                    of: hall.id, as: user.id, limit: limit, before: before)
                #expect(
                    try self.page(user) { try $0.page(limit: limit, before: before) }
                        == expected(page.messages, user, rev: page.rev, hasMore: page.hasMore))
            }
        }
    }

    @Test func `what changed since is the same in bytes, whole or not`() throws {
        try talk(30)
        for user in [ana, ben] {
            for (rev, limit) in [(0, nil), (29, nil), (30, nil), (31, nil), (0, 29), (1, 29)]
                as [(Int64, Int?)]
            {
                let changes = try database.messages(
                    of: hall.id, as: user.id, since: HallPosition(rev: rev), limit: limit)
                #expect(
                    try page(user) { try $0.page(since: HallPosition(rev: rev), limit: limit) }
                        == expected(
                            changes.messages, user, rev: changes.rev, hasMore: changes.hasMore,
                            isComplete: changes.isComplete))
            }
        }
    }

    @Test func `with changed messages it is the same`() throws {
        try talk(40)
        try change(try database.messages(of: hall.id, as: ana.id, limit: 40).messages)
        try change(try database.messages(of: hall.id, as: ana.id, limit: 5).messages)
        for user in [ana, ben] {
            for (limit, before) in [(nil, nil), (3, nil), (11, nil), (5, 20), (40, nil)]
                as [(Int?, Int64?)]
            {
                let page = try database.messages(
                    of: hall.id, as: user.id, limit: limit, before: before)
                #expect(
                    try self.page(user) { try $0.page(limit: limit, before: before) }
                        == expected(
                            page.messages, user, rev: page.rev, change: 8, hasMore: page.hasMore))
            }
            for change in Int64(0)...9 {
                for limit in [nil, 7, 8] as [Int?] {
                    let position = HallPosition(rev: 38, change: change)
                    let changes = try database.messages(
                        of: hall.id, as: user.id, since: position, limit: limit)
                    #expect(changes.isComplete == (change <= 8 && 8 - change <= limit ?? 8))
                    #expect(
                        try self.page(user) { try $0.page(since: position, limit: limit) }
                            == expected(
                                changes.messages, user, rev: changes.rev, change: 8,
                                hasMore: changes.hasMore, isComplete: changes.isComplete,
                                changed: changes.changed))
                }
            }
        }
    }

    @Test func `an empty hall has an empty page`() throws {
        #expect(
            try page(ana) { try $0.page(limit: nil, before: nil) }
                == Array(#"{"messages":[],"rev":0,"change":0,"has_more":false}"#.utf8))
    }

    @Test func `the version moves with what is said in the hall, and with nothing else`() throws {
        func version() throws -> HistoryVersion {
            try database.reading { try $0.history(of: hall.id, as: ana.id).version }
        }
        #expect(try version() == HistoryVersion(rev: 0, change: 0, messageID: 0, createdAt: ""))
        let said = try database.say(in: hall, as: ben)
        let now = HistoryVersion(rev: 1, change: 0, messageID: said.id, createdAt: said.createdAt)
        #expect(try version() == now)
        try database.say(in: other, as: ben)
        try database.renameHall(hall.id, to: "Lounge")
        #expect(try version() == now)
        try database.say(in: hall, as: ana)
        #expect(try version().rev == 2)
    }

    @Test func `who is no member gets no history`() throws {
        let eva = try database.makeUser("eva")
        #expect(
            try code { _ = try page(eva) { try $0.page(limit: nil, before: nil) } } == .notAMember)
        #expect(
            try code { _ = try database.reading { try $0.history(of: 99, as: ana.id) } }
                == .notFound)
    }

    @Test func `a request reads one state of the database`() throws {
        let folder = try TemporaryFolder()
        let (reader, writer) = (try folder.database(), try folder.database())
        let eva = try writer.makeUser("eva")
        let hall = try writer.makeHall(owner: eva)
        let (_, token) = try writer.createSession(for: eva)
        try reader.reading { reader in
            #expect(try reader.session(token: token)?.user == eva)
            try writer.say(in: hall, as: eva)
            try writer.removeMember(eva.id, of: hall.id, by: .operator)
            #expect(try reader.history(of: hall.id, as: eva.id).version.rev == 0)
        }
        #expect(
            try code { _ = try reader.reading { try $0.history(of: hall.id, as: eva.id) } }
                == .notAMember)
    }

    @Test func `what goes wrong in a read leaves the connection as it was`() throws {
        for _ in 1...3 {
            #expect(throws: ChatError.self) {
                try database.reading { _ = try $0.history(of: 99, as: ana.id) }
            }
        }
        try database.say(in: hall, as: ana)
        #expect(try database.messages(of: hall.id, as: ana.id).rev == 1)
    }
}
