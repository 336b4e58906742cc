// SPDX-License-Identifier: Apache-2.0

import GRDB

extension ChatDatabase {
    /// As ``HallStorage`` says.
    public func halls(of userID: Int64) throws -> [Hall] {
        try read { db in try Self.halls(db.cachedStatement(sql: Self.hallsOfUser), [userID]) }
    }

    static let hallsOfUser = """
        SELECT h.id, h.name, h.private, uh.role, h.rev, h.change, h.archived_at IS NOT NULL
        FROM user_halls uh JOIN halls h ON h.id = uh.hall_id
        WHERE uh.user_id = ? ORDER BY h.name_key, h.id
        """

    /// As ``HallStorage`` says.
    public func hallsOpen(to userID: Int64) throws -> [Hall] {
        try read { db in
            try Self.halls(
                db.cachedStatement(sql: Self.hallsOpenToUser), [userID, limits.hallsPerUserMax])
        }
    }

    static let hallsOpenToUser = """
        SELECT h.id, h.name, h.private, NULL, h.rev, h.change, 0
        FROM halls h
        WHERE h.private = 0 AND h.archived_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM user_halls uh WHERE uh.user_id = ? AND uh.hall_id = h.id)
        ORDER BY h.name_key, h.id LIMIT ?
        """

    /// As ``HallStorage`` says.
    public func hall(_ hallID: Int64, as userID: Int64) throws -> Hall {
        try read { db in try hall(hallID, as: userID, db) }
    }

