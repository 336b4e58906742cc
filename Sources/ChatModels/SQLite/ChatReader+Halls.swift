// SPDX-License-Identifier: Apache-2.0

import GRDB

extension ChatReader {
    func halls(of userID: Int64, kept: HallList?) throws -> HallList {
        let end = try ChatDatabase.logEnd(db)
        if let kept, try isRight(kept, of: userID, upTo: end) {
            return HallList(kept, movedTo: LogPosition(end))
        }
        let rows = try FastStatement(ChatDatabase.hallsOfUser, in: db)
        rows.bind(1, userID)
        return try list(rows, at: LogPosition(end))
    }

    func unread(of userID: Int64) throws -> UnreadCount { try database.unread(of: userID, db) }

    func hallsOpen(to userID: Int64) throws -> HallList {
        let rows = try FastStatement(ChatDatabase.hallsOpenToUser, in: db)
        rows.bind(1, userID)
        rows.bind(2, Int64(database.limits.hallsPerUserMax))
        return try list(rows, at: nil)
    }

    func members(
        of hallID: Int64, as userID: Int64, after: Int64, limit: Int?
    ) throws -> (members: [Member], hasMore: Bool) {
        _ = try database.requireSeat(of: userID, in: hallID, db)
        return try page(limit) { try database.members(of: hallID, after: after, limit: $0, db) }
    }

    func bans(
        of hallID: Int64, as userID: Int64, after: Int64, limit: Int?
    ) throws -> (bans: [Ban], hasMore: Bool) {
        try database.requireRight(to: .liftBans, of: hallID, by: userID, db)
        return try page(limit) { try database.bans(of: hallID, after: after, limit: $0, db) }
    }

    private func page<Person>(
        _ limit: Int?, _ read: (Int) throws -> [Person]
    ) rethrows -> ([Person], Bool) {
        let limitMax = database.limits.membersPageMax
        let limit = min(max(limit ?? limitMax, 1), limitMax)
        // One more than wanted tells whether there is one.
        let people = try read(limit + 1)
        return (Array(people.prefix(limit)), people.count > limit)
    }

    private func list(_ rows: FastStatement, at position: LogPosition?) throws -> HallList {
        defer { rows.finish() }
        var writer = HallListWriter()
        while try rows.step() { writer.append(HallRow(row: rows)) }
        return HallList(writer, at: position)
    }

    /// Whether nothing happened to a list since it was read.
    private func isRight(_ list: HallList, of userID: Int64, upTo end: Int64) throws -> Bool {
        guard let start = list.position?.number else { return false }
        if start == end { return true }
        // To look through more of the log than there are halls would cost more than to read them.
        let missing = end - start
        var looksLeft = Int64(max(list.count, 8))
        guard 1...looksLeft ~= missing else { return false }
        let entries = try FastStatement(Self.entriesOnList, in: db)
        entries.bind(1, userID)
        entries.bind(2, start)
        defer { entries.finish() }
        var seen: Int64 = 0
        while try entries.step() {
            if entries.bool(0) { return false }
            if !entries.isNull(2) {
                let (first, last) = (entries.integer(1), entries.integer(2))
                looksLeft -= last - first
                if looksLeft < 0 { return false }
                if try areAnyInHalls(of: userID, first, last) { return false }
            }
            seen += 1
        }
        // The log has no holes, so that one that is not seen was pruned.
        return seen == missing
    }

    /// Whether one of the messages of an entry was said in a hall of the user's.
    private func areAnyInHalls(of userID: Int64, _ first: Int64, _ last: Int64) throws -> Bool {
        let messages = try FastStatement(
            """
            SELECT 1 FROM messages m CROSS JOIN user_halls uh
                ON uh.user_id = ? AND uh.hall_id = m.hall_id
            WHERE m.id BETWEEN ? AND ? LIMIT 1
            """, in: db)
        messages.bind(1, userID)
        messages.bind(2, first)
        messages.bind(3, last)
        defer { messages.finish() }
        return try messages.step()
    }

    // Who leaves a hall, or comes into one, is named by the entry itself. What others have read is on no list but theirs.
    private static let entriesOnList = """
        SELECT c.user_id IS ?1 OR (c.entry <> '\(LogRecord.readKind)' AND EXISTS (
            SELECT 1 FROM user_halls uh WHERE uh.user_id = ?1 AND uh.hall_id = c.hall_id)),
            c.message_id, c.last_message_id
        FROM changes c WHERE c.id > ?2 ORDER BY c.id
        """
}
