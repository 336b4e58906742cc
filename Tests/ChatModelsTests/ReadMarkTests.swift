// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import GRDB
import Testing

@testable import ChatModels

/// How far members have read. What holds for every engine stands in ``EngineTests``.
@Suite struct ReadMarkTests {
    let database: ChatDatabase
    let ana: User
    let ben: User
    let hall: Hall

    init() throws {
        database = try emptyDatabase()
        ana = try database.makeUser("ana")
        ben = try database.makeUser("ben")
        hall = try database.makeHall(owner: ana, members: [ben])
    }

    private func mark(_ rev: Int64, _ user: User) throws -> WrittenMark {
        try database.perform(ReadMark(hallID: hall.id, userID: user.id, rev: rev))
    }

    private func read(_ user: User) throws -> Int64? {
        try database.hall(hall.id, as: user.id).read
    }

    private func unread(_ user: User) throws -> UnreadCount {
        try database.reading { try $0.unread(of: user.id) }
    }

    @Test func `a mark moves forward, and not beyond what was said`() throws {
        try database.sayMany(5, in: hall, as: ana)
        #expect(try read(ben) == 0)
        #expect(try mark(3, ben).mark.rev == 3)
        let back = try mark(2, ben)
        #expect(back.mark.rev == 3 && back.entry == nil)
        #expect(try mark(99, ben).mark.rev == 5)
        #expect(try read(ben) == 5)
    }

    @Test func `who joins late has read what was there, and who leaves is forgotten`() throws {
        try database.sayMany(3, in: hall, as: ana)
        let eva = try database.makeUser("eva")
        #expect(try database.join(hall.id, as: eva.id).read == 3)
        try database.sayMany(2, in: hall, as: ana)
        #expect(try unread(eva) == UnreadCount(messages: 2, halls: 1))
        try database.leave(hall.id, as: eva.id)
        #expect(try unread(eva) == UnreadCount(messages: 0, halls: 0))
        #expect(try database.join(hall.id, as: eva.id).read == 5)
    }

    @Test func `what one says is read with it, where all before it was`() throws {
        try database.sayMany(2, in: hall, as: ana)
        #expect(try read(ana) == 2)
        try database.say(in: hall, as: ben)
        #expect(try read(ben) == 0)
        try database.say(in: hall, as: ana)
        #expect(try read(ana) == 2)
        #expect(try unread(ana) == UnreadCount(messages: 2, halls: 1))
    }

    @Test func `of several said in one transaction it is the same`() throws {
        func say(_ user: User) -> MessageCommand {
            .say(NewMessage(hallID: hall.id, senderID: user.id, content: "x"))
        }
        _ = try database.perform([say(ana), say(ana), say(ben), say(ana), say(ben)])
        #expect(try read(ana) == 2)
        #expect(try read(ben) == 0)
    }

    @Test func `a mark and a message share a transaction, and a refusal harms neither`() throws {
        let eva = try database.makeUser("eva")
        let batch = try #require(
            try database.perform(
                [.say(NewMessage(hallID: hall.id, senderID: ana.id, content: "x"))],
                marks: [
                    ReadMark(hallID: hall.id, userID: eva.id, rev: 1),
                    ReadMark(hallID: hall.id, userID: ben.id, rev: 1),
                    ReadMark(hallID: 99, userID: ben.id, rev: 1),
                ], waitingAtMost: nil))
        let message = try #require(try batch.messages.first?.get())
        let codes = batch.marks.map { result -> ChatError.Code? in
            if case .failure(let error) = result { error.code } else { nil }
        }
        #expect(codes == [.notAMember, nil, .notFound])
        let written = try batch.marks[1].get()
        let (said, entry) = (try #require(message.entry), try #require(written.entry))
        #expect(written.mark.rev == 1 && entry.follows(said))
    }

    @Test func `the unread of all halls are added up`() throws {
        let other = try database.makeHall("Other", owner: ana, members: [ben])
        _ = try database.makeHall("Quiet", owner: ben)
        try database.sayMany(3, in: hall, as: ana)
        try database.sayMany(2, in: other, as: ana)
        #expect(try unread(ben) == UnreadCount(messages: 5, halls: 2))
        _ = try mark(3, ben)
        #expect(try unread(ben) == UnreadCount(messages: 2, halls: 1))
    }

    @Test func `a kept list is another after a mark of one's own, not after another's`() throws {
        func list(_ user: User, _ kept: HallList?) throws -> HallList {
            try database.reading { try $0.halls(of: user.id, kept: kept) }
        }
        try database.sayMany(2, in: hall, as: ana)
        let (anas, bens) = (try list(ana, nil), try list(ben, nil))
        _ = try mark(1, ben)
        #expect(try list(ben, bens).json != bens.json)
        #expect(try list(ana, anas).json == anas.json)
        // Not read anew either: what it was kept for still holds.
        let end = try database.logEnd()
        try database.write { db in
            try db.execute(
                sql: "UPDATE halls SET topic = 'unseen' WHERE id = ?", arguments: [hall.id])
        }
        #expect(try list(ana, anas).json == anas.json)
        #expect(try database.logEnd() == end)
    }

    @Test func `nobody knows how far was read before marks were kept`() throws {
        try database.sayMany(3, in: hall, as: ana)
        try database.write { db in try db.execute(sql: "UPDATE user_halls SET read_rev = NULL") }
        #expect(try read(ben) == nil)
        #expect(try unread(ben) == UnreadCount(messages: 0, halls: 0))
        try database.say(in: hall, as: ben)
        #expect(try read(ben) == nil)
        #expect(try mark(2, ben).mark.rev == 2)
        #expect(try unread(ben) == UnreadCount(messages: 2, halls: 1))
    }

    @Test func `the log tells of a mark`() throws {
        try database.say(in: hall, as: ana)
        let start = try database.logEnd()
        _ = try mark(1, ben)
        _ = try mark(1, ben)
        #expect(
            try database.log(after: start).events
                == [.read(ReadMark(hallID: hall.id, userID: ben.id, rev: 1))])
    }
}
