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
    public func authenticate(
        username: String, password: String, address: String
    ) throws -> User {
        let key = Names.key(of: username, lengthMax: limits.usernameLengthMax)
        let account = key.map {
            AccountAttempts(usernameKey: $0, address: address, limits)
        }
        let attempt = LoginAttempt(account: account, address: address, limits: limits)
        try count(attempt)
        let known = try key.flatMap { key in
            try read { db -> (user: User, hash: String?)? in
                let row = try FastStatement(Self.userToSignIn, in: db)
                row.bind(1, key)
                defer { row.finish() }
                return try row.step() ? (User(row, startingAt: 1), row.optionalText(0)) : nil
            }
        }
        guard try judge(attempt, password: password, hash: known?.hash), let known else {
            throw ChatError(.wrongCredentials)
        }
        try countAsRight(attempt)
        return known.user
    }

    private static let userToSignIn = """
        SELECT u.password_hash, \(User.columns) FROM users u
        WHERE u.username_key = ? AND u.disabled_at IS NULL
        """

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
            let row = try FastStatement(Self.selectAccounts + "ORDER BY u.id", in: db)
            defer { row.finish() }
            var accounts: [Account] = []
            while try row.step() { accounts.append(Self.account(row)) }
            return accounts
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

    private static let selectAccounts = """
        SELECT u.external_id, u.password_hash IS NOT NULL, u.disabled_at IS NOT NULL, u.created_at,
            \(User.columns)
        FROM users u 
        """
    private static let accountByName = selectAccounts + "WHERE u.username_key = ?"
    static let accountByExternalID = selectAccounts + "WHERE u.external_id = ?"

    private static func account(_ row: FastStatement) -> Account {
        Account(
            user: User(row, startingAt: 4), externalID: row.optionalText(0),
            hasPassword: row.bool(1), isDisabled: row.bool(2), createdAt: row.text(3))
    }

    func account(_ sql: String, _ text: String, _ db: Database) throws -> Account? {
        let row = try FastStatement(sql, in: db)
        row.bind(1, text)
        defer { row.finish() }
        return try row.step() ? Self.account(row) : nil
    }

    func account(named username: String, _ db: Database) throws -> Account? {
        guard let key = Names.key(of: username, lengthMax: limits.usernameLengthMax) else {
            return nil
        }
        return try account(Self.accountByName, key, db)
    }

    func insertUser(
        named username: String, passwordHash: String?, externalID: String? = nil, _ db: Database
    ) throws -> User {
        try Self.refusingTakenName {
            try db.execute(
                sql: """
                    INSERT INTO users (username, username_key, password_hash, external_id, created_at)
                    VALUES (?, ?, ?, ?, ?)
                    """,
                arguments: [
                    username, Names.key(username), passwordHash, externalID, clock().iso8601,
                ])
        }
        let user = User(id: db.lastInsertedRowID, username: username)
        try Self.keepLooks(ofUser: user.id, named: username, db)
        return user
    }

    static func refusingTakenName(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as DatabaseError
            where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE
        {
            throw ChatError(.usernameTaken)
        }
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
