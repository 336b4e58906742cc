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
                try addMember(userID, to: hallID, as: .member, by: .user(userID), db)
                return try hall(hallID, as: userID, db)
            }
        }
    }

    /// As ``HallStorage`` says.
    public func leave(_ hallID: Int64, as userID: Int64) throws {
        try write { db in
            _ = try requireSeat(of: userID, in: hallID, db)
            try removeMember(userID, from: hallID, by: .user(userID), db)
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
            try db.execute(
                sql: "UPDATE user_halls SET role = ? WHERE user_id = ? AND hall_id = ?",
                arguments: [role.rawValue, userID, hallID])
            if db.changesCount > 0 {
                try log(
                    .joined(hallID: hallID, userID: userID, role: role), by: .operator, in: db)
            } else {
                try addMember(userID, to: hallID, as: role, by: .operator, db)
            }
        }
    }

    /// As ``HallStorage`` says.
    public func removeMember(_ userID: Int64, of hallID: Int64) throws {
        try write { db in
            try requireHall(hallID, db)
            try removeMember(userID, from: hallID, by: .operator, db)
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

    private func removeMember(
        _ userID: Int64, from hallID: Int64, by actor: Actor, _ db: Database
    ) throws {
        try db.execute(
            sql: "DELETE FROM user_halls WHERE user_id = ? AND hall_id = ?",
            arguments: [userID, hallID])
        guard db.changesCount > 0 else {
            throw ChatError(.notFound, "User \(userID) is not in hall \(hallID).")
        }
        try db.execute(
            sql: "INSERT OR IGNORE INTO former_members (user_id, hall_id) VALUES (?, ?)",
            arguments: [userID, hallID])
        try log(.left(hallID: hallID, userID: userID), by: actor, in: db)
        let heir = try Int64.fetchOne(
            db,
            sql: """
                SELECT user_id FROM user_halls WHERE hall_id = ?1 AND NOT EXISTS (
                    SELECT 1 FROM user_halls WHERE hall_id = ?1 AND role = 'owner')
                ORDER BY joined_at, user_id LIMIT 1
                """, arguments: [hallID])
        if let heir {
            try db.execute(
                sql: "UPDATE user_halls SET role = 'owner' WHERE user_id = ? AND hall_id = ?",
                arguments: [heir, hallID])
            try log(.joined(hallID: hallID, userID: heir, role: .owner), by: actor, in: db)
        }
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
