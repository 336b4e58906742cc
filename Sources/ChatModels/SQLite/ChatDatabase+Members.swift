// SPDX-License-Identifier: Apache-2.0

import GRDB

/// Who is in a hall.
extension ChatDatabase {
    /// As ``HallStorage`` says.
    public func join(_ hallID: Int64, as userID: Int64) throws -> Hall {
        try write { db in
            do {
                return try hall(hallID, as: userID, db)
            } catch let error as ChatError where error.code == .notAMember {
                let statement = try db.cachedStatement(
                    sql: "SELECT archived_at IS NOT NULL FROM halls WHERE id = ?")
                if try Bool.fetchOne(statement, arguments: [hallID]) == true {
                    throw ChatError(.hallArchived)
                }
                if try isBanned(userID, from: hallID, db) { throw ChatError(.banned) }
                try addMember(userID, to: hallID, as: .member, by: .user(userID), db)
                return try hall(hallID, as: userID, db)
            }
        }
    }

    /// As ``HallStorage`` says.
    public func leave(_ hallID: Int64, as userID: Int64) throws {
        try write { db in
            let seat = try requireSeat(of: userID, in: hallID, db)
            try removeMember(userID, who: seat.role, from: hallID, by: .user(userID), db)
        }
    }

    /// As ``HallStorage`` says.
    public func setRole(
        _ role: Role, of userID: Int64, in hallID: Int64, by actorID: Int64
    ) throws -> Member {
        try write { db in
            let before = try requireMember(
                userID, of: hallID,
                try requireRight(to: .setRole, userID, of: hallID, by: .user(actorID), db))
            if role != before {
                try setRole(role, of: userID, in: hallID, by: .user(actorID), db)
                if role == .owner {
                    try setRole(.moderator, of: actorID, in: hallID, by: .user(actorID), db)
                }
            }
            return Member(user: try user(userID, db), role: role)
        }
    }

    /// As ``HallStorage`` says.
    public func removeMember(_ userID: Int64, of hallID: Int64, by actor: Actor) throws {
        try write { db in
            let role = try requireMember(
                userID, of: hallID,
                try requireRight(to: .remove, userID, of: hallID, by: actor, db))
            try removeMember(userID, who: role, from: hallID, by: actor, db)
        }
    }

    /// Who is in a hall, whoever asks: for the push daemon and the operator.
    public func allMembers(of hallID: Int64) throws -> [Int64: Role] {
        try read { db in try allMembers(of: hallID, db) }
    }

    func allMembers(of hallID: Int64, _ db: Database) throws -> [Int64: Role] {
        let statement = try db.cachedStatement(
            sql: "SELECT user_id, role FROM user_halls WHERE hall_id = ?")
        var members: [Int64: Role] = [:]
        let rows = try Row.fetchCursor(statement, arguments: [hallID])
        while let row = try rows.next() { members[row[0]] = Role(rawValue: row[1]) }
        return members
    }

    // MARK: The operator's view

    /// As ``HallStorage`` says.
    public func everyMember(of hallID: Int64) throws -> [Member] {
        try read { db in
            try requireHall(hallID, db)
            return try members(of: hallID, after: 0, limit: .max, db)
        }
    }

    /// As ``HallStorage`` says.
    public func setMember(_ userID: Int64, of hallID: Int64, as role: Role) throws {
        try write { db in
            try requireHall(hallID, db)
            guard
                try Bool.fetchOne(db, sql: "SELECT 1 FROM users WHERE id = ?", arguments: [userID])
                    != nil
            else { throw ChatError(.notFound, "There is no user with id \(userID).") }
            guard let before = try self.role(of: userID, in: hallID, db) else {
                _ = try removeBan(of: userID, from: hallID, by: .operator, db)
                return try addMember(userID, to: hallID, as: role, by: .operator, db)
            }
            try setRole(role, of: userID, in: hallID, by: .operator, db)
            if before == .owner, try !hasOwner(hallID, db) {
                throw ChatError(
                    .notAllowed, "Hall \(hallID) has no other owner; make another member one first."
                )
            }
        }
    }

    // MARK: Pieces

