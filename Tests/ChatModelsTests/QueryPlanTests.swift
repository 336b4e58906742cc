// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import Foundation
import GRDB
import Synchronization
import Testing

@testable import ChatModels

/// No request reads more rows than it needs: SQLite's plans for what is really executed.
@Suite struct QueryPlanTests {
    let database: ChatDatabase
    let ana: User
    let hall: Hall
    let message: Message

    init() throws {
        database = try emptyDatabase()
        ana = try database.makeUser()
        hall = try database.makeHall(owner: ana)
        message = try database.say(in: hall, as: ana, clientKey: "k")
    }

    /// The plans of all statements that a body executes, a line for each step.
    private func plans(_ body: () throws -> Void) throws -> [String] {
        let seen = Mutex<[String]>([])
        database.queue.inDatabase { db in
            db.trace { event in
                if case .statement(let statement) = event {
                    seen.withLock { $0.append(statement.expandedSQL) }
                }
            }
        }
        try body()
        return try database.queue.inDatabase { db in
            db.trace(options: [])
            let statements = seen.withLock { $0 }.filter {
                ["SELECT", "INSERT", "UPDATE", "DELETE"].contains($0.prefix(6))
            }
            #expect(!statements.isEmpty)
            return try statements.flatMap { sql in
                try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN " + sql)
                    .map { $0["detail"] as String }
            }
        }
    }

    private func expectNoScan(_ body: () throws -> Void) throws {
        for step in try plans(body) {
            #expect(!step.hasPrefix("SCAN") || step == "SCAN CONSTANT ROW", "\(step)")
        }
    }

    /// Whether a step goes through a table, or sorts. The rows of zeros at which a walk is told where to go are no table:
    /// they have no name. The table `instance`, called `i`, has one row.
    private func readsTooMuch(_ step: String) -> Bool {
        let words = step.split(separator: " ")
        return step != "SCAN i"
            && (step.contains("TEMP B-TREE")
                || words.first == "SCAN" && words.dropFirst().first?.first?.isLetter == true)
    }

    @Test func `who keeps order looks at nobody but whom it is about`() throws {
        let ben = try database.makeUser("ben")
        _ = try database.join(hall.id, as: ben.id)
        try expectNoScan {
            _ = try database.setRole(.moderator, of: ben.id, in: hall.id, by: ana.id)
            try database.ban(ben.id, from: hall.id, by: .user(ana.id))
            _ = try database.reading {
                try $0.bans(of: hall.id, as: ana.id, after: 0, limit: 1)
            }
            try database.liftBan(of: ben.id, from: hall.id, by: .user(ana.id))
        }
    }

    @Test func `history goes from message to message`() throws {
        let newer = try database.say(in: hall, as: ana)
        for read in [
            { _ = try database.messages(of: hall.id, as: ana.id, before: newer.id) },
            {
                try database.reading {
                    _ = try $0.history(of: hall.id, as: ana.id).page(limit: nil, before: newer.id)
                }
            },
        ] {
            let steps = try plans(read)

            #expect(steps.contains("SEARCH m USING INTEGER PRIMARY KEY (rowid=?)"))
            #expect(!steps.contains { $0.contains("messages_by") })
            #expect(!steps.contains(where: readsTooMuch))
        }
    }

