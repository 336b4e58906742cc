// SPDX-License-Identifier: Apache-2.0

import GRDB

/// A hall's messages from one on, newest first: each knows the one that was said before it.
///
/// An index of all positions would be a page more to write for almost every message. One statement goes all the way, and
/// is told at each row which message is the next: to start it anew would cost as much as a message.
///
/// It ends where a message is not there, and follows no link to another hall or to a newer message: that of a damaged
/// file ends it, too.
struct MessagesBackwards {
    /// So many messages a statement gives; then it is started again.
    static let rowsMax = 64

    /// What is read of a message, as columns of the alias `m`.
    struct Columns {
        fileprivate let sql: String
        /// Where the id of the message before it stands.
        fileprivate let previousID: Int32

        init(count: Int32, _ columns: String) {
            let rows = Array(repeating: "(0)", count: rowsMax).joined(separator: ", ")
            sql = """
                SELECT \(columns), m.previous_id FROM (VALUES \(rows))
                CROSS JOIN messages m ON m.id = \(RunningArgument.sql) AND m.hall_id = ?
                """
            previousID = count
        }
    }

    /// The row in which the message is.
    let row: FastStatement
    private let previousID: Int32
    private let id: RunningArgument
    /// Whether there is one more message.
    private(set) var hasMore: Bool
    /// How many messages the statement has given since it was started.
    private var rowCount = 0

    init(
        _ columns: Columns, of hall: Seat, from newest: Int64?, in db: Database
    ) throws {
        row = try FastStatement(columns.sql, in: db)
        previousID = columns.previousID
        id = RunningArgument(newest ?? 0)
        hasMore = newest != nil
        row.bind(1, id)
        row.bind(2, hall.hallID)
    }

    /// Goes to the next message.
    ///
    /// - Returns: whether there is one.
    mutating func step() throws -> Bool {
        guard hasMore else { return false }
        hasMore = false
        if rowCount == Self.rowsMax {
            row.finish()
            rowCount = 0
        }
        guard try row.step() else { return false }
        rowCount += 1
        if let older = row.optionalInteger(previousID), older < id.value {
            id.value = older
            hasMore = true
        }
        return true
    }

    /// Ends the statement.
    func finish() {
        withExtendedLifetime(id) {
            row.finish()
            row.bind(1, nil as Int64?)
        }
    }
}

extension ChatDatabase {
    /// The newest message of a hall, or the newest before some id, which may be of another hall, or of none.
    func newestMessage(
        of hall: Seat, before id: Int64?, in db: Database
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
        of hall: Seat, from id: Int64, in db: Database
    ) throws -> Int64? {
        let itself = try FastStatement("SELECT hall_id FROM messages WHERE id = ?", in: db)
        itself.bind(1, id)
        defer { itself.finish() }
        if try itself.step(), itself.integer(0) == hall.hallID { return id }
        let indexed = try FastStatement(
            """
            SELECT id FROM messages WHERE hall_id = ? AND id > ? AND rev % 64 = 0
            ORDER BY id LIMIT 1
            """, in: db)
        indexed.bind(1, hall.hallID)
        indexed.bind(2, id)
        defer { indexed.finish() }
        return try indexed.step() ? indexed.integer(0) : nil
    }
}
