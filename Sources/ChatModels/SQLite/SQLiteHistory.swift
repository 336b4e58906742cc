// SPDX-License-Identifier: Apache-2.0

import GRDB
import Synchronization

/// A hall's history in SQLite. Only within ``ChatDatabase/reading(_:)``.
struct SQLiteHistory: History {
    let version: HistoryVersion
    private let hall: Seat
    private let reader: ChatReader

    init(_ hall: Seat, in reader: ChatReader) throws {
        self.hall = hall
        self.reader = reader
        version = try Self.version(of: hall, reader.db)
    }

    private static func version(
        of hall: Seat, _ db: Database
    ) throws -> HistoryVersion {
        let row = try FastStatement(Self.lastMessage, in: db)
        row.bind(1, hall.lastMessageID)
        row.bind(2, hall.hallID)
        row.bind(3, hall.change)
        guard try row.step() else { throw ChatError(.internalError) }
        defer { row.finish() }
        // Where nothing was said, or nothing changed, there are no columns: 0 and an empty text.
        return HistoryVersion(
            rev: hall.rev, change: hall.change, messageID: row.integer(1), createdAt: row.text(2),
            changedID: row.integer(3), editedAt: row.text(4), renames: row.integer(0))
    }

    private static let lastMessage = """
        SELECT i.renames, m.id, m.created_at, mc.message_id, mc.edited_at
        FROM instance i LEFT JOIN messages m ON m.id = ?
        LEFT JOIN message_changes mc ON mc.hall_id = ? AND mc.change = ?
        """

    /// The newest messages, or those before one; see ``History/page(limit:before:)``.
    func page(limit: Int?, before: Int64?) throws -> HistoryPage {
        try page(limit: limit, before: before, isComplete: nil)
    }

    /// What happened since a position; see ``History/page(since:limit:)``.
    func page(since position: HallPosition, limit: Int?) throws -> HistoryPage {
        let since = try reader.database.whole(since: position, in: hall, limit: limit, reader.db)
        guard let since else { return try page(limit: nil, before: nil, isComplete: false) }
        return try page(
            from: hall.lastMessageID, count: since.count, since: position.rev,
            changed: since.changed, isComplete: true)
    }

    private func page(limit: Int?, before: Int64?, isComplete: Bool?) throws -> HistoryPage {
        try page(
            from: reader.database.newestMessage(of: hall, before: before, in: reader.db),
            count: reader.database.pageSize(limit), isComplete: isComplete)
    }

    /// The page of so many messages from one on to the older ones, behind a position.
    private func page(
        from id: Int64?, count: Int, since rev: Int64 = 0, changed: [Message]? = nil,
        isComplete: Bool?
    ) throws -> HistoryPage {
        var rows = try MessagesBackwards(
            MessageRow.columns, of: hall, from: id, in: reader.db)
        defer { rows.finish() }
        let changes = try ChangesBackwards(of: hall, from: id, in: reader.db)
        defer { changes.finish() }
        var writer = HistoryPageWriter(sizeExpected: count)
        try reader.database.senders.withLock { senders in
            if senders.renames != version.renames {
                senders = SenderTexts(renames: version.renames)
            }
            var message = MessageRow(rows.row, of: hall.hallID, changes, senders)
            // What is learnt there must not make a copy of what is known here.
            senders = SenderTexts(renames: version.renames)
            defer { senders = message.senders }
            // Where a message was taken out by hand, there are fewer of them than positions.
            while writer.count < count, try rows.step() {
                try message.take(in: reader.db)
                guard message.rev > rev else { break }
                writer.append(message)
            }
        }
        // What changed since a position has nothing before it to ask for.
        return writer.page(
            version, changed: changed, by: hall.userID,
            hasMore: isComplete != true && rows.hasMore, isComplete: isComplete)
    }
}
