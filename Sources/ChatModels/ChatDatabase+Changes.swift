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
        SELECT c.id, m.id IS NOT NULL, \(LogEntry.columns), \(messageColumns)
        FROM changes c
        LEFT JOIN messages m
            ON m.id BETWEEN c.message_id AND COALESCE(c.last_message_id, c.message_id)
        \(joinedToMessages)
        WHERE c.id > ? ORDER BY c.id, m.id
        """

    /// What an entry tells; `nil` of one that this version does not know, or whose message was taken out by hand.
    private static func event(_ row: FastStatement) -> Change.Event? {
        var message: Message? {
            row.bool(1) ? changedMessage(row, startingAt: 2 + LogEntry.columnsCount) : nil
        }
        switch LogEntry(row, startingAt: 2) {
        case .messages: return message.map { .messageCreated($0) }
        case .messageChanged(_, _, let change):
            return message.map { .messageChanged($0, change: change) }
        case .joined(let hallID, let userID, let role):
            return .joined(hallID: hallID, userID: userID, role: role)
        case .left(let hallID, let userID): return .left(hallID: hallID, userID: userID)
        case .hallChanged(let hallID, let change): return .hallChanged(hallID: hallID, change)
        case .sessionEnded(let sessionID, let userID):
            return .sessionEnded(sessionID: sessionID, userID: userID)
        case .sessionRenewed(let sessionID, let userID):
            return .sessionRenewed(sessionID: sessionID, userID: userID)
        case .userDisabled(let userID): return .userDisabled(userID: userID)
        case nil: return nil
        }
    }

    static func newestChange(_ db: Database) throws -> Int64 {
        // The sequence, not MAX(id): the log may be pruned to nothing.
        let statement = try FastStatement(
            "SELECT seq FROM sqlite_sequence WHERE name = 'changes'", in: db)
        defer { statement.finish() }
        return try statement.step() ? statement.integer(0) : 0
    }
}