    func addMember(
        _ userID: Int64, to hallID: Int64, as role: Role, by actor: Actor, _ db: Database
    ) throws {
        let count = try Int.fetchOne(
            db, sql: "SELECT COUNT(*) FROM user_halls WHERE user_id = ?", arguments: [userID])
        guard (count ?? 0) < limits.hallsPerUserMax else {
            throw ChatError(.tooManyHalls, limit: limits.hallsPerUserMax)
        }
        // What was said before one came counts as read.
        try db.execute(
            sql: """
                INSERT INTO user_halls (user_id, hall_id, role, read_rev, joined_at)
                SELECT ?, id, ?, rev, ? FROM halls WHERE id = ?
                """, arguments: [userID, role.rawValue, clock().iso8601, hallID])
        try log(.joined(hallID: hallID, userID: userID, role: role), by: actor, in: db)
    }

    /// What somebody is in a hall with whom another wants to do something, if that one may; `nil` for who is not in it.
    func requireRight(
        to act: MemberAct, _ userID: Int64, of hallID: Int64, by actor: Actor, _ db: Database
    ) throws -> Role? {
        let role: Role?
        switch actor {
        case .operator:
            try requireHall(hallID, db)
            role = try self.role(of: userID, in: hallID, db)
        case .user(let actorID):
            let seat = try requireSeat(of: actorID, in: hallID, db)
            role = try self.role(of: userID, in: hallID, db)
            guard seat.role.permits(act, on: role) else { throw ChatError(.notAllowed) }
        }
        return role
    }

    private func requireMember(_ userID: Int64, of hallID: Int64, _ role: Role?) throws -> Role {
        guard let role else {
            throw ChatError(.notFound, "User \(userID) is not in hall \(hallID).")
        }
        return role
    }

    private func setRole(
        _ role: Role, of userID: Int64, in hallID: Int64, by actor: Actor, _ db: Database
    ) throws {
        try db.execute(
            sql: "UPDATE user_halls SET role = ? WHERE user_id = ? AND hall_id = ?",
            arguments: [role.rawValue, userID, hallID])
        try log(.joined(hallID: hallID, userID: userID, role: role), by: actor, in: db)
    }

    private func hasOwner(_ hallID: Int64, _ db: Database) throws -> Bool {
        try Bool.fetchOne(
            db, sql: "SELECT 1 FROM user_halls WHERE hall_id = ? AND role = 'owner'",
            arguments: [hallID]) != nil
    }

    /// - Parameter role: what the user is there. Only an owner has an heir: a hall that never had one is the operator's.
    func removeMember(
        _ userID: Int64, who role: Role, from hallID: Int64, by actor: Actor, _ db: Database
    ) throws {
        try db.execute(
            sql: "DELETE FROM user_halls WHERE user_id = ? AND hall_id = ?",
            arguments: [userID, hallID])
        try db.execute(
            sql: "INSERT OR IGNORE INTO former_members (user_id, hall_id) VALUES (?, ?)",
            arguments: [userID, hallID])
        try log(.left(hallID: hallID, userID: userID), by: actor, in: db)
        guard role == .owner, try !hasOwner(hallID, db) else { return }
        let heir = try Int64.fetchOne(
            db,
            sql: """
                SELECT user_id FROM user_halls WHERE hall_id = ?
                ORDER BY role = 'moderator' DESC, joined_at, user_id LIMIT 1
                """, arguments: [hallID])
        if let heir { try setRole(.owner, of: heir, in: hallID, by: actor, db) }
    }

    func members(
        of hallID: Int64, after: Int64, limit: Int, _ db: Database
    ) throws -> [Member] {
        let row = try FastStatement(Self.membersOfHall, in: db)
        row.bind(1, hallID)
        row.bind(2, after)
        row.bind(3, Int64(limit))
        defer { row.finish() }
        var members: [Member] = []
        while try row.step() {
            members.append(
                Member(user: User(row, startingAt: 1), role: Role(rawValue: row.text(0)) ?? .member)
            )
        }
        return members
    }

    private static let membersOfHall = """
        SELECT uh.role, \(User.columns) FROM user_halls uh JOIN users u ON u.id = uh.user_id
        WHERE uh.hall_id = ? AND uh.user_id > ? ORDER BY uh.user_id LIMIT ?
        """
}
