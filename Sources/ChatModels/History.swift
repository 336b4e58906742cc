// SPDX-License-Identifier: Apache-2.0

import GRDB
import Synchronization

/// A hall's history as a member may read it: where it stands, and its pages as they go over the wire. Only within
/// ``ChatDatabase/reading(_:)``.
public struct History {
    /// Where it stands.
    public let version: HistoryVersion
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
        let statement = try FastStatement(
            "SELECT id, created_at FROM messages WHERE id = ?", in: db)
        statement.bind(1, hall.lastMessageID)
        guard try statement.step() else {
            return HistoryVersion(
                rev: hall.rev, change: hall.change, messageID: 0, createdAt: "")
        }
        defer { statement.finish() }
        return HistoryVersion(
            rev: hall.rev, change: hall.change, messageID: statement.integer(0),
            createdAt: statement.text(1))
    }

    /// The newest messages, or those before one; see ``ChatDatabase/messages(of:as:limit:before:)``.
    public func page(limit: Int? = nil, before: Int64? = nil) throws -> HistoryPage {
        try page(limit: limit, before: before, isComplete: nil)
    }

    /// What happened since a position; see ``ChatDatabase/messages(of:as:since:limit:)``.
    public func page(since position: HallPosition, limit: Int? = nil) throws -> HistoryPage {
        let changed = try position.change.map {
            try reader.database.messages(
                of: hall, changedSince: $0, limit: limit, in: reader.db)
        }
        guard reader.database.isWhole(since: position.rev, in: hall, limit: limit),
            changed != .some(nil)
        else { return try page(limit: nil, before: nil, isComplete: false) }
        return try page(
            from: hall.lastMessageID, count: Int(hall.rev - position.rev), since: position.rev,
            changed: changed ?? nil, isComplete: true)
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
            HistoryPageWriter.columns, of: hall, from: id, in: reader.db)
        defer { rows.finish() }
        var changes = try ChangesBackwards(of: hall, from: id, in: reader.db)
        defer { changes.finish() }
        var writer = HistoryPageWriter(hallID: hall.hallID, sizeExpected: count)
        try reader.database.senders.withLock { senders in
            // Where a message was taken out by hand, there are fewer of them than positions.
            while writer.count < count, try rows.step(),
                try writer.append(rows.row, since: rev, &changes, &senders, reader.db)
            {}
        }
        // What changed since a position has nothing before it to ask for.
        return writer.page(
            version, changed: changed, by: hall.userID,
            hasMore: isComplete != true && rows.hasMore, isComplete: isComplete)
    }
}
