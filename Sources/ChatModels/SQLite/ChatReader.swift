// SPDX-License-Identifier: Apache-2.0

import GRDB

/// Reads for one request, all of the same state of the database. Only within ``ChatDatabase/reading(_:)``.
struct ChatReader: ChatReading {
    let database: ChatDatabase
    let db: Database

    func session(token: String) throws -> LoginSession? {
        try database.session(token: token, db)
    }

    func history(of hallID: Int64, as userID: Int64) throws -> any History {
        try SQLiteHistory(try database.requireSeat(of: userID, in: hallID, db), in: self)
    }
}

extension ChatDatabase {
    /// As ``ChatStorage`` says.
    public func reading<Value>(_ body: (any ChatReading) throws -> Value) throws -> Value {
        try read { db in try body(ChatReader(database: self, db: db)) }
    }
}
