// SPDX-License-Identifier: Apache-2.0

import GRDB

/// A hall's messages from one on, newest first: each knows the one that was said before it.
///
/// An index of all positions would be a page more to write for almost every message. Each step of the statement reads two
/// messages, because it costs as much as a message.
///
/// It ends where a message is not there, and follows no link to another hall or to a newer message: that of a damaged
/// file ends it, too.
struct MessagesBackwards {
    /// What is read of a message, as columns of a table's alias; the first is never NULL.
    struct Columns {
        fileprivate let sql: String
        fileprivate let count: Int32

        init(count: Int32, of table: (String) -> String) {
            sql = """
                SELECT \(table("m")), m.previous_id, \(table("p")), p.previous_id
                FROM messages m LEFT JOIN messages p
                    ON p.id = m.previous_id AND p.id < m.id AND p.hall_id = m.hall_id
                WHERE m.id = ? AND m.hall_id = ?
                """
            self.count = count
        }
    }

    /// The row in which a message is.
    let row: FastStatement
    private let count: Int32
    private var next: Int64?
    /// Whether the row has the next message, too.
    private var isHalfRead = false

    init(
        _ columns: Columns, of hall: HallForMember, from id: Int64?, in db: Database
    ) throws {
        row = try FastStatement(columns.sql, in: db)
        row.bind(2, hall.id)
        count = columns.count
        next = id
    }

    /// Whether there is one more message.
    var hasMore: Bool { next != nil }

    /// Goes to the next message.
    ///
    /// - Returns: the column at which it begins in ``row``; `nil` if there is none.
    mutating func step() throws -> Int32? {
        guard let id = next else { return nil }
        let isSecondHalf = isHalfRead
        let start = isSecondHalf ? count + 1 : 0
        isHalfRead = false
        next = nil
        if !isSecondHalf {
            row.finish()
            row.bind(1, id)
            guard try row.step() else { return nil }
        }
        if let older = row.optionalInteger(start + count), older < id {
            isHalfRead = !isSecondHalf && !row.isNull(count + 1)
            next = isSecondHalf || isHalfRead ? older : nil
        }
        return start
    }

    /// Ends the statement.
    func finish() { row.finish() }
}

extension ChatDatabase {
    /// The newest message of a hall, or the newest before some id, which may be of another hall, or of none.
    func newestMessage(
        of hall: HallForMember, before id: Int64?, in db: Database
    ) throws -> Int64? {
        guard let id, let last = hall.lastMessageID, id <= last else { return hall.lastMessageID }
        var older: Int64? = try firstIndexed(of: hall, from: id, in: db) ?? last
        let link = try FastStatement(
            "SELECT previous_id FROM messages WHERE id = ? AND previous_id < id", in: db)
        defer { link.finish() }
        while let newer = older, newer >= id {
            link.finish()
            link.bind(1, newer)
            older = try link.step() ? link.optionalInteger(0) : nil
        }
        return older
    }

    /// The message itself, if it is of that hall; else the first of every 64th behind it.
    private func firstIndexed(
        of hall: HallForMember, from id: Int64, in db: Database
    ) throws -> Int64? {
        let itself = try FastStatement("SELECT hall_id FROM messages WHERE id = ?", in: db)
        itself.bind(1, id)
        defer { itself.finish() }
        if try itself.step(), itself.integer(0) == hall.id { return id }
        let indexed = try FastStatement(
            """
            SELECT id FROM messages WHERE hall_id = ? AND id > ? AND rev % 64 = 0
            ORDER BY id LIMIT 1
            """, in: db)
        indexed.bind(1, hall.id)
        indexed.bind(2, id)
        defer { indexed.finish() }
        return try indexed.step() ? indexed.integer(0) : nil
    }
}
