// SPDX-License-Identifier: Apache-2.0

import GRDB

/// The log, in the table `changes`: who follows it with a position learns what was written, by whichever process, in the
/// order of the commits.
extension ChatDatabase {
    /// The position behind everything that is committed.
    public func logEnd() throws -> LogPosition {
        try read { db in LogPosition(try Self.logEnd(db)) }
    }

    /// What was written since a position, one thing after the other.
    ///
    /// - Parameter limit: so many things are enough. Of messages that are one entry, none is left out.
    public func log(after position: LogPosition, limit: Int = 1_000) throws -> LogBatch {
        try read { db in try log(after: position, limit: limit, in: db) }
    }

    func log(after position: LogPosition, limit: Int, in db: Database) throws -> LogBatch {
        let start = position.number
        // AUTOINCREMENT counts without holes, so that an entry missing at the front was pruned.
        let oldest = try db.cachedStatement(sql: "SELECT MIN(id) FROM changes")
        if let first = try Int64.fetchOne(oldest), first > start + 1 {
            return LogBatch(events: [], end: LogPosition(try Self.logEnd(db)), isTorn: true)
        }
        let row = try FastStatement(Self.entriesAfter, in: db)
        row.bind(1, start)
        defer { row.finish() }
        var events: [LogEvent] = []
        var last = start
        var hasMore = false
        while try row.step() {
            let id = row.integer(0)
            if id != last, events.count >= limit {
                hasMore = true
                break
            }
            last = id
            if let event = Self.event(row) { events.append(event) }
        }
        // Nothing behind the position, and still it is not the end: the log was emptied, or a backup was put back.
        if last == start {
            let end = try Self.logEnd(db)
            return LogBatch(events: [], end: LogPosition(end), isTorn: end != start)
        }
        return LogBatch(events: events, end: LogPosition(last), hasMore: hasMore, isTorn: false)
    }

    private static let entriesAfter = """
        SELECT c.id, m.id IS NOT NULL,
            c.entry, c.hall_id, c.message_id, c.user_id, c.session_id, c.data, \(messageColumns)
        FROM changes c
        LEFT JOIN messages m
            ON m.id BETWEEN c.message_id AND COALESCE(c.last_message_id, c.message_id)
        \(joinedToMessages)
        WHERE c.id > ? ORDER BY c.id, m.id
        """

    /// What an entry tells; `nil` of one that this version does not know, or whose message was taken out by hand.
    private static func event(_ row: FastStatement) -> LogEvent? {
        var message: Message? { row.bool(1) ? changedMessage(row, startingAt: 8) : nil }
        let record = LogRecord(
            row.text(2), hallID: row.optionalInteger(3), messageID: row.optionalInteger(4),
            userID: row.optionalInteger(5), sessionID: row.optionalInteger(6),
            data: row.optionalText(7))
        switch LogEntry(record) {
        case .messages: return message.map { .messageCreated($0) }
        case .messageChanged(_, _, let change):
            return message.map { .messageChanged($0, change: change) }
        case .joined(let hallID, let userID, let role):
            return .joined(hallID: hallID, userID: userID, role: role)
        case .left(let hallID, let userID): return .left(hallID: hallID, userID: userID)
        case .banned(let hallID, let userID): return .banned(hallID: hallID, userID: userID)
        case .banLifted(let hallID, let userID): return .banLifted(hallID: hallID, userID: userID)
        case .hallChanged(let hallID, let change): return .hallChanged(hallID: hallID, change)
        case .sessionEnded(let sessionID, let userID):
            return .sessionEnded(sessionID: sessionID, userID: userID)
        case .sessionRenewed(let sessionID, let userID):
            return .sessionRenewed(sessionID: sessionID, userID: userID)
        case .userDisabled(let userID): return .userDisabled(userID: userID)
        case .userChanged(let userID, let isRenamed):
            return .userChanged(userID: userID, isRenamed: isRenamed)
        case .read(let mark): return .read(mark)
        case nil: return nil
        }
    }

    static func logEnd(_ db: Database) throws -> Int64 {
        // The sequence, not MAX(id): the log may be pruned to nothing.
        let statement = try FastStatement(
            "SELECT seq FROM sqlite_sequence WHERE name = 'changes'", in: db)
        defer { statement.finish() }
        return try statement.step() ? statement.integer(0) : 0
    }

    /// Appends to the log, in the transaction that it speaks of.
    ///
    /// - Returns: the number of the entry: they grow without holes, in the order of the commits.
    @discardableResult
    func log(_ entry: LogEntry, by actor: Actor, in db: Database) throws -> Int64 {
        let record = entry.record
        let insert = try FastStatement(Self.insertEntry, in: db)
        insert.bind(1, record.kind)
        insert.bind(2, record.hallID)
        insert.bind(3, record.messageID)
        insert.bind(4, record.userID)
        insert.bind(5, record.sessionID)
        insert.bind(6, record.data)
        insert.bind(7, actor.userID)
        insert.bind(8, clock().milliseconds)
        try insert.run()
        let id = db.lastInsertedRowID
        // Now and then the old end is cut off: cheap, because it is many entries at once.
        if id % 1_024 == 0 {
            try db.execute(
                sql: "DELETE FROM changes WHERE id <= ?", arguments: [id - limits.changesKept])
        }
        return id
    }

    private static let insertEntry = """
        INSERT INTO changes (entry, hall_id, message_id, user_id, session_id, data, actor_id, at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """
}