    /// As ``HallStorage`` says.
    public func createHall(named name: String, isPrivate: Bool, by userID: Int64) throws -> Hall {
        let name = try Names.hall(name, lengthMax: limits.hallNameLengthMax)
        return try write { db in
            let hallID = try insertHall(named: name, isPrivate: isPrivate, db)
            try addMember(userID, to: hallID, as: .owner, by: .user(userID), db)
            return try hall(hallID, as: userID, db)
        }
    }

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
    public func allHalls() throws -> [HallSummary] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT h.id, h.name, h.private, NULL, h.rev, h.change, h.archived_at IS NOT NULL, COUNT(uh.user_id)
                    FROM halls h LEFT JOIN user_halls uh ON uh.hall_id = h.id
                    GROUP BY h.id ORDER BY h.id
                    """
            ).map { HallSummary(hall: Self.hall($0), memberCount: $0[7]) }
        }
    }

    /// As ``HallStorage`` says.
    public func createHall(named name: String, isPrivate: Bool) throws -> Hall {
        let name = try Names.hall(name, lengthMax: limits.hallNameLengthMax)
        return try write { db in
            let id = try insertHall(named: name, isPrivate: isPrivate, db)
            return Hall(id: id, name: name, isPrivate: isPrivate, role: nil, rev: 0)
        }
    }

    /// As ``HallStorage`` says.
    public func renameHall(_ hallID: Int64, to name: String) throws {
        let name = try Names.hall(name, lengthMax: limits.hallNameLengthMax)
        try write { db in
            let old = try String.fetchOne(
                db, sql: "SELECT name FROM halls WHERE id = ?", arguments: [hallID])
            guard let old else { throw noHall(hallID) }
            try refusingTakenName {
                try db.execute(
                    sql: "UPDATE halls SET name = ?, name_key = ? WHERE id = ?",
                    arguments: [name, Names.key(name), hallID])
            }
            if try isOpen(hallID, db) { try requireOwnLook(ofHall: name, but: hallID, db) }
            try Self.forgetLooks(ofHall: hallID, named: old, db)
            try Self.keepLooks(ofHall: hallID, named: name, db)
            try log(.hallChanged(hallID: hallID, .renamed), by: .operator, in: db)
        }
    }

    /// As ``HallStorage`` says.
    public func archiveHall(_ hallID: Int64) throws {
        try write { db in
            try requireHall(hallID, db)
            try db.execute(
                sql: "UPDATE halls SET archived_at = ? WHERE id = ? AND archived_at IS NULL",
                arguments: [clock().iso8601, hallID])
            if db.changesCount > 0 {
                try log(.hallChanged(hallID: hallID, .archived), by: .operator, in: db)
            }
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

    /// The one place that decides who may read and write: a member. Who is none learns of an open hall that it is not
    /// theirs, and of a private one nothing.
    func requireSeat(of userID: Int64, in hallID: Int64, _ db: Database) throws -> Seat {
        let row = try FastStatement(Self.seat, in: db)
        row.bind(1, userID)
        row.bind(2, hallID)
        guard try row.step() else { throw ChatError(.notFound) }
        defer { row.finish() }
        guard !row.isNull(5) else { throw ChatError(row.bool(3) ? .notFound : .notAMember) }
        // A role of a later version: what it may is not known here, so that it may nothing.
        guard let role = Role(rawValue: row.text(5)) else { throw ChatError(.notAllowed) }
        return Seat(
            hallID: hallID, userID: userID, username: row.text(6), role: role,
            rev: row.integer(0), change: row.integer(1), lastMessageID: row.optionalInteger(4),
            isArchived: row.bool(2))
    }

    /// The same for who writes, which is remembered. It is looked at once more: in a hall that is not at the position of
    /// its last message, the next would get a position that is taken. It is refused before anything of it is written, so
    /// that it does not harm others of its transaction.
    func requireSeat(
        of userID: Int64, in hallID: Int64, rememberedIn members: inout RememberedMembers,
        _ db: Database
    ) throws -> Seat {
        let seat = try requireSeat(of: userID, in: hallID, db)
        guard try isSound(seat, db) else { throw ChatError(.internalError) }
        members.remember(seat)
        return seat
    }

    /// Whether a hall is at the position of its last message.
    private func isSound(_ hall: Seat, _ db: Database) throws -> Bool {
        guard let id = hall.lastMessageID else { return hall.rev == 0 }
        let last = try FastStatement("SELECT rev, hall_id FROM messages WHERE id = ?", in: db)
        last.bind(1, id)
        defer { last.finish() }
        return try last.step() && last.integer(0) == hall.rev && last.integer(1) == hall.hallID
    }

    private static let seat = """
        SELECT h.rev, h.change, h.archived_at IS NOT NULL, h.private, h.last_message_id, uh.role,
            u.username
        FROM halls h JOIN users u ON u.id = ? AND u.disabled_at IS NULL
        LEFT JOIN user_halls uh ON uh.hall_id = h.id AND uh.user_id = u.id
        WHERE h.id = ?
        """

    private func hall(_ hallID: Int64, as userID: Int64, _ db: Database) throws -> Hall {
        _ = try requireSeat(of: userID, in: hallID, db)
        let statement = try db.cachedStatement(
            sql: """
                SELECT h.id, h.name, h.private, uh.role, h.rev, h.change, h.archived_at IS NOT NULL
                FROM halls h JOIN user_halls uh ON uh.hall_id = h.id
                WHERE h.id = ? AND uh.user_id = ?
                """)
        guard let hall = try Self.halls(statement, [hallID, userID]).first else {
            throw ChatError(.notFound)
        }
        return hall
    }

    private func requireHall(_ hallID: Int64, _ db: Database) throws {
        let exists = try Bool.fetchOne(
            db, sql: "SELECT 1 FROM halls WHERE id = ?", arguments: [hallID])
        guard exists != nil else { throw noHall(hallID) }
    }

    private func noHall(_ hallID: Int64) -> ChatError {
        ChatError(.notFound, "There is no hall with id \(hallID).")
    }

    private func isOpen(_ hallID: Int64, _ db: Database) throws -> Bool {
        try Bool.fetchOne(
            db, sql: "SELECT private = 0 AND archived_at IS NULL FROM halls WHERE id = ?",
            arguments: [hallID]) ?? false
    }

    private func insertHall(named name: String, isPrivate: Bool, _ db: Database) throws -> Int64 {
        try refusingTakenName {
            try db.execute(
                sql: "INSERT INTO halls (name, name_key, private, created_at) VALUES (?, ?, ?, ?)",
                arguments: [name, Names.key(name), isPrivate, clock().iso8601])
        }
        let id = db.lastInsertedRowID
        if !isPrivate { try requireOwnLook(ofHall: name, but: id, db) }
        try Self.keepLooks(ofHall: id, named: name, db)
        return id
    }

    private func refusingTakenName(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as DatabaseError
            where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE
        {
            throw ChatError(.hallNameTaken)
        }
    }

    private func addMember(
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
        let statement = try db.cachedStatement(
            sql: """
                SELECT u.id, u.username, uh.role
                FROM user_halls uh JOIN users u ON u.id = uh.user_id
                WHERE uh.hall_id = ? AND uh.user_id > ? ORDER BY uh.user_id LIMIT ?
                """)
        return try Row.fetchAll(statement, arguments: [hallID, after, limit]).map { row in
            Member(
                user: User(id: row[0], username: row[1]), role: Role(rawValue: row[2]) ?? .member)
        }
    }

    static func halls(
        _ statement: Statement, _ arguments: StatementArguments
    ) throws -> [Hall] {
        var halls: [Hall] = []
        let rows = try Row.fetchCursor(statement, arguments: arguments)
        while let row = try rows.next() { halls.append(hall(row)) }
        return halls
    }

    private static func hall(_ row: Row) -> Hall {
        Hall(
            id: row[0], name: row[1], isPrivate: row[2],
            role: (row[3] as String?).flatMap(Role.init), rev: row[4], change: row[5],
            isArchived: row[6])
    }
}
