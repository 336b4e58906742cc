// SPDX-License-Identifier: Apache-2.0

import GRDB
import Synchronization

/// A hall's history as a member may read it: where it stands, and its pages as they go over the wire. Only within
/// ``ChatDatabase/reading(_:)``.
public struct History {
    /// Where it stands.
    public let version: HistoryVersion
    private let hall: HallForMember
    private let reader: ChatReader

    init(_ hall: HallForMember, in reader: ChatReader) throws {
        self.hall = hall
        self.reader = reader
        version = try Self.version(of: hall, reader.db)
    }

    private static func version(
        of hall: HallForMember, _ db: Database
    ) throws -> HistoryVersion {
        let statement = try FastStatement(
            "SELECT id, created_at FROM messages WHERE id = ?", in: db)
        statement.bind(1, hall.lastMessageID)
        guard try statement.step() else {
            return HistoryVersion(rev: hall.rev, messageID: 0, createdAt: "")
        }
        defer { statement.finish() }
        return HistoryVersion(
            rev: hall.rev, messageID: statement.integer(0), createdAt: statement.text(1))
    }

    /// The newest messages, or those before one; see ``ChatDatabase/messages(of:as:limit:before:)``.
    public func page(limit: Int? = nil, before: Int64? = nil) throws -> HistoryPage {
        try page(limit: limit, before: before, isComplete: nil)
    }

    /// What changed since a position; see ``ChatDatabase/messages(of:as:since:limit:)``.
    public func page(since rev: Int64, limit: Int? = nil) throws -> HistoryPage {
        guard reader.database.isWhole(since: rev, in: hall, limit: limit) else {
            return try page(limit: nil, before: nil, isComplete: false)
        }
        return try page(
            from: hall.lastMessageID, count: Int(hall.rev - rev), since: rev, isComplete: true)
    }

    private func page(limit: Int?, before: Int64?, isComplete: Bool?) throws -> HistoryPage {
        try page(
            from: reader.database.newestMessage(of: hall, before: before, in: reader.db),
            count: reader.database.pageSize(limit), isComplete: isComplete)
    }

    /// The page of so many messages from one on to the older ones, behind a position.
    private func page(
        from id: Int64?, count: Int, since rev: Int64 = 0, isComplete: Bool?
    ) throws -> HistoryPage {
        var rows = try MessagesBackwards(
            HistoryPageWriter.columns, of: hall, from: id, in: reader.db)
        defer { rows.finish() }
        var writer = HistoryPageWriter(hallID: hall.id, sizeExpected: count)
        try reader.database.senders.withLock { senders in
            // Where a message was taken out by hand, there are fewer of them than positions.
            while writer.count < count, try rows.step(),
                try writer.append(rows.row, since: rev, &senders, reader.db)
            {}
        }
        // What changed since a position has nothing before it to ask for.
        return writer.page(
            version, hasMore: isComplete != true && rows.hasMore, isComplete: isComplete)
    }
}
