// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import GRDB

extension ChatDatabase {
    /// As ``HallStorage`` says.
    public func halls(of userID: Int64) throws -> [Hall] {
        try read { db in
            let rows = try FastStatement(Self.hallsOfUser, in: db)
            rows.bind(1, userID)
            return try Self.halls(rows)
        }
    }

    static let hallsOfUser = """
        SELECT \(HallRow.columns), \(HallRow.columnsOfMember)
        FROM user_halls uh JOIN halls h ON h.id = uh.hall_id
        WHERE uh.user_id = ? ORDER BY h.name_key, h.id
        """

    /// As ``HallStorage`` says.
    public func hallsOpen(to userID: Int64) throws -> [Hall] {
        try read { db in
            let rows = try FastStatement(Self.hallsOpenToUser, in: db)
            rows.bind(1, userID)
            rows.bind(2, Int64(limits.hallsPerUserMax))
            return try Self.halls(rows)
        }
    }

    static let hallsOpenToUser = """
        SELECT \(HallRow.columns), NULL, NULL
        FROM halls h
        WHERE h.private = 0 AND h.archived_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM user_halls uh WHERE uh.user_id = ?1 AND uh.hall_id = h.id)
            AND NOT EXISTS (SELECT 1 FROM bans b WHERE b.hall_id = h.id AND b.user_id = ?1)
        ORDER BY h.name_key, h.id LIMIT ?2
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
    public func setTopic(_ topic: String, of hallID: Int64, by userID: Int64) throws -> Hall {
        let topic = try Names.topic(topic)
        return try write { db in
            let seat = try requireRight(to: .setTopic, of: hallID, by: userID, db)
            guard !seat.isArchived else { throw ChatError(.hallArchived) }
            try db.execute(
                sql: "UPDATE halls SET topic = ?1 WHERE id = ?2 AND topic IS NOT ?1",
                arguments: [topic, hallID])
            if db.changesCount > 0 {
                try log(.hallChanged(hallID: hallID, .topic), by: .user(userID), in: db)
            }
            return try hall(hallID, as: userID, db)
        }
    }

    // MARK: The operator's view

    /// As ``HallStorage`` says.
    public func allHalls() throws -> [HallSummary] {
        try read { db in
            let rows = try FastStatement(Self.hallsWithCounts, in: db)
            defer { rows.finish() }
            var halls: [HallSummary] = []
            while try rows.step() {
                halls.append(
                    HallSummary(
                        hall: Hall(HallRow(row: rows)),
                        memberCount: Int(rows.integer(HallRow.next))))
            }
            return halls
        }
    }

    private static let hallsWithCounts = """
        SELECT \(HallRow.columns), NULL, NULL, COUNT(uh.user_id)
        FROM halls h LEFT JOIN user_halls uh ON uh.hall_id = h.id
        GROUP BY h.id ORDER BY h.id
        """

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
    public func unarchiveHall(_ hallID: Int64) throws {
        try write { db in
            guard let hall = try hall(hallID, in: db) else { throw noHall(hallID) }
            guard hall.isArchived else { return }
            try refusingTakenName {
                try db.execute(
                    sql: "UPDATE halls SET archived_at = NULL WHERE id = ?", arguments: [hallID])
            }
            if !hall.isPrivate { try requireOwnLook(ofHall: hall.name, but: hallID, db) }
            try log(.hallChanged(hallID: hallID, .unarchived), by: .operator, in: db)
        }
    }

    /// As ``HallStorage`` says.
    public func deleteHall(_ hallID: Int64) throws {
        // For each row that goes SQLite would look through all that might refer to it: no index has them.
        try withoutForeignKeys {
            try write { db in
                try requireHall(hallID, db)
                let members = try allMembers(of: hallID, db).keys.sorted()
                try db.execute(
                    sql: """
                        DELETE FROM earlier_texts WHERE message_id IN (
                            SELECT message_id FROM message_changes WHERE hall_id = ?)
                        """, arguments: [hallID])
                for table in [
                    "message_changes", "messages", "user_halls", "former_members", "bans",
                    "hall_looks",
                ] {
                    try db.execute(
                        sql: "DELETE FROM \(table) WHERE hall_id = ?", arguments: [hallID])
                }
                try db.execute(sql: "DELETE FROM halls WHERE id = ?", arguments: [hallID])
                for userID in members {
                    try log(.left(hallID: hallID, userID: userID), by: .operator, in: db)
                }
                try log(.hallChanged(hallID: hallID, .deleted), by: .operator, in: db)
            }
        }
    }

    // MARK: Pieces

    func hall(_ hallID: Int64, as userID: Int64, _ db: Database) throws -> Hall {
        _ = try requireSeat(of: userID, in: hallID, db)
        let rows = try FastStatement(Self.hallOfUser, in: db)
        rows.bind(1, hallID)
        rows.bind(2, userID)
        guard let hall = try Self.halls(rows).first else { throw ChatError(.notFound) }
        return hall
    }

    private static let hallOfUser = """
        SELECT \(HallRow.columns), \(HallRow.columnsOfMember)
        FROM halls h JOIN user_halls uh ON uh.hall_id = h.id
        WHERE h.id = ? AND uh.user_id = ?
        """

    /// A hall without a role, whoever asks.
    func hall(_ hallID: Int64, in db: Database) throws -> Hall? {
        let rows = try FastStatement(Self.hallForAnybody, in: db)
        rows.bind(1, hallID)
        return try Self.halls(rows).first
    }

    private static let hallForAnybody =
        "SELECT \(HallRow.columns), NULL, NULL FROM halls h WHERE h.id = ?"

    private static func halls(_ rows: FastStatement) throws -> [Hall] {
        var halls: [Hall] = []
        while try rows.step() { halls.append(Hall(HallRow(row: rows))) }
        return halls
    }

    func requireHall(_ hallID: Int64, _ db: Database) throws {
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
}

/// A hall in a row of SQLite's: its texts go into the JSON without becoming strings.
struct HallRow: HallFields {
    /// What it wants of a hall that is called `h`; then follows what it wants of a member.
    static let columns =
        "h.id, h.name, h.private, h.rev, h.change, h.archived_at IS NOT NULL, h.topic"
    /// What it wants of a place that is called `uh`; two times NULL where there is none.
    static let columnsOfMember = "uh.role, uh.read_rev"
    /// Where the role stands.
    fileprivate static let role: Int32 = 7
    private static let read = role + 1
    /// The column behind all of them.
    static let next = read + 1

    let row: FastStatement

    var id: Int64 { row.integer(0) }
    var isPrivate: Bool { row.bool(2) }
    var rev: Int64 { row.integer(3) }
    var change: Int64 { row.integer(4) }
    var isArchived: Bool { row.bool(5) }
    var read: Int64? { row.optionalInteger(Self.read) }

    func writeName(to json: inout JSONWriter) { row.write(1, to: &json) }

    func writeTopic(to json: inout JSONWriter) { row.write(6, to: &json) }

    func writeRole(to json: inout JSONWriter) {
        if row.isNull(Self.role) { json.raw("null") } else { row.write(Self.role, to: &json) }
    }
}

extension Hall {
    /// The hall in a row. A role that this version does not know is none.
    fileprivate init(_ hall: HallRow) {
        self.init(
            id: hall.id, name: hall.row.text(1), isPrivate: hall.isPrivate,
            role: hall.row.optionalText(HallRow.role).flatMap(Role.init), rev: hall.rev,
            change: hall.change, isArchived: hall.isArchived, topic: hall.row.text(6),
            read: hall.read)
    }
}
