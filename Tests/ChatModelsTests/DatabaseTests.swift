// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import CompactJSON
import Foundation
import GRDB
import GRDBSQLite
import Testing

@testable import ChatModels

/// The database as a file: opening, settings, copies, and what happens when it cannot write.
@Suite struct DatabaseTests {
    // MARK: Opening

    @Test func `a database that is not there is not made by a daemon`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("chat.db")

        #expect(throws: ChatDatabase.OpenError.missing(path: path)) { try ChatDatabase(path: path) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    @Test func `a database is made once, and says what was done`() throws {
        let folder = try TemporaryFolder()

        let first = try folder.database()
        let second = try folder.database()
        let daemons = try ChatDatabase(path: folder.file("chat.db"))

        #expect(
            first.migrationsRun == [
                "1 halls", "2 messages know the one before", "3 one entry for many messages",
                "4 older versions are refused by a name",
                "5 instances are told apart", "6 names that look the same", "7 messages change",
                "8 halls have topics", "9 people are not their names", "10 earlier texts",
                "11 how far members have read",
                "12 bans",
            ])
        #expect(second.migrationsRun.isEmpty)
        #expect(daemons.migrationsRun.isEmpty)
        #expect(try daemons.problems().isEmpty)
    }

    @Test func `a database without our tables is not taken by a daemon`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("chat.db")
        _ = FileManager.default.createFile(atPath: path, contents: Data())

        #expect(throws: ChatDatabase.OpenError.notMigrated(path: path)) {
            try ChatDatabase(path: path)
        }
        let migrated = try ChatDatabase(path: path, schema: .migrate)
        #expect(migrated.migrationsRun == ChatDatabase.migrator.migrations)
    }

    /// A file of the first version: halls at these positions, of which a user is the owner.
    private func makeOlderFile(at path: String, positions: [Int]) throws -> DatabaseQueue {
        let queue = try DatabaseQueue(path: path)
        try ChatDatabase.migrator.migrate(queue, upTo: "1 halls")
        try queue.write { db in
            try db.execute(
                sql: """
                    INSERT INTO users (id, username, username_key, created_at)
                    VALUES (1, 'ana', 'ana', '2026-01-01T00:00:00.000Z');
                    """)
            for rev in positions {
                try db.execute(
                    sql: """
                        INSERT INTO halls (name, name_key, private, rev, created_at)
                        SELECT 'Hall ' || (COUNT(*) + 1), 'hall ' || (COUNT(*) + 1), 0, ?,
                            '2026-01-01T00:00:00.000Z'
                        FROM halls
                        """, arguments: [rev])
            }
            try db.execute(
                sql: """
                    INSERT INTO user_halls (user_id, hall_id, role, joined_at)
                    SELECT 1, id, 'owner', '2026-01-01T00:00:00.000Z' FROM halls
                    """)
        }
        return queue
    }

    @Test func `messages of an older version are read as those of this one`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("chat.db")
        let old = try makeOlderFile(at: path, positions: [100, 50, 0])
        try old.write { db in
            try db.execute(
                sql: """
                    WITH RECURSIVE number (n) AS (
                        SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < 149)
                    INSERT INTO messages (hall_id, sender_id, content, created_at, rev)
                    SELECT CASE n % 3 WHEN 2 THEN 2 ELSE 1 END, 1, n, '2026-01-02T00:00:00.000Z',
                        CASE n % 3 WHEN 2 THEN n / 3 + 1 ELSE n / 3 * 2 + n % 3 + 1 END
                    FROM number
                    """)
        }
        try old.close()

        let database = try ChatDatabase(path: path, schema: .migrate)

        #expect(database.migrationsRun == Array(ChatDatabase.migrator.migrations.dropFirst()))
        #expect(try database.problems().isEmpty)
        for (hall, count) in [(1, 100), (2, 50), (3, 0)] as [(Int64, Int64)] {
            let page = try database.messages(of: hall, as: 1, limit: 200)
            #expect(page.messages.map(\.rev) == (0..<count).map { $0 + 1 })
            #expect(page.messages.allSatisfy { $0.hallID == hall })
            #expect(!page.hasMore)
            let new = NewMessage(hallID: hall, senderID: 1, content: "new")
            #expect(try database.createMessage(new).message.rev == count + 1)
        }
        #expect(try database.problems().isEmpty)
    }

    @Test func `an older version's history with a hole gives nobody what they have`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("chat.db")
        let old = try makeOlderFile(at: path, positions: [6])
        try old.write { db in
            try db.execute(
                sql: """
                    INSERT INTO messages (hall_id, sender_id, content, created_at, rev)
                    SELECT 1, 1, value, '2026-01-01T00:00:00.000Z', value
                    FROM json_each('[2, 3, 4, 6]')
                    """)
        }
        try old.close()

        let database = try ChatDatabase(path: path, schema: .migrate)

        for (since, revs) in [(0, [2, 3, 4, 6]), (3, [4, 6]), (4, [6]), (5, [6]), (6, [])]
            as [(Int64, [Int64])]
        {
            let changes = try database.messages(of: 1, as: 1, since: HallPosition(rev: since))
            #expect(changes.messages.map(\.rev) == revs)
            #expect(changes.isComplete)
            let page = try database.reading { reader in
                try reader.history(of: 1, as: 1).page(
                    since: HallPosition(rev: since), limit: nil
                ).json(for: 1)
            }
            let text = String(decoding: page, as: UTF8.self)
            #expect(text.components(separatedBy: "\"id\":").count - 1 == revs.count)
        }
        #expect(try database.problems().isEmpty)
        try database.backup(to: folder.file("copy.db"))
    }

    @Test func `a file whose second step was taken before it had a trigger is migrated`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("chat.db")
        let old = try makeOlderFile(at: path, positions: [0])
        try ChatDatabase.migrator.migrate(old, upTo: "3 one entry for many messages")
        try old.write { db in try db.execute(sql: "DROP TRIGGER halls_of_this_version") }
        try old.close()

        let database = try ChatDatabase(path: path, schema: .migrate)

        let new = NewMessage(hallID: 1, senderID: 1, content: "new")
        #expect(try database.createMessage(new).message.rev == 1)
        #expect(try database.log(after: 0).events.count == 1)
    }

    @Test func `who opened the file before it was migrated writes nothing more`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("chat.db")
        let old = try makeOlderFile(at: path, positions: [0])
        try old.inDatabase { db in try db.execute(sql: "PRAGMA journal_mode = WAL") }
        func say(_ rev: Int) throws {
            try old.write { db in
                try db.execute(
                    sql: """
                        INSERT INTO changes (kind, hall_id, message_id, user_id)
                        VALUES ('message', 1, ?, 1)
                        """, arguments: [rev])
                try db.execute(sql: "UPDATE halls SET rev = ? WHERE id = 1", arguments: [rev])
                try db.execute(
                    sql: """
                        INSERT INTO messages (hall_id, sender_id, content, created_at, rev)
                        VALUES (1, 1, 'old', '2026-01-01T00:00:00.000Z', ?)
                        """, arguments: [rev])
            }
        }
        try say(1)
        // Each step is a transaction: it may write after any of them.
        for step in ChatDatabase.migrator.migrations.dropFirst() {
            try ChatDatabase.migrator.migrate(old, upTo: step)
            #expect(throws: DatabaseError.self) { try say(2) }
        }
        let database = try ChatDatabase(path: path, schema: .migrate)

        let error = #expect(throws: DatabaseError.self) { try say(2) }

        #expect(error?.message == "table changes has no column named kind")
        #expect(try database.logEnd() == 1)
        #expect(try database.messages(of: 1, as: 1).messages.map(\.rev) == [1])
        let new = NewMessage(hallID: 1, senderID: 1, content: "new")
        #expect(try database.createMessage(new).message.rev == 2)
        #expect(try database.messages(of: 1, as: 1).messages.map(\.rev) == [1, 2])
        #expect(try database.problems().isEmpty)
    }

    @Test(arguments: [ChatDatabase.Schema.require, .migrate])
    func `a database of a newer version is left alone`(schema: ChatDatabase.Schema) throws {
        let folder = try TemporaryFolder()
        let path = folder.file("chat.db")
        let database = try folder.database()
        try database.write { db in
            try db.execute(sql: "INSERT INTO grdb_migrations VALUES ('99 later')")
        }

        #expect(throws: ChatDatabase.OpenError.newerVersion(path: path)) {
            try ChatDatabase(path: path, schema: schema)
        }
    }

    @Test func `a file that is no database is said to be none`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("chat.db")
        let text = Data(String(repeating: "no database ", count: 100).utf8)
        _ = FileManager.default.createFile(atPath: path, contents: text)

        for path in [path, folder.path, folder.file("none/chat.db")] {
            let error = #expect(throws: ChatDatabase.OpenError.self) {
                try ChatDatabase(path: path, schema: .migrate)
            }
            #expect(
                error?.description.hasPrefix("The database at \(path) cannot be used: ") == true)
            #expect(error?.description.contains("PRAGMA") == false)
        }
        #expect(FileManager.default.contents(atPath: path) == text)
    }

    @Test func `every reason not to open is a sentence`() {
        let errors: [ChatDatabase.OpenError] = [
            .missing(path: "/x"), .newerVersion(path: "/x"), .notMigrated(path: "/x"),
            .unusable(path: "/x", reason: "disk I/O error"),
        ]

        for error in errors {
            #expect(error.description.contains("/x") && error.description.hasSuffix("."))
        }
    }

    @Test func `four who migrate at once make one database`() throws {
        for _ in 0..<25 {
            let folder = try TemporaryFolder()

            DispatchQueue.concurrentPerform(iterations: 4) { _ in
                #expect(throws: Never.self) { try folder.database() }
            }

            #expect(try folder.database().problems().isEmpty)
        }
    }

    // MARK: Settings

    @Test func `the settings that the promises rest on are in force`() throws {
        let folder = try TemporaryFolder()
        let first = try folder.database()

        for database in [
            first, try folder.database(), try ChatDatabase(path: folder.file("chat.db")),
        ] {
            _ = try database.makeUser("user\(UUID().uuidString.prefix(8))")
            let settings = try database.settings()
            #expect(settings.journalMode == "wal")
            #expect(settings.synchronous == 2)
            #expect(settings.foreignKeys)
        }
    }

    @Test func `the log does not stay as long as it once was`() throws {
        let folder = try TemporaryFolder()
        let database = try folder.database()
        let ana = try database.makeUser()
        let hall = try database.makeHall(owner: ana)
        func logBytes() throws -> Int {
            let log = folder.file("chat.db-wal")
            return try FileManager.default.attributesOfItem(atPath: log)[.size] as? Int ?? 0
        }

        try database.sayMany(5_000, of: String(repeating: "x", count: 3_000), in: hall, as: ana)
        #expect(try logBytes() > 12 << 20)
        try database.sayEach(3, in: hall, as: ana)

        #expect(try logBytes() <= ChatDatabase.logBytesMax)
    }

    @Test func `memory that is kept for speed is given back, and all goes on`() throws {
        let folder = try TemporaryFolder()
        let database = try folder.database()
        let ana = try database.makeUser()
        let hall = try database.makeHall(owner: ana)
        try database.sayMany(200, of: String(repeating: "x", count: 4_000), in: hall, as: ana)
        let wanted = try database.messages(of: hall.id, as: ana.id, limit: 200, before: nil)
        let kept = cacheBytes(of: database)

        database.releaseMemory()

        #expect(kept > 800_000 && cacheBytes(of: database) < 20_000)
        #expect(
            try database.messages(of: hall.id, as: ana.id, limit: 200, before: nil) == wanted)
        #expect(try database.say(in: hall, as: ana).rev == 201)
    }

    /// The pages that SQLite has at hand.
    private func cacheBytes(of database: ChatDatabase) -> Int {
        database.queue.inDatabase { db in
            var (now, most): (Int32, Int32) = (0, 0)
            unsafe sqlite3_db_status(
                db.sqliteConnection, SQLITE_DBSTATUS_CACHE_USED, &now, &most, 0)
            return Int(now)
        }
    }

    @Test func `it answers`() throws {
        #expect(throws: Never.self) { try emptyDatabase().ping() }
    }

    @Test func `what another connection has written is seen at once`() throws {
        let folder = try TemporaryFolder()
        let one = try folder.database()
        let other = try folder.database()
        let ana = try one.makeUser()
        let hall = try one.makeHall(owner: ana)

        for number in 1...20 {
            let (writer, reader) = number % 2 == 0 ? (one, other) : (other, one)
            try writer.say("\(number)", in: hall, as: ana)
            #expect(try reader.messages(of: hall.id, as: ana.id).rev == Int64(number))
        }
    }

    // MARK: When it cannot write

    @Test func `a disk that is full is busy, and nothing is half written`() throws {
        let folder = try TemporaryFolder()
        let database = try folder.database()
        let ana = try database.makeUser()
        let hall = try database.makeHall(owner: ana)
        try database.queue.inDatabase { db in
            let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
            _ = try Int.fetchOne(db, sql: "PRAGMA max_page_count = \(pages + 2)")
        }
        let long = String(repeating: "x", count: 4_000)
        let batch = (0..<10).map { _ in NewMessage(hallID: hall.id, senderID: ana.id, content: long)
        }

        #expect(try code { _ = try database.sayAll(batch) } == .busy)

        #expect(try database.messages(of: hall.id, as: ana.id).rev == 0)
        #expect(try database.logEnd() == 1)
        #expect(try database.problems().isEmpty)
        try database.queue.inDatabase { db in
            _ = try Int.fetchOne(db, sql: "PRAGMA max_page_count = 100000")
        }
        #expect(
            try database.sayAll(batch).map { try $0.get().message.rev } == Array(1...10))
        #expect(try database.problems().isEmpty)
    }

    @Test func `a database that another one holds for too long is busy`() throws {
        let folder = try TemporaryFolder()
        let holder = try folder.database()
        let database = try folder.database()
        let ana = try holder.makeUser()
        let hall = try holder.makeHall(owner: ana)
        try database.queue.inDatabase { db in try db.execute(sql: "PRAGMA busy_timeout = 50") }

        try holder.write { _ throws in
            #expect(try code { try database.say(in: hall, as: ana) } == .busy)
            // Who only reads does not wait.
            #expect(try database.messages(of: hall.id, as: ana.id).rev == 0)
        }

        #expect(try code { try database.say(in: hall, as: ana) } == nil)
    }

    @Test func `an error of the database in words has no SQL in it`() throws {
        let database = try emptyDatabase()
        let error = #expect(throws: DatabaseError.self) {
            try database.write { db in try db.execute(sql: "SELECT nonsense FROM users") }
        }

        let sentence = ChatDatabase.sentence(for: try #require(error))

        #expect(sentence == "The database cannot be used: no such column: nonsense.")
        #expect(ChatDatabase.sentence(for: CancellationError()) == nil)
    }

    // MARK: Copies

    @Test func `a copy made while others write is whole`() throws {
        let folder = try TemporaryFolder()
        let database = try folder.database()
        let ana = try database.makeUser()
        let hall = try database.makeHall(owner: ana)
        try database.sayMany(500, in: hall, as: ana)
        let copier = try folder.database()

        DispatchQueue.concurrentPerform(iterations: 2) { index in
            if index == 0 {
                for _ in 0..<200 {
                    #expect(throws: Never.self) { try database.say(in: hall, as: ana) }
                }
            } else {
                for number in 0..<5 {
                    #expect(throws: Never.self) {
                        try copier.backup(to: folder.file("copy\(number).db"))
                    }
                }
            }
        }

        for number in 0..<5 {
            let copy = try ChatDatabase(path: folder.file("copy\(number).db"))
            #expect(try copy.problems().isEmpty)
            let page = try copy.messages(of: hall.id, as: ana.id, limit: 1)
            #expect(page.rev >= 500)
            #expect(page.messages.last?.rev == page.rev)
            // It is not read-only, and goes on where it stopped.
            #expect(try copy.say(in: hall, as: ana).rev == page.rev + 1)
        }
        let rest = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(!rest.contains { $0.contains("partial") })
    }

    @Test func `a copy replaces nothing, and a place that is none is said to be none`() throws {
        let folder = try TemporaryFolder()
        let database = try folder.database()
        let path = folder.file("copy.db")
        _ = FileManager.default.createFile(atPath: path, contents: Data("mine".utf8))

        #expect(try code { try database.backup(to: path) } == .invalidRequest)
        #expect(try code { try database.backup(to: folder.path) } == .invalidRequest)
        #expect(
            try code { try database.backup(to: folder.file("none/copy.db")) } == .invalidRequest)

        #expect(FileManager.default.contents(atPath: path) == Data("mine".utf8))
    }

    // MARK: Soundness

    @Test func `a sound database has no problems`() throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser()
        try database.sayMany(3, in: database.makeHall(owner: ana), as: ana)
        _ = try database.makeHall("Empty", owner: ana)

        #expect(try database.problems().isEmpty)
    }

    @Test(arguments: [2, 4])
    func `a hall whose position is not that of its last message is found`(rev: Int) throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser()
        let hall = try database.makeHall(owner: ana)
        try database.sayMany(3, in: hall, as: ana)
        try database.write { db in
            try db.execute(sql: "UPDATE halls SET rev = ?", arguments: [rev])
        }

        let problems = try database.problems()

        #expect(problems == ["Hall \(hall.id) is at position \(rev), its last message at 3."])
    }

    @Test(arguments: [
        "rev = 0", "rev = 2", "rev = 4", "last_message_id = NULL", "last_message_id = 99",
        "last_message_id = 4", "rev = 0, last_message_id = 99",
    ])
    func `a hall that is not at the position of its last message takes none`(damage: String) throws
    {
        let database = try emptyDatabase()
        let ana = try database.makeUser()
        let hall = try database.makeHall(owner: ana)
        let other = try database.makeHall("Other", owner: ana)
        try database.sayMany(3, in: hall, as: ana)
        try database.sayMany(3, in: other, as: ana)
        try database.write { db in
            try db.execute(sql: "UPDATE messages SET rev = 3 WHERE id = 4")
            try db.execute(sql: "UPDATE halls SET \(damage) WHERE id = 1")
        }
        let batch = [other, hall, other, hall].map { place in
            NewMessage(hallID: place.id, senderID: ana.id, content: "x")
        }

        let results = try database.sayAll(batch)

        // The others of the transaction are written.
        #expect(results.map { (try? $0.get())?.message.rev } == [4, nil, 5, nil])
        for result in [results[1], results[3]] {
            #expect(try code { _ = try result.get() } == .internalError)
        }
        let count = try database.queue.inDatabase { db in
            try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM messages WHERE hall_id = 1")
        }
        #expect(count == 3)
    }

    @Test(arguments: [
        "UPDATE messages SET previous_id = NULL WHERE id = 4",
        "UPDATE messages SET previous_id = 4 WHERE id = 3",
        "UPDATE messages SET previous_id = 99 WHERE id = 4",
        "UPDATE messages SET previous_id = 3 WHERE id = 4",
        "UPDATE messages SET previous_id = 4 WHERE id = 2",
        "UPDATE messages SET rev = 3 WHERE id = 2",
        "DELETE FROM messages WHERE id = 2",
        "UPDATE messages SET rev = 7 WHERE id = 3",
        "INSERT INTO messages (id, hall_id, sender_id, content, created_at, rev, previous_id)"
            + " SELECT 3, hall_id, sender_id, content, created_at, 2, 1 FROM messages WHERE id = 2",
    ])
    func `a message that does not follow on the one before it is found`(damage: String) throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser()
        let hall = try database.makeHall(owner: ana)
        let other = try database.makeHall("Other", owner: ana)
        for place in [hall, hall, other, hall, other] { try database.say(in: place, as: ana) }
        #expect(try database.problems().isEmpty)
        try database.write { db in
            if damage.hasPrefix("INSERT") {
                try db.execute(sql: "DELETE FROM messages WHERE id = 3")
            }
            try db.execute(sql: damage)
        }

        let problems = try database.problems()

        #expect(problems.contains { $0.hasSuffix("does not follow on the one before it.") })
    }

    @Test func `messages behind the last one of their hall are found`() throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser()
        let hall = try database.makeHall(owner: ana)
        let other = try database.makeHall("Other", owner: ana)
        for place in [hall, hall, other, hall, other] { try database.say(in: place, as: ana) }
        try database.write { db in
            try db.execute(
                sql: """
                    UPDATE halls SET rev = 1, last_message_id = 1 WHERE id = 1;
                    UPDATE halls SET rev = 0, last_message_id = NULL WHERE id = 2;
                    """)
        }

        #expect(
            try database.problems()
                == [2, 3, 4, 5].map { "Message \($0) is behind the last one of its hall." })
    }

    @Test func `a hall whose last message is not there is found`() throws {
        let database = try emptyDatabase()
        _ = try database.makeHall(owner: database.makeUser())
        try database.write { db in try db.execute(sql: "UPDATE halls SET last_message_id = 9") }

        #expect(
            try database.problems() == ["Hall 1 is at position 0, its last message at 0."])
    }

    private static let damage: [(String, oldest: Int64)] = [
        ("DELETE FROM messages WHERE id = 5", 6),
        ("DELETE FROM messages WHERE id = 6", 7),
        ("DELETE FROM messages WHERE id = 9", 10),
        ("UPDATE messages SET previous_id = 5 WHERE id = 5", 5),
        ("UPDATE messages SET previous_id = 6 WHERE id = 6", 6),
        ("UPDATE messages SET previous_id = 8 WHERE id = 5", 5),
        ("UPDATE messages SET previous_id = 8 WHERE id = 6", 6),
        ("UPDATE messages SET previous_id = 99 WHERE id = 7", 7),
        ("UPDATE messages SET previous_id = -1 WHERE id = 7", 7),
        ("UPDATE messages SET hall_id = 2 WHERE id = 5", 6),
        ("UPDATE messages SET hall_id = 2 WHERE id = 6", 7),
        ("UPDATE halls SET last_message_id = 10", 10),
    ]

    /// Messages 1 to 9 are of one hall, 10 of another.
    @Test(arguments: damage)
    func `a history with damage ends there`(damage: String, oldest: Int64) throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser()
        let hall = try database.makeHall(owner: ana)
        try database.sayMany(9, in: hall, as: ana)
        try database.say(in: database.makeHall("Other", owner: ana), as: ana)
        try database.write { db in try db.execute(sql: damage) }
        let expected = (1...9).filter { $0 >= oldest } as [Int64]

        #expect(try !database.problems().isEmpty)
        for limit in [1, 2, 3, 50] {
            var (seen, before): ([Int64], Int64?) = ([], nil)
            // As a client that asks for more while there is more.
            for _ in 0..<20 {
                let page = try database.messages(
                    of: hall.id, as: ana.id, limit: limit, before: before)
                let written = try database.reading { reader in
                    try reader.history(of: hall.id, as: ana.id).page(limit: limit, before: before)
                        .json(for: ana.id)
                }
                let json = try JSONValue(parsing: written)
                let writtenIDs = json["messages"]?.array?.compactMap { $0["id"]?.integer }
                #expect(writtenIDs == page.messages.map(\.id))
                #expect(json["has_more"]?.bool == page.hasMore)
                seen = page.messages.map(\.id) + seen
                before = page.messages.first?.id
                guard page.hasMore, before != nil else { break }
            }
            #expect(seen == expected)
            let last = try database.messages(
                of: hall.id, as: ana.id, limit: limit, before: seen.first)
            #expect(last.hasMore == false)
        }
        let changes = try database.messages(of: hall.id, as: ana.id, since: HallPosition(rev: 0))
        #expect(changes.messages.map(\.id) == expected)
        for before in 1...10 as ClosedRange<Int64> {
            let page = try database.messages(of: hall.id, as: ana.id, before: before)
            #expect(page.messages.allSatisfy { $0.id < before && $0.id > 0 })
            #expect(page.messages.allSatisfy { $0.hallID == hall.id })
        }
    }

    @Test func `a row that refers to nothing is found`() throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser()
        _ = try database.makeHall(owner: ana)
        try database.queue.inDatabase { db in
            try db.execute(sql: "PRAGMA foreign_keys = OFF")
            try db.execute(sql: "DELETE FROM users")
        }

        #expect(
            try Set(database.problems()) == [
                "A row of user_halls refers to one that is not there.",
                "A row of user_looks refers to one that is not there.",
            ])
    }

    @Test func `a torn page is found`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("chat.db")
        do {
            let database = try folder.database()
            let ana = try database.makeUser()
            let hall = try database.makeHall(owner: ana)
            try database.sayMany(500, in: hall, as: ana)
            try database.queue.close()
        }
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        // The middle of a page in the middle of the messages' tree.
        let middle = bytes.count / 8_192 * 4_096
        for offset in middle..<middle + 100 { bytes[offset] = 0xA5 }
        try bytes.write(to: URL(fileURLWithPath: path))

        let found: Bool
        do {
            found = try !ChatDatabase(path: path).problems().isEmpty
        } catch {
            found = ChatDatabase.sentence(for: error) != nil || error is ChatDatabase.OpenError
        }

        #expect(found)
    }

    @Test func `a user or a hall that others refer to cannot vanish`() throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser()
        let hall = try database.makeHall(owner: ana)
        try database.say(in: hall, as: ana)

        for table in ["users", "halls"] {
            #expect(throws: DatabaseError.self) {
                try database.write { db in try db.execute(sql: "DELETE FROM \(table)") }
            }
        }
    }
}
