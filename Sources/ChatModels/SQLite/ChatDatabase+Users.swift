// SPDX-License-Identifier: Apache-2.0

import GRDB

extension ChatDatabase {
    /// As ``PersonStorage`` says.
    public func createUser(named username: String, password: String) throws -> User {
        let username = try Names.username(username, lengthMax: limits.usernameLengthMax)
        let hash = try hashed(password)
        return try write { db in
            try requireFree(username, db)
            return try insertUser(named: username, passwordHash: hash, db)
        }
    }

    /// As ``PersonStorage`` says.
    public func requireFree(_ username: String) throws {
        let username = try Names.username(username, lengthMax: limits.usernameLengthMax)
        try read { db in try requireFree(username, db) }
    }

    private func requireFree(_ username: String, _ db: Database) throws {
        guard try account(named: username, db) == nil else { throw ChatError(.usernameTaken) }
        try requireOwnLook(ofUser: username, db)
    }

    /// As ``PersonStorage`` says.
    public func siteUser(named username: String) throws -> User {
        let username = try Names.username(username, lengthMax: limits.usernameLengthMax)
        let known = try read { db in try account(named: username, db) }
        if let known { return try requireEnabled(known, named: username) }
        return try write { db in
            // Another process may have met the user in between.
            if let known = try account(named: username, db) {
                return try requireEnabled(known, named: username)
            }
            return try insertUser(named: username, passwordHash: nil, db)
        }
    }

    /// As ``PersonStorage`` says.
    public func authenticate(
        username: String, password: String, address: String
    ) throws -> User {
        let key = Names.key(of: username, lengthMax: limits.usernameLengthMax)
        let account = key.map {
            AccountAttempts(usernameKey: $0, address: address, limits)
        }
        let attempt = LoginAttempt(account: account, address: address, limits: limits)
        try count(attempt)
        let row = try key.flatMap { key in
            try read { db in
                try Row.fetchOne(
                    db,
                    sql: """
                        SELECT id, username, password_hash FROM users
                        WHERE username_key = ? AND disabled_at IS NULL
                        """, arguments: [key])
            }
        }
        guard try judge(attempt, password: password, hash: row?["password_hash"]), let row else {
            throw ChatError(.wrongCredentials)
        }
        try countAsRight(attempt)
        return User(id: row["id"], username: row["username"])
    }

    /// Whether a password is right. What could not be judged is no failure, and counts for none.
    private func judge(_ attempt: LoginAttempt, password: String, hash: String?) throws -> Bool {
        do {
            return try Password.candidates(password, bytesMax: limits.passwordBytesMax)
                .contains { try passwords.verify($0, against: hash) }
        } catch let error as ChatError where error.code == .busy {
            try takeBack(attempt)
            throw error
        }
    }

    /// As ``PersonStorage`` says.
    public func accountKey(of username: String) -> String {
        let key = Names.key(of: username, lengthMax: limits.usernameLengthMax) ?? ""
        return String(String.UnicodeScalarView(key.unicodeScalars.prefix(128)))
    }

    /// As ``PersonStorage`` says.
    public func countRegistration(from address: String) throws {
        try countRegistration(.address(address, limits))
    }

    // MARK: The operator's view

    /// As ``PersonStorage`` says.
    public func accounts() throws -> [Account] {
        try read { db in
            try Row.fetchAll(db, sql: "SELECT \(Self.accountColumns) FROM users ORDER BY id")
                .map(Self.account)
        }
    }

    /// As ``PersonStorage`` says.
    public func account(named username: String) throws -> Account {
        try read { db in
            guard let account = try account(named: username, db) else {
                throw ChatError(.notFound, "There is no user called \(username).")
            }
            return account
        }
    }

    /// As ``PersonStorage`` says.
    public func setPassword(
        _ password: String, of userID: Int64, by actor: Actor, keeping sessionID: Int64? = nil
    ) throws {
        let hash = try hashed(password)
        try write { db in
            try db.execute(
                sql: "UPDATE users SET password_hash = ? WHERE id = ?", arguments: [hash, userID])
            guard db.changesCount > 0 else { throw ChatError(.notFound) }
            try endSessions(of: userID, but: sessionID, by: actor, db)
        }
    }

    /// As ``PersonStorage`` says.
    public func setDisabled(_ isDisabled: Bool, user userID: Int64) throws {
        try write { db in
            try db.execute(
                sql: "UPDATE users SET disabled_at = ? WHERE id = ?",
                arguments: [isDisabled ? clock().iso8601 : nil, userID])
            guard db.changesCount > 0 else { throw ChatError(.notFound) }
            if isDisabled {
                try endSessions(of: userID, but: nil, by: .operator, db)
                try log(.userDisabled(userID: userID), by: .operator, in: db)
            }
        }
    }

    // MARK: Pieces

    private static let accountColumns =
        "id, username, password_hash IS NOT NULL, disabled_at IS NOT NULL, created_at"

    private static func account(_ row: Row) -> Account {
        Account(
            user: User(id: row[0], username: row[1]), hasPassword: row[2], isDisabled: row[3],
            createdAt: row[4])
    }

    private func requireEnabled(_ account: Account, named username: String) throws -> User {
        guard !account.isDisabled, account.user.username == username else {
            throw ChatError(.unauthenticated)
        }
        return account.user
    }

    private func account(named username: String, _ db: Database) throws -> Account? {
        guard let key = Names.key(of: username, lengthMax: limits.usernameLengthMax) else {
            return nil
        }
        let statement = try db.cachedStatement(
            sql: "SELECT \(Self.accountColumns) FROM users WHERE username_key = ?")
        return try Row.fetchOne(statement, arguments: [key]).map(Self.account)
    }

    private func insertUser(
        named username: String, passwordHash: String?, _ db: Database
    ) throws -> User {
        do {
            try db.execute(
                sql: """
                    INSERT INTO users (username, username_key, password_hash, created_at)
                    VALUES (?, ?, ?, ?)
                    """,
                arguments: [username, Names.key(username), passwordHash, clock().iso8601])
        } catch let error as DatabaseError
            where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE
        {
            throw ChatError(.usernameTaken)
        }
        let user = User(id: db.lastInsertedRowID, username: username)
        try Self.keepLooks(ofUser: user.id, named: username, db)
        return user
    }

    private func hashed(_ password: String) throws -> String {
        let form = try Password.prepared(password, bytesMax: limits.passwordBytesMax)
        // An empty one is none, whatever the operator says.
        let lengthMin = max(limits.passwordLengthMin, 1)
        guard form.unicodeScalars.count >= lengthMin else {
            throw ChatError(
                .invalidPassword, "A password has at least \(lengthMin) characters.",
                limit: lengthMin)
        }
        return try passwords.hash(form)
    }
}
