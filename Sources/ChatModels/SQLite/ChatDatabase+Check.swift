// SPDX-License-Identifier: Apache-2.0

import GRDB

/// Is it sound?
extension ChatDatabase {
    /// What is wrong with the file, a sentence each: SQLite's own check, foreign keys, and whether each hall is at the
    /// position of its last message, and each message follows on an older one of its hall, as the only one, and none
    /// is behind the last. A position without a message is no problem: somebody may have taken it out.
    public func problems() throws -> [String] {
        try read { db in
            var problems = try String.fetchAll(db, sql: "PRAGMA integrity_check").filter {
                $0 != "ok"
            }
            for violation in try Row.fetchAll(db, sql: "PRAGMA foreign_key_check") {
                problems.append(
                    "A row of \(violation["table"] ?? "?") refers to one that is not there.")
            }
            let torn = try Row.fetchAll(
                db,
                sql: """
                    SELECT h.id, h.rev, COALESCE(m.rev, 0)
                    FROM halls h LEFT JOIN messages m ON m.id = h.last_message_id
                    WHERE h.rev <> COALESCE(m.rev, 0) OR m.hall_id <> h.id
                        OR h.last_message_id IS NOT m.id
                    ORDER BY h.id
                    """)
            for row in torn {
                let (id, rev, last): (Int64, Int64, Int64) = (row[0], row[1], row[2])
                problems.append("Hall \(id) is at position \(rev), its last message at \(last).")
            }
            let loose = try Int64.fetchAll(
                db,
                sql: """
                    SELECT m.id FROM messages m LEFT JOIN messages p ON p.id = m.previous_id
                    WHERE m.previous_id IS NOT p.id OR p.id >= m.id OR p.rev >= m.rev
                        OR p.hall_id <> m.hall_id
                    UNION
                    SELECT MAX(id) FROM messages GROUP BY hall_id, previous_id HAVING COUNT(*) > 1
                    ORDER BY 1 LIMIT 10
                    """)
            for id in loose {
                problems.append("Message \(id) does not follow on the one before it.")
            }
            // From message to hall: no index has all messages of a hall.
            let behind = try Int64.fetchAll(
                db,
                sql: """
                    SELECT m.id FROM messages m LEFT JOIN halls h ON h.id = m.hall_id
                    WHERE m.id > COALESCE(h.last_message_id, 0) ORDER BY m.id LIMIT 10
                    """)
            for id in behind {
                problems.append("Message \(id) is behind the last one of its hall.")
            }
            return problems
        }
    }

    /// SQLite's settings that the promises rest on, as this connection has them.
    public func settings() throws -> (journalMode: String, synchronous: Int, foreignKeys: Bool) {
        try queue.inDatabase { db in
            (
                try String.fetchOne(db, sql: "PRAGMA journal_mode") ?? "",
                try Int.fetchOne(db, sql: "PRAGMA synchronous") ?? -1,
                try Bool.fetchOne(db, sql: "PRAGMA foreign_keys") ?? false
            )
        }
    }
}