    @Test func `what came before a message of another hall is found by an index`() throws {
        let other = try database.makeHall("Other", owner: ana)
        let foreign = try database.say(in: other, as: ana)
        try database.say(in: hall, as: ana)

        let steps = try plans {
            _ = try database.messages(of: hall.id, as: ana.id, before: foreign.id)
        }

        #expect(
            steps.contains(
                "SEARCH messages USING INDEX messages_by_hall (hall_id=? AND rowid>?)"))
        #expect(!steps.contains(where: readsTooMuch))
    }

    @Test func `what changed since goes from message to message`() throws {
        for read in [
            { _ = try database.messages(of: hall.id, as: ana.id, since: HallPosition(rev: 0)) },
            {
                try database.reading {
                    _ = try $0.history(of: hall.id, as: ana.id).page(
                        since: HallPosition(rev: 0), limit: nil)
                }
            },
        ] {
            let steps = try plans(read)

            #expect(steps.contains("SEARCH m USING INTEGER PRIMARY KEY (rowid=?)"))
            #expect(!steps.contains(where: readsTooMuch))
        }
    }

    @Test func `what became of messages is found by the hall, and walked beside them`() throws {
        let said = try database.say(in: hall, as: ana)
        let edit = MessageEdit(hallID: hall.id, messageID: said.id, userID: ana.id, content: "y")
        let writing = try plans { _ = try database.perform(.edit(edit)) }
        let since = try plans {
            let position = HallPosition(rev: 0, change: 0)
            _ = try database.messages(of: hall.id, as: ana.id, since: position)
        }

        let index = "INDEX message_changes_by_change (hall_id=? AND change>?)"
        #expect(since.contains("SEARCH mc USING \(index)"))
        #expect(
            since.contains(
                "SEARCH message_changes USING PRIMARY KEY (hall_id=? AND message_id<?)"))
        for steps in [writing, since] { #expect(!steps.contains(where: readsTooMuch)) }
    }

    @Test func `my halls are found by user`() throws {
        let steps = try plans { _ = try database.halls(of: ana.id) }

        #expect(steps.contains("SEARCH uh USING PRIMARY KEY (user_id=?)"))
        #expect(!steps.contains { $0.hasPrefix("SCAN") })
    }

    @Test func `what is unread reads my halls and no messages, and a mark searches only`() throws {
        let unread = try plans { try database.reading { _ = try $0.unread(of: ana.id) } }
        #expect(!unread.contains(where: readsTooMuch))
        #expect(unread.allSatisfy { !$0.contains("messages") })
        try expectNoScan {
            _ = try database.perform(ReadMark(hallID: hall.id, userID: ana.id, rev: 1))
        }
    }

    @Test func `whether my halls changed searches the end of the log`() throws {
        let kept = try database.reading { try $0.halls(of: ana.id, kept: nil) }
        let ben = try database.makeUser("ben")
        try database.say(in: database.makeHall("Other", owner: ben), as: ben)
        let steps = try plans {
            _ = try database.reading { try $0.halls(of: ana.id, kept: kept) }
        }

        #expect(steps.contains("SEARCH c USING INTEGER PRIMARY KEY (rowid>?)"))
        #expect(!steps.contains { $0.hasPrefix("SCAN") && $0 != "SCAN sqlite_sequence" })
        #expect(!steps.contains { $0.contains("TEMP B-TREE") })
    }

    @Test func `saying something searches only`() throws {
        try expectNoScan { try database.say(in: hall, as: ana, clientKey: "other") }
    }

    @Test func `a client key is found by its index`() throws {
        let steps = try plans { try database.say(in: hall, as: ana, clientKey: "k") }

        #expect(
            steps.contains(
                "SEARCH m USING INDEX messages_by_client_key (sender_id=? AND client_key=?)"))
    }

    @Test func `what every request does searches only`() throws {
        let (session, token) = try database.createSession(for: ana)

        try expectNoScan { _ = try database.session(token: token) }
        try expectNoScan { _ = try database.siteUser(named: "ana") }
        try expectNoScan { _ = try database.hall(hall.id, as: ana.id) }
        try expectNoScan { _ = try database.message(message.id, as: ana.id) }
        try expectNoScan { _ = try database.members(of: hall.id, as: ana.id) }
        try expectNoScan { _ = try database.allMembers(of: hall.id) }
        try expectNoScan { _ = try database.createSession(for: ana) }
        try expectNoScan { try database.endSession(session.id, by: .operator) }
        try expectNoScan { try database.endSessions(of: ana.id, by: .operator) }
        try expectNoScan {
            _ = try database.authenticate(username: "ana", password: "password1", address: "x")
        }
        try expectNoScan {
            _ = try? database.authenticate(username: "ana", password: "wrong", address: "x")
        }
        try expectNoScan { _ = try database.join(hall.id, as: ana.id) }
        let ben = try database.makeUser("ben")
        try expectNoScan { _ = try database.join(hall.id, as: ben.id) }
        try expectNoScan { try database.leave(hall.id, as: ben.id) }
    }

    @Test func `following the log searches only`() throws {
        let steps = try plans { _ = try database.log(after: 0) }

        #expect(steps.contains("SEARCH c USING INTEGER PRIMARY KEY (rowid>?)"))
        // Its oldest entry is the first of the table; the sequences are a handful.
        #expect(
            !steps.contains {
                $0.hasPrefix("SCAN") && $0 != "SCAN sqlite_sequence" || $0.contains("TEMP B-TREE")
            })
    }

    @Test func `halls open to me read the halls, and no messages`() throws {
        let steps = try plans { _ = try database.hallsOpen(to: ana.id) }

        #expect(
            !steps.contains {
                $0.contains("messages") || $0.contains("SCAN uh") || $0.contains(" m ")
            })
    }
}
