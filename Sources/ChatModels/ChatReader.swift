// SPDX-License-Identifier: Apache-2.0

import GRDB

/// Reads for one request, all of the same state of the database: who asks, whether they may, and what they see. Only
/// within ``ChatDatabase/reading(_:)``.
public struct ChatReader {
    let database: ChatDatabase
    let db: Database

    /// The session that a token stands for; see ``ChatDatabase/session(token:)``.
    public func session(token: String) throws -> LoginSession? {
        try database.session(token: token, db)
    }

    /// A hall's history, for a member.
    ///
    /// - Throws: ``ChatError``: `not_found`, `not_a_member`.
    public func history(of hallID: Int64, as userID: Int64) throws -> History {
        let seat = try database.requireSeat(of: userID, in: hallID, db)
        return try History(seat, in: self)
    }
}

extension ChatDatabase {
    /// Answers a request from one state of the database, in one transaction.
    public func reading<Value>(_ body: (ChatReader) throws -> Value) throws -> Value {
        try read { db in try body(ChatReader(database: self, db: db)) }
    }
}
