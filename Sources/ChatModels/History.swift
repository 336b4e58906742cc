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
            "SELECT id, created_at FROM messages WHERE hall_id = ? AND rev = ?", in: db)
        statement.bind(1, hall.id)
        statement.bind(2, hall.rev)
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
        let rows = try FastStatement(Self.rowsSince, in: reader.db)
        rows.bind(1, hall.id)
        rows.bind(2, rev)
        var writer = HistoryPageWriter(hallID: hall.id, sizeExpected: Int(hall.rev - rev))
        try append(rows, to: &writer)
        return writer.page(version, isNewestFirst: false, hasMore: false, isComplete: true)
    }

    private func page(limit: Int?, before: Int64?, isComplete: Bool?) throws -> HistoryPage {
        let (rows, limit) = try reader.database.newestRows(
            Self.rowsBefore, of: hall, limit: limit, before: before, in: reader.db)
        var writer = HistoryPageWriter(hallID: hall.id, sizeExpected: limit)
        let hasMore = try append(rows, to: &writer, limit: limit)
        return writer.page(version, isNewestFirst: true, hasMore: hasMore, isComplete: isComplete)
    }

    /// - Returns: whether there are more rows than were wanted.
    @discardableResult
    private func append(
        _ rows: FastStatement, to writer: inout HistoryPageWriter, limit: Int = .max
    ) throws -> Bool {
        defer { rows.finish() }
        return try reader.database.senders.withLock { senders in
            while try rows.step() {
                if writer.count == limit { return true }
                try writer.append(rows, &senders, reader.db)
            }
            return false
        }
    }

    private static let rows = "SELECT \(HistoryPageWriter.columns) FROM messages m "
    private static let rowsSince = rows + "WHERE m.hall_id = ? AND m.rev > ? ORDER BY m.rev"
    private static let rowsBefore =
        rows + "WHERE m.hall_id = ? AND m.rev < ? ORDER BY m.rev DESC LIMIT ?"
}
