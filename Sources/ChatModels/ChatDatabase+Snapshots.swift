// SPDX-License-Identifier: Apache-2.0

import GRDB

/// A hall with everybody in it.
public struct HallSnapshot: Sendable, Equatable {
    /// The hall, without a role.
    public var hall: Hall
    /// Its members and what they may.
    public var members: [Int64: Role]
}

/// Reads what belongs to one position of the log; only within ``ChatDatabase/snapshot(after:_:)``.
public struct SnapshotReader {
    fileprivate let database: ChatDatabase
    fileprivate let db: Database

    /// A hall with everybody in it, whoever asks; `nil` if there is none.
    public func hall(_ hallID: Int64) throws -> HallSnapshot? {
        try database.hallSnapshot(hallID, db)
    }

    /// What happened in a hall since a position; see ``ChatDatabase/messages(of:as:since:limit:)``.
    public func messages(
        of hallID: Int64, as userID: Int64, since position: HallPosition
    ) throws -> MessagesSince {
        try database.messages(of: hallID, as: userID, since: position, limit: nil, db)
    }
}

extension ChatDatabase {
    /// The most of the log that is read with a state: who is farther behind has to begin anew.
    static let snapshotChangesMax = 20_000

    /// Reads state together with the log, in one transaction: what is read is exactly what the log says up to the
    /// batch's cursor. Whoever emits the batch first and then uses what was read loses nothing between, and doubles
    /// nothing.
    public func snapshot<Value>(
        after cursor: Int64, _ body: (SnapshotReader) throws -> Value
    ) throws -> (changes: ChangeBatch, value: Value) {
        try read { db in
            var batch = try changes(after: cursor, limit: Self.snapshotChangesMax, in: db)
            let newest = try Self.newestChange(db)
            if batch.cursor != newest {
                batch = ChangeBatch(changes: [], cursor: newest, isTorn: true)
            }
            return (batch, try body(SnapshotReader(database: self, db: db)))
        }
    }

    /// A hall's name and state, whoever asks; `nil` if there is none.
    public func hallSnapshot(_ hallID: Int64) throws -> HallSnapshot? {
        try read { db in try hallSnapshot(hallID, db) }
    }

    fileprivate func hallSnapshot(_ hallID: Int64, _ db: Database) throws -> HallSnapshot? {
        let statement = try db.cachedStatement(
            sql:
                "SELECT id, name, private, NULL, rev, change, archived_at IS NOT NULL FROM halls WHERE id = ?"
        )
        guard let hall = try Self.halls(statement, [hallID]).first else { return nil }
        return HallSnapshot(hall: hall, members: try allMembers(of: hallID, db))
    }
}
