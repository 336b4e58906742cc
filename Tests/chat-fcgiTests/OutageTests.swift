// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import GRDB
import InMemoryLogging
import Logging
import Testing

@testable import ChatModels
@testable import chat_fcgi

struct OutageTests {
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
