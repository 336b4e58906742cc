// SPDX-License-Identifier: Apache-2.0

import GRDB

/// The log: who follows it with a cursor learns what was written, by whichever process, in the order of the commits.
extension ChatDatabase {
    /// The position behind everything that is committed.
    public func newestChange() throws -> Int64 {
        try read(Self.newestChange)
    }

    /// What was written since a position, one thing after the other.
    ///
    /// - Parameter limit: so many things are enough. Of messages that are one entry, none is left out.
    public func changes(after cursor: Int64, limit: Int = 1_000) throws -> ChangeBatch {
        try read { db in try changes(after: cursor, limit: limit, in: db) }
    }

    func changes(after cursor: Int64, limit: Int, in db: Database) throws -> ChangeBatch {
        // AUTOINCREMENT counts without holes, so that an entry missing at the front was pruned.
        let oldest = try db.cachedStatement(sql: "SELECT MIN(id) FROM changes")
        if let first = try Int64.fetchOne(oldest), first > cursor + 1 {
            return ChangeBatch(changes: [], cursor: try Self.newestChange(db), isTorn: true)
        }
        let statement = try FastStatement(Self.changesAfter, in: db)
        statement.bind(1, cursor)
        defer { statement.finish() }
        var changes: [Change] = []
        var last = cursor
        while try statement.step() {
            let id = statement.integer(0)
            if id != last, changes.count >= limit { break }
            last = id
            if let event = Self.event(statement) { changes.append(Change(id: last, event: event)) }
        }
        // Nothing behind the cursor, and still it is not the end: the log was emptied, or a backup was put back.
        if last == cursor {
            let newest = try Self.newestChange(db)
            return ChangeBatch(changes: [], cursor: newest, isTorn: newest != cursor)
        }
        return ChangeBatch(changes: changes, cursor: last, isTorn: false)
    }

    private static let changesAfter = """
        SELECT c.id, c.event, c.hall_id, c.user_id, c.session_id, uh.role, m.id IS NOT NULL,
            \(messageColumns)
        FROM changes c
        LEFT JOIN messages m
            ON m.id BETWEEN c.message_id AND COALESCE(c.last_message_id, c.message_id)
        LEFT JOIN users u ON u.id = m.sender_id
        LEFT JOIN user_halls uh ON uh.user_id = c.user_id AND uh.hall_id = c.hall_id
        WHERE c.id > ? ORDER BY c.id, m.id
        """

    private static func event(_ row: FastStatement) -> Change.Event? {
        let (hallID, userID) = (row.integer(2), row.integer(3))
        switch row.text(1) {
        case "message": return row.bool(6) ? .messageCreated(message(row, startingAt: 7)) : nil
        case "joined":
            // Who joined and has left again since: the entry that says so follows.
            let role = row.optionalText(5).flatMap(Role.init)
            return .joined(hallID: hallID, userID: userID, role: role ?? .member)
        case "left": return .left(hallID: hallID, userID: userID)
        case "renamed": return .hallChanged(hallID: hallID, .renamed)
        case "archived": return .hallChanged(hallID: hallID, .archived)
        case "session_ended": return .sessionEnded(sessionID: row.integer(4), userID: userID)
        case "session_renewed":
            return .sessionRenewed(sessionID: row.integer(4), userID: userID)
        case "user_disabled": return .userDisabled(userID: userID)
        default: return nil
        }
    }

    static func newestChange(_ db: Database) throws -> Int64 {
        // The sequence, not MAX(id): the log may be pruned to nothing.
        let statement = try FastStatement(
            "SELECT seq FROM sqlite_sequence WHERE name = 'changes'", in: db)
        defer { statement.finish() }
        return try statement.step() ? statement.integer(0) : 0
    }

    /// Appends to the log, in the transaction that it speaks of.
    @discardableResult
    func log(
        _ event: String, hall: Int64? = nil, message: Int64? = nil, user: Int64? = nil,
        session: Int64? = nil, in db: Database
    ) throws -> Int64 {
        let insert = try FastStatement(
            """
            INSERT INTO changes (event, hall_id, message_id, user_id, session_id)
            VALUES (?, ?, ?, ?, ?)
            """, in: db)
        insert.bind(1, event)
        insert.bind(2, hall)
        insert.bind(3, message)
        insert.bind(4, user)
        insert.bind(5, session)
        try insert.run()
        let id = db.lastInsertedRowID
        // Now and then the old end is cut off: cheap, because it is many entries at once.
        if id % 1_024 == 0 {
            try db.execute(
                sql: "DELETE FROM changes WHERE id <= ?", arguments: [id - limits.changesKept])
        }
        return id
    }
}
