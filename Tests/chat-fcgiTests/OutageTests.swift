// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import CompactJSON
import GRDB
import Glibc
import InMemoryLogging
import Logging
import Testing

@testable import ChatModels
@testable import chat_fcgi

struct OutageTests {
    @Test
    func `health says that nothing can be written, and finds out by itself that it can again`()
        throws
    {
        let folder = try TemporaryFolder()
        let ana = try folder.database().makeUser()
        var site = Site()
        site.outage = Outage(log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let database = try ChatDatabase(
            path: folder.file("chat.db"), noteBusy: site.outage.note(isBusy:))
        let hall = try database.makeHall(owner: ana)
        let router = Router(database: database, site: site)
        var request = HTTPRequest()
        request.target = "/chat/health"
        func setPagesMax(_ count: Int) throws {
            try database.queue.inDatabase { db in
                try db.execute(sql: "PRAGMA max_page_count = \(count)")
            }
        }
        #expect(router.respond(to: request).status == .ok)

        try setPagesMax(1)
        let long = String(repeating: "x", count: 4_000)
        for _ in 1...5 { _ = try code { try database.say(long, in: hall, as: ana) } }
        // Another holds the lock, for the probe changes no more than a page that is there.
        let sick = try folder.database().write { _ in router.respond(to: request) }
        #expect(sick.status == .serviceUnavailable && sick.code == "busy")
        #expect(sick.json["detail"]?.string == Outage.sentence)

        // It looks once a second.
        for _ in 1...30 where router.respond(to: request).status != .ok { usleep(100_000) }
        #expect(router.respond(to: request).status == .ok)
    }

    @Test func `a full database is told of when that begins, and when it is over`() throws {
        let handler = InMemoryLogHandler()
        let outage = Outage(log: Logger(label: "test") { _ in handler })
        let folder = try TemporaryFolder()
        let ana = try folder.database().makeUser()
        let databases = try (0..<2).map { _ in
            try ChatDatabase(path: folder.file("chat.db"), noteBusy: outage.note(isBusy:))
        }
        let hall = try databases[0].makeHall(owner: ana)
        func setPagesMax(_ count: Int) throws {
            for database in databases {
                try database.queue.inDatabase { db in
                    try db.execute(sql: "PRAGMA max_page_count = \(count)")
                }
            }
        }
        let long = String(repeating: "x", count: 4_000)

        for _ in 1...2 {
            // SQLite takes no less than there are.
            try setPagesMax(1)
            for database in databases {
                var last: ChatError.Code?
                for _ in 1...5 {
                    last = try code { try database.say(long, in: hall, as: ana) }
                }
                #expect(last == .busy)
                // Neither reading nor what changes nothing is a sign of recovery.
                _ = try database.halls(of: ana.id)
                _ = try database.join(hall.id, as: ana.id)
            }
            try setPagesMax(100_000)
            for database in databases { try database.say(in: hall, as: ana) }
        }

        let (begins, ends): (Logger.Message, Logger.Message) = (
            "The database is busy: it is locked or full; requests are answered 503.",
            "The database answers again."
        )
        #expect(handler.entries.map(\.message) == [begins, ends, begins, ends])
        #expect(handler.entries.map(\.level) == [.error, .notice, .error, .notice])
    }
}
