// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import GRDB

/// An entry of the log as it is kept. This is the one place that knows how: what is written elsewhere, and read, is the
/// value.
enum LogEntry: Equatable {
    /// Messages were said, those of one transaction; the first of them, which may be the only one.
    case messages(hallID: Int64, firstID: Int64)
    /// A message was edited or deleted, the hall's so many-th change.
    case messageChanged(hallID: Int64, messageID: Int64, change: Int64)
    case joined(hallID: Int64, userID: Int64, role: Role)
    case left(hallID: Int64, userID: Int64)
    case hallChanged(hallID: Int64, Change.HallChange)
    case sessionEnded(sessionID: Int64, userID: Int64)
    case sessionRenewed(sessionID: Int64, userID: Int64)
    case userDisabled(userID: Int64)

    /// The columns of an entry, in the order in which ``columns`` names them.
    private struct Columns {
        var kind: String
        var hallID: Int64?
        var messageID: Int64?
        var userID: Int64?
        var sessionID: Int64?
        var data: [JSONValue.Member] = []
    }

    /// What ``init(_:)`` wants of a row of the table `changes` that is called `c`.
    static let columns = "c.entry, c.hall_id, c.message_id, c.user_id, c.session_id, c.data"
    static let columnsCount: Int32 = 6

    private var columns: Columns {
        switch self {
        case .messages(let hallID, let firstID):
            Columns(kind: "message", hallID: hallID, messageID: firstID)
        case .messageChanged(let hallID, let messageID, let change):
            Columns(
                kind: "message_changed", hallID: hallID, messageID: messageID,
                data: [.init("change", .integer(change))])
        case .joined(let hallID, let userID, let role):
            Columns(
                kind: "joined", hallID: hallID, userID: userID,
                data: [.init("role", .string(role.rawValue))])
        case .left(let hallID, let userID): Columns(kind: "left", hallID: hallID, userID: userID)
        case .hallChanged(let hallID, let change): Columns(kind: change.rawValue, hallID: hallID)
        case .sessionEnded(let sessionID, let userID):
            Columns(kind: "session_ended", userID: userID, sessionID: sessionID)
        case .sessionRenewed(let sessionID, let userID):
            Columns(kind: "session_renewed", userID: userID, sessionID: sessionID)
        case .userDisabled(let userID): Columns(kind: "user_disabled", userID: userID)
        }
    }

    /// Reads the entry in a row that begins with ``columns``; `nil` for one that this version does not know.
    init?(_ row: FastStatement, startingAt column: Int32) {
        let (hallID, messageID) = (row.integer(column + 1), row.integer(column + 2))
        let (userID, sessionID) = (row.integer(column + 3), row.integer(column + 4))
        var data: JSONValue? {
            row.optionalText(column + 5).flatMap { try? JSONValue(parsing: Array($0.utf8)) }
        }
        switch row.text(column) {
        case "message": self = .messages(hallID: hallID, firstID: messageID)
        case "message_changed":
            guard let change = data?["change"]?.integer else { return nil }
            self = .messageChanged(hallID: hallID, messageID: messageID, change: change)
        case "joined":
            guard let role = data?["role"]?.string.flatMap(Role.init) else { return nil }
            self = .joined(hallID: hallID, userID: userID, role: role)
        case "left": self = .left(hallID: hallID, userID: userID)
        case "session_ended": self = .sessionEnded(sessionID: sessionID, userID: userID)
        case "session_renewed": self = .sessionRenewed(sessionID: sessionID, userID: userID)
        case "user_disabled": self = .userDisabled(userID: userID)
        case let kind:
            guard let change = Change.HallChange(rawValue: kind) else { return nil }
            self = .hallChanged(hallID: hallID, change)
        }
    }
}

extension LogEntry {
    fileprivate static let insert = """
        INSERT INTO changes (entry, hall_id, message_id, user_id, session_id, data, actor_id, at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """

    /// - Returns: the number of the entry.
    fileprivate func append(by actor: Actor, at time: Timestamp, in db: Database) throws -> Int64 {
        let columns = columns
        let insert = try FastStatement(Self.insert, in: db)
        insert.bind(1, columns.kind)
        insert.bind(2, columns.hallID)
        insert.bind(3, columns.messageID)
        insert.bind(4, columns.userID)
        insert.bind(5, columns.sessionID)
        insert.bind(
            6,
            columns.data.isEmpty
                ? nil : String(decoding: JSONValue.object(columns.data).bytes, as: UTF8.self))
        insert.bind(7, actor.userID)
        insert.bind(8, time.milliseconds)
        try insert.run()
        return db.lastInsertedRowID
    }
}

extension ChatDatabase {
    /// Appends to the log, in the transaction that it speaks of.
    ///
    /// - Returns: the number of the entry: they grow without holes, in the order of the commits.
    @discardableResult
    func log(_ entry: LogEntry, by actor: Actor, in db: Database) throws -> Int64 {
        let id = try entry.append(by: actor, at: clock(), in: db)
        // Now and then the old end is cut off: cheap, because it is many entries at once.
        if id % 1_024 == 0 {
            try db.execute(
                sql: "DELETE FROM changes WHERE id <= ?", arguments: [id - limits.changesKept])
        }
        return id
    }
}
