// SPDX-License-Identifier: Apache-2.0

import GRDB

/// What is shown of people, and to whom.
extension ChatDatabase {
    /// As ``PersonStorage`` says.
    public func setProfile(_ profile: Profile, of userID: Int64, by actor: Actor) throws -> User {
        let profile = try profile.normalized(by: actor)
        return try write { db in
            let before = try user(userID, db)
            var after = before
            if let name = profile.name { after.name = name.isEmpty ? before.username : name }
            if let picture = profile.picture { after.picture = picture.isEmpty ? nil : picture }
            if actor != .operator, after.name != before.name, after.name != after.username {
                try requireOwnLook(ofName: after.name, shownBy: userID, db)
            }
            return try keep(after, insteadOf: before, by: actor, db)
        }
    }

    /// As ``PersonStorage`` says.
    public func renameUser(_ userID: Int64, to username: String) throws -> User {
        let username = try Names.username(username, lengthMax: limits.usernameLengthMax)
        return try write { db in
            let before = try user(userID, db)
            var after = before
            after.username = username
            // Who has shown the username so far shows the new one.
            if before.name == before.username { after.name = username }
            if let other = try account(named: username, db), other.user.id != userID {
                throw ChatError(.usernameTaken)
            }
            if after != before { try requireOwnLook(ofUser: username, but: userID, db) }
            return try keep(after, insteadOf: before, by: .operator, db)
        }
    }

    /// Keeps a user as the user is now, and tells of it in the log; does nothing for one who is as before.
    func keep(
        _ after: User, insteadOf before: User, by actor: Actor, _ db: Database
    ) throws -> User {
        guard after != before else { return before }
        let isRenamed = after.username != before.username
        if isRenamed {
            try Self.forgetLooks(ofUser: after.id, named: before.username, db)
            try Self.keepLooks(ofUser: after.id, named: after.username, db)
            try db.execute(sql: "UPDATE instance SET renames = renames + 1")
        }
        var user = after
        user.version += 1
        try Self.refusingTakenName {
            try db.execute(
                sql: """
                    UPDATE users SET username = ?, username_key = ?, name = ?, picture = ?, version = ?
                    WHERE id = ?
                    """,
                arguments: [
                    user.username, Names.key(user.username),
                    user.name == user.username ? nil : user.name, user.picture, user.version,
                    user.id,
                ])
        }
        try log(.userChanged(userID: user.id, isRenamed: isRenamed), by: actor, in: db)
        return user
    }

    func user(_ userID: Int64, _ db: Database) throws -> User {
        guard let user = try userIfKnown(userID, db) else {
            throw ChatError(.notFound, "There is no user with id \(userID).")
        }
        return user
    }

    private func userIfKnown(_ userID: Int64, _ db: Database) throws -> User? {
        let row = try FastStatement("SELECT \(User.columns) FROM users u WHERE u.id = ?", in: db)
        row.bind(1, userID)
        defer { row.finish() }
        return try row.step() ? User(row, startingAt: 0) : nil
    }

    /// As ``LogStorage`` says.
    public func userSnapshot(_ userID: Int64) throws -> UserSnapshot? {
        try read { db in
            guard let user = try userIfKnown(userID, db) else { return nil }
            let row = try FastStatement(Self.hallsThatSee, in: db)
            row.bind(1, userID)
            defer { row.finish() }
            var snapshot = UserSnapshot(user: user, hallIDs: [])
            while try row.step() { snapshot.hallIDs.append(row.integer(0)) }
            return snapshot
        }
    }

    private static let hallsThatSee = """
        SELECT hall_id FROM user_halls WHERE user_id = ?1
        UNION SELECT hall_id FROM former_members WHERE user_id = ?1
        """
}

extension ChatReader {
    func users(_ known: [KnownUser], as userID: Int64) throws -> [User] {
        let row = try FastStatement(Self.userIfSeen, in: db)
        row.bind(3, userID)
        defer { row.finish() }
        return try known.compactMap { known in
            row.finish()
            row.bind(1, known.id)
            row.bind(2, known.version)
            return try row.step() ? User(row, startingAt: 0) : nil
        }
    }

    // The halls of who is looked at come first: those of who asks may be many, and are asked about for each.
    static let userIfSeen = """
        SELECT \(User.columns) FROM users u
        WHERE u.id = ?1 AND u.version IS NOT ?2 AND (u.id = ?3
            OR EXISTS (
                SELECT 1 FROM user_halls theirs CROSS JOIN user_halls mine
                    ON mine.user_id = ?3 AND mine.hall_id = theirs.hall_id
                WHERE theirs.user_id = u.id)
            OR EXISTS (
                SELECT 1 FROM former_members theirs CROSS JOIN user_halls mine
                    ON mine.user_id = ?3 AND mine.hall_id = theirs.hall_id
                WHERE theirs.user_id = u.id))
        """
}

extension User {
    /// What it wants of a user who is called `u`.
    static let columns = "u.id, u.username, u.name, u.picture, u.version"
    static let columnCount: Int32 = 5

    /// The user in a row, of which ``columns`` begin at that column.
    init(_ row: FastStatement, startingAt column: Int32) {
        self.init(
            id: row.integer(column), username: row.text(column + 1),
            name: row.optionalText(column + 2), picture: row.optionalText(column + 3),
            version: row.integer(column + 4))
    }
}
