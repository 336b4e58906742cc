// SPDX-License-Identifier: Apache-2.0

import GRDB

/// What a change to a message needs of the tables.
extension ChatDatabase {
    /// How often messages of a hall were changed, whoever asks.
    func change(of hallID: Int64, in db: Database) throws -> Int64 {
        let hall = try FastStatement("SELECT change FROM halls WHERE id = ?", in: db)
        hall.bind(1, hallID)
        guard try hall.step() else { throw ChatError(.notFound) }
        defer { hall.finish() }
        return hall.integer(0)
    }

    /// The role of somebody in a hall; `nil` for who is not in it.
    func role(of userID: Int64, in hallID: Int64, _ db: Database) throws -> Role? {
        let seat = try FastStatement(
            "SELECT role FROM user_halls WHERE user_id = ? AND hall_id = ?", in: db)
        seat.bind(1, userID)
        seat.bind(2, hallID)
        defer { seat.finish() }
        // Nobody here knows what a role of a later version may: it is not acted on.
        return try seat.step() ? Role(rawValue: seat.text(0)) ?? .owner : nil
    }

    /// Keeps the text of a message and what became of it, and moves its hall to that change.
    func keep(_ message: Message, _ change: MessageChange, in db: Database) throws {
        let text = try FastStatement("UPDATE messages SET content = ? WHERE id = ?", in: db)
        text.bind(1, message.content)
        text.bind(2, message.id)
        try text.run()
        let row = try FastStatement(
            """
            INSERT INTO message_changes (hall_id, message_id, change, edited_at, deleted)
            VALUES (?, ?, ?, ?, ?) ON CONFLICT (hall_id, message_id) DO UPDATE SET
                change = excluded.change, edited_at = excluded.edited_at, deleted = excluded.deleted
            """, in: db)
        row.bind(1, message.hallID)
        row.bind(2, message.id)
        row.bind(3, change.number)
        row.bind(4, change.editedAt)
        row.bind(5, change.deleted?.rawValue)
        try row.run()
        let hall = try FastStatement("UPDATE halls SET change = ? WHERE id = ?", in: db)
        hall.bind(1, change.number)
        hall.bind(2, message.hallID)
        try hall.run()
    }

    /// Keeps the text that a message had until a change, or forgets all of them: of a message that has none any more, and
    /// where they are no longer wanted.
    func keepEarlierText(of before: Message, until change: MessageChange, in db: Database) throws {
        let isWanted = change.deleted == nil && limits.keepsEarlierTexts
        let surplus = try FastStatement(
            """
            DELETE FROM earlier_texts WHERE message_id = ?1 AND change <= (
                SELECT change FROM earlier_texts WHERE message_id = ?1
                ORDER BY change DESC LIMIT 1 OFFSET ?2)
            """, in: db)
        surplus.bind(1, before.id)
        surplus.bind(2, Int64(isWanted ? limits.earlierTextsMax - 1 : 0))
        try surplus.run()
        guard isWanted else { return }
        let text = try FastStatement(
            "INSERT INTO earlier_texts (message_id, change, content, until) VALUES (?, ?, ?, ?)",
            in: db)
        text.bind(1, before.id)
        text.bind(2, change.number)
        text.bind(3, before.content)
        text.bind(4, change.editedAt)
        try text.run()
    }

    /// As ``ChatStorage`` says.
    public func purgeDeleted() throws -> Bool {
        try queue.inDatabase { db in
            let row = try waiting(atMost: 50, db) {
                try Row.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)")
            }
            return row.map { $0[0] == 0 } ?? true
        }
    }
}
