// SPDX-License-Identifier: Apache-2.0

import GRDB

/// Reads what belongs to one position of the log; only within ``ChatDatabase/snapshot(after:_:)``.
private struct SnapshotReader: SnapshotReading {
    let database: ChatDatabase
    let db: Database

    func hall(_ hallID: Int64) throws -> HallSnapshot? { try database.hallSnapshot(hallID, db) }

    func messages(
        of hallID: Int64, as userID: Int64, since position: HallPosition
    ) throws -> MessagesSince {
        try database.messages(of: hallID, as: userID, since: position, limit: nil, db)
    }
}

extension ChatDatabase {
    /// The most of the log that is read with a state: who is farther behind has to begin anew.
    static let snapshotEventsMax = 20_000

    /// As ``LogStorage`` says.
    public func snapshot<Value>(
        after position: LogPosition, _ body: (any SnapshotReading) throws -> Value
    ) throws -> (log: LogBatch, value: Value) {
        try read { db in
            var batch = try log(after: position, limit: Self.snapshotEventsMax, in: db)
            let end = LogPosition(try Self.logEnd(db))
            if batch.end != end { batch = LogBatch(events: [], end: end, isTorn: true) }
            return (batch, try body(SnapshotReader(database: self, db: db)))
        }
    }

    /// As ``LogStorage`` says.
    public func hallSnapshot(_ hallID: Int64) throws -> HallSnapshot? {
        try read { db in try hallSnapshot(hallID, db) }
    }

    fileprivate func hallSnapshot(_ hallID: Int64, _ db: Database) throws -> HallSnapshot? {
        guard let hall = try hall(hallID, in: db) else { return nil }
        return HallSnapshot(hall: hall, members: try allMembers(of: hallID, db))
    }
}
