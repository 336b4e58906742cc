// SPDX-License-Identifier: Apache-2.0

import GRDB

/// Names that look the same. What a database had before this was asked stays; only new names are refused.
extension ChatDatabase {
    /// Refuses a username that somebody chooses, if others could take it for another person's or for a word of the page's.
    ///
    /// - Parameter userID: the person, where there is one already.
    /// - Throws: ``ChatError``: `invalid_username`, `username_taken`.
    func requireOwnLook(
        ofUser username: String, but userID: Int64? = nil, _ db: Database
    ) throws {
        guard !Names.isReserved(username) else {
            throw ChatError(
                .invalidUsername,
                "The chat itself has the word \(username) for somebody. Any other name will do.")
        }
        if try looksTaken(username, but: userID, db) {
            throw ChatError(
                .usernameTaken,
                """
                The username looks like one that is taken. A name is told apart by its letters and digits, not by \
                signs at its ends or by letters that look alike.
                """)
        }
    }

    /// Refuses a name that a person wants shown, if it looks like another's username or a word of the page's. Two people may
    /// show the same name: the page tells them apart by their usernames.
    ///
    /// - Throws: ``ChatError``: `invalid_name`.
    func requireOwnLook(ofName name: String, shownBy userID: Int64, _ db: Database) throws {
        guard !Names.isReserved(name) else {
            throw ChatError(
                .invalidName,
                "The chat itself has the word \(name) for somebody. Any other name will do.")
        }
        if try looksTaken(name, but: userID, db) {
            throw ChatError(.invalidName, "The name looks like the username of somebody else.")
        }
    }

    /// Whether a name looks like the username of somebody else.
    private func looksTaken(_ name: String, but userID: Int64?, _ db: Database) throws -> Bool {
        for look in Names.looks(ofUser: name) {
            let statement = try db.cachedStatement(
                sql: "SELECT 1 FROM user_looks WHERE look = ? AND user_id IS NOT ?")
            if try Bool.fetchOne(statement, arguments: [look, userID]) == true { return true }
        }
        return false
    }

    /// Forgets how a user's name looks.
    static func forgetLooks(ofUser userID: Int64, named username: String, _ db: Database) throws {
        for look in Names.looks(ofUser: username) {
            try db.execute(
                sql: "DELETE FROM user_looks WHERE look = ? AND user_id = ?",
                arguments: [look, userID])
        }
    }

    /// Keeps how a user's name looks.
    static func keepLooks(ofUser userID: Int64, named username: String, _ db: Database) throws {
        for look in Names.looks(ofUser: username) {
            try db.cachedStatement(
                sql: "INSERT OR IGNORE INTO user_looks (look, user_id) VALUES (?, ?)"
            ).execute(arguments: [look, userID])
        }
    }

    /// Refuses a name for an open hall, if others could take it for another open hall's.
    ///
    /// - Parameter hallID: the hall itself, where it is there already.
    /// - Throws: ``ChatError``: `hall_name_taken`.
    func requireOwnLook(ofHall name: String, but hallID: Int64? = nil, _ db: Database) throws {
        for look in Names.looks(ofHall: name) {
            let statement = try db.cachedStatement(
                sql: """
                    SELECT 1 FROM hall_looks l JOIN halls h ON h.id = l.hall_id
                    WHERE l.look = ? AND h.id IS NOT ? AND h.private = 0 AND h.archived_at IS NULL
                    """)
            if try Bool.fetchOne(statement, arguments: [look, hallID]) == true {
                throw ChatError(
                    .hallNameTaken,
                    """
                    The name looks like an open hall's. It has to differ in more than letters that look alike.
                    """)
            }
        }
    }

    /// Keeps how a hall's name looks.
    static func keepLooks(ofHall hallID: Int64, named name: String, _ db: Database) throws {
        for look in Names.looks(ofHall: name) {
            try db.cachedStatement(
                sql: "INSERT OR IGNORE INTO hall_looks (look, hall_id) VALUES (?, ?)"
            ).execute(arguments: [look, hallID])
        }
    }

    /// Forgets how the name looked that a hall has so far.
    static func forgetLooks(ofHall hallID: Int64, named name: String, _ db: Database) throws {
        for look in Names.looks(ofHall: name) {
            try db.execute(
                sql: "DELETE FROM hall_looks WHERE look = ? AND hall_id = ?",
                arguments: [look, hallID])
        }
    }

    /// How all names look, for a database that did not keep it so far.
    static func keepAllLooks(_ db: Database) throws {
        let users = try Row.fetchCursor(db, sql: "SELECT id, username FROM users")
        while let row = try users.next() { try keepLooks(ofUser: row[0], named: row[1], db) }
        let halls = try Row.fetchCursor(db, sql: "SELECT id, name FROM halls")
        while let row = try halls.next() { try keepLooks(ofHall: row[0], named: row[1], db) }
    }
}
