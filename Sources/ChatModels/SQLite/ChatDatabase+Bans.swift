// SPDX-License-Identifier: Apache-2.0

import GRDB

/// Who is kept out of a hall.
extension ChatDatabase {
    /// As ``HallStorage`` says.
    public func ban(_ userID: Int64, from hallID: Int64, by actor: Actor) throws {
        try write { db in
            let role = try requireRight(to: .ban, userID, of: hallID, by: actor, db)
            if let role {
                try removeMember(userID, who: role, from: hallID, by: actor, db)
            } else if actor == .operator {
                _ = try user(userID, db)
            } else if try !wasMember(userID, of: hallID, db) {
                throw ChatError(.notFound, "User \(userID) was never in hall \(hallID).")
            }
            try db.execute(
                sql: """
                    INSERT OR IGNORE INTO bans (hall_id, user_id, actor_id, banned_at)
                    VALUES (?, ?, ?, ?)
                    """, arguments: [hallID, userID, actor.userID, clock().iso8601])
            if db.changesCount > 0 {
                try log(.banned(hallID: hallID, userID: userID), by: actor, in: db)
            }
        }
    }

    /// As ``HallStorage`` says.
    public func liftBan(of userID: Int64, from hallID: Int64, by actor: Actor) throws {
        try write { db in
            switch actor {
            case .operator: try requireHall(hallID, db)
            case .user(let actorID): try requireRight(to: .liftBans, of: hallID, by: actorID, db)
            }
            guard try removeBan(of: userID, from: hallID, by: actor, db) else {
                throw ChatError(.notFound, "User \(userID) is not banned from hall \(hallID).")
            }
        }
    }

    /// As ``HallStorage`` says.
    public func everyBan(of hallID: Int64) throws -> [Ban] {
        try read { db in
            try requireHall(hallID, db)
            return try bans(of: hallID, after: 0, limit: .max, db)
        }
    }

    // MARK: Pieces

    func isBanned(_ userID: Int64, from hallID: Int64, _ db: Database) throws -> Bool {
        try Bool.fetchOne(
            db, sql: "SELECT 1 FROM bans WHERE hall_id = ? AND user_id = ?",
            arguments: [hallID, userID]) != nil
    }

    private func wasMember(_ userID: Int64, of hallID: Int64, _ db: Database) throws -> Bool {
        try Bool.fetchOne(
            db, sql: "SELECT 1 FROM former_members WHERE user_id = ? AND hall_id = ?",
            arguments: [userID, hallID]) != nil
    }

    /// - Returns: whether there was one.
    func removeBan(
        of userID: Int64, from hallID: Int64, by actor: Actor, _ db: Database
    ) throws -> Bool {
        try db.execute(
            sql: "DELETE FROM bans WHERE hall_id = ? AND user_id = ?",
            arguments: [hallID, userID])
        guard db.changesCount > 0 else { return false }
        try log(.banLifted(hallID: hallID, userID: userID), by: actor, in: db)
        return true
    }

    func bans(of hallID: Int64, after: Int64, limit: Int, _ db: Database) throws -> [Ban] {
        let row = try FastStatement(Self.bansOfHall, in: db)
        row.bind(1, hallID)
        row.bind(2, after)
        row.bind(3, Int64(limit))
        defer { row.finish() }
        var bans: [Ban] = []
        while try row.step() {
            bans.append(
                Ban(
                    user: User(row, startingAt: 2), actorID: row.optionalInteger(0),
                    bannedAt: row.text(1)))
        }
        return bans
    }

    static let bansOfHall = """
        SELECT b.actor_id, b.banned_at, \(User.columns) FROM bans b JOIN users u ON u.id = b.user_id
        WHERE b.hall_id = ? AND b.user_id > ? ORDER BY b.user_id LIMIT ?
        """
}
