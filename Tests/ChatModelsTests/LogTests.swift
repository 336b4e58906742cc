// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import Foundation
import GRDB
import Testing

@testable import ChatModels

/// The log that chat-push follows.
@Suite struct LogTests {
    /// The position of a message that was said; `nil` of other events.
    private static func rev(_ event: LogEvent) -> Int64? {
        if case .messageCreated(let message) = event { message.rev } else { nil }
    }

    @Test func `the log says everything in its order, a batch at a time`() throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser()
        let hall = try database.makeHall(owner: ana)
        try database.sayEach(25, in: hall, as: ana)

        var cursor: LogPosition = 0
        var seen: [LogEvent] = []
        while true {
            let batch = try database.log(after: cursor, limit: 10)
            #expect(!batch.isTorn)
            guard !batch.events.isEmpty else { break }
            #expect(batch.events.count <= 10)
            cursor = batch.end
            seen += batch.events
        }

        #expect(seen.count == 26)
        #expect(cursor == 26)
        #expect(try database.logEnd() == 26)
        #expect(seen.first == .joined(hallID: hall.id, userID: ana.id, role: .owner))
        let contents = seen.dropFirst().map { event in
            if case .messageCreated(let message) = event { message.content } else { "?" }
        }
        #expect(contents == (1...25).map(String.init))
    }

    @Test func `what is said in one transaction is one entry, and told one by one`() throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser()
        let hall = try database.makeHall(owner: ana)
        let other = try database.makeHall("Other", owner: ana)
        try database.say("first", in: hall, as: ana)
        let created = try database.sayAll(
            (0..<10).map {
                NewMessage(
                    hallID: $0 % 2 == 0 ? hall.id : other.id, senderID: ana.id,
                    content: $0 == 4 ? "" : "\($0)")
            }
        ).compactMap { try? $0.get() }
        try database.say("last", in: hall, as: ana)

        #expect(created.map(\.entry) == Array(repeating: 4, count: 9))
        let changes = try database.log(after: 2).events
        #expect(changes.count == 11)
        #expect(Array(changes[1..<10]) == created.map { .messageCreated($0.message) })
        // Never a part of it.
        for limit in [2, 10] {
            let batch = try database.log(after: 2, limit: limit)
            #expect(batch.events == Array(changes[..<10]))
            #expect(batch.end == 4)
            #expect(batch.hasMore)
        }
        let whole = try database.log(after: 2, limit: 11)
        #expect(whole.end == 5 && !whole.hasMore)
        #expect(try database.log(after: 4).events == [changes[10]])
    }

    @Test(arguments: [511, 512, 513, 1_025])
    func `an entry tells of so many messages and not more`(count: Int) throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser()
        let hall = try database.makeHall(owner: ana)
        try database.sayMany(count, in: hall, as: ana)

        let batch = try database.log(after: 1, limit: 10_000)

        #expect(try batch.end == database.logEnd())
        #expect(batch.end.number == Int64(1 + (count + 511) / 512))
        #expect(batch.events.compactMap(Self.rev) == (1...Int64(count)).map { $0 })
    }

    @Test func `an empty log is whole`() throws {
        let database = try emptyDatabase()

        #expect(try database.logEnd() == 0)
        #expect(
            try database.log(after: 0) == LogBatch(events: [], end: 0, isTorn: false))
    }

    @Test func `a message in the log has its client key, for its sender`() throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser()
        let hall = try database.makeHall(owner: ana)
        let message = try database.say(in: hall, as: ana, clientKey: "k")

        let last = try database.log(after: 0).events.last

        #expect(last == .messageCreated(message))
        #expect(message.clientKey == "k")
    }

    @Test func `who follows too slowly learns that entries are gone`() throws {
        var limits = Limits()
        limits.changesKept = 1_000
        let database = try emptyDatabase(limits)
        let ana = try database.makeUser()
        let hall = try database.makeHall(owner: ana)

        try database.sayEach(2_000, in: hall, as: ana)

        // At entry 1024 everything up to 24 was cut off.
        for cursor in [0, 23] as [LogPosition] {
            #expect(
                try database.log(after: cursor)
                    == LogBatch(events: [], end: 2_001, isTorn: true))
        }
        let batch = try database.log(after: 24, limit: 5)
        #expect(!batch.isTorn)
        #expect(batch.events.compactMap(Self.rev) == [24, 25, 26, 27, 28])
        #expect(batch.end == 29)
        #expect(try database.logEnd() == 2_001)
        try database.sayEach(1_000, in: hall, as: ana)
        #expect(try database.log(after: 24).isTorn)
        #expect(try database.log(after: 1_048).events.first.flatMap(Self.rev) == 1_048)
    }

    @Test func `a cursor from the future is torn: the database was put back`() throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser()
        _ = try database.makeHall(owner: ana)

        #expect(try database.log(after: 2) == LogBatch(events: [], end: 1, isTorn: true))
        #expect(
            try database.log(after: 1) == LogBatch(events: [], end: 1, isTorn: false))
    }

    @Test func `a log that was emptied is torn for who had not read it`() throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser()
        _ = try database.makeHall(owner: ana)
        try database.write { db in try db.execute(sql: "DELETE FROM changes") }

        #expect(try database.log(after: 0).isTorn)
        #expect(try !database.log(after: 1).isTorn)
    }

    @Test func `an entry of a newer version is passed over`() throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser()
        _ = try database.makeHall(owner: ana)
        try database.write { db in
            try db.execute(sql: "INSERT INTO changes (entry) VALUES ('later')")
        }

        let batch = try database.log(after: 1)

        #expect(batch == LogBatch(events: [], end: 2, isTorn: false))
    }

    @Test func `what was rolled back leaves no entry and no gap`() throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser()
        let hall = try database.makeHall(owner: ana)
        struct Stop: Error {}

        #expect(throws: Stop.self) {
            try database.write { db in
                try database.log(.left(hallID: hall.id, userID: ana.id), by: .operator, in: db)
                throw Stop()
            }
        }
        try database.say(in: hall, as: ana)

        let batch = try database.log(after: 0)
        #expect(batch.events.count == 2 && batch.end == 2)
    }

    // MARK: Snapshots

    @Test func `a snapshot is the state at the end of its batch`() throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser("ana")
        let ben = try database.makeUser("ben")
        let hall = try database.makeHall("Secret", isPrivate: true, owner: ana, members: [ben])
        try database.sayMany(3, in: hall, as: ana)
        let cursor = try database.logEnd()
        try database.sayMany(2, in: hall, as: ben)

        let (changes, value) = try database.snapshot(after: cursor) { reader in
            (
                try reader.hall(hall.id), try reader.hall(99),
                try reader.messages(of: hall.id, as: ana.id, since: HallPosition(rev: 1))
            )
        }

        #expect(changes.events.count == 2)
        #expect(try changes.end == database.logEnd())
        #expect(value.0?.hall.rev == 5)
        #expect(value.0?.hall.name == "Secret")
        #expect(value.0?.members == [ana.id: .owner, ben.id: .member])
        #expect(value.1 == nil)
        #expect(value.2.messages.map(\.rev) == [2, 3, 4, 5])
        #expect(try database.hallSnapshot(hall.id) == value.0)
        #expect(try database.hallSnapshot(99) == nil)
    }

    @Test func `a snapshot and the log fit together while others write`() throws {
        let folder = try TemporaryFolder()
        let writer = try folder.database()
        let reader = try folder.database()
        let ana = try writer.makeUser()
        let hall = try writer.makeHall(owner: ana)
        let start = try writer.logEnd()

        DispatchQueue.concurrentPerform(iterations: 2) { index in
            #expect(throws: Never.self) {
                guard index == 1 else {
                    for _ in 0..<200 { try writer.say(in: hall, as: ana) }
                    return
                }
                var cursor = start
                var rev: Int64 = 0
                while rev < 200 {
                    let (changes, snapshot) = try reader.snapshot(after: cursor) {
                        try $0.hall(hall.id)
                    }
                    rev += Int64(changes.events.count)
                    cursor = changes.end
                    #expect(snapshot?.hall.rev == rev)
                }
            }
        }
    }

    @Test func `who is too far behind to read all with a state begins anew`() throws {
        let database = try emptyDatabase()
        let most = ChatDatabase.snapshotEventsMax
        try database.write { db in
            try db.execute(
                sql: """
                    WITH RECURSIVE number (n) AS (
                        SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n <= ?)
                    INSERT INTO changes (id, entry, hall_id) SELECT n, 'renamed', 1 FROM number
                    """, arguments: [most])
        }

        let (whole, _) = try database.snapshot(after: 1) { _ in }
        let (torn, _) = try database.snapshot(after: 0) { _ in }

        #expect(whole.events.count == most)
        #expect(!whole.isTorn)
        #expect(torn.events.isEmpty)
        #expect(torn.isTorn)
        #expect([whole.end, torn.end].map(\.number) == [Int64(most) + 1, Int64(most) + 1])
    }
}
