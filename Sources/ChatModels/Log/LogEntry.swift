// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// An entry of the log. This is the one place that knows how one is kept: what is written elsewhere, and read, is the value.
enum LogEntry: Equatable {
    /// Messages were said, those of one transaction; the first of them, which may be the only one.
    case messages(hallID: Int64, firstID: Int64)
    /// A message was edited or deleted, the hall's so many-th change.
    case messageChanged(hallID: Int64, messageID: Int64, change: Int64)
    case joined(hallID: Int64, userID: Int64, role: Role)
    case left(hallID: Int64, userID: Int64)
    case banned(hallID: Int64, userID: Int64)
    case banLifted(hallID: Int64, userID: Int64)
    case hallChanged(hallID: Int64, HallChange)
    case sessionEnded(sessionID: Int64, userID: Int64)
    case sessionRenewed(sessionID: Int64, userID: Int64)
    case userDisabled(userID: Int64)
    case userChanged(userID: Int64, isRenamed: Bool)
    /// A member has read further.
    case read(ReadMark)
}

/// An entry as every engine keeps it: what is asked for by number has a column of its own, the rest is JSON.
struct LogRecord: Equatable {
    var kind: String
    var hallID: Int64?
    var messageID: Int64?
    var userID: Int64?
    var sessionID: Int64?
    /// What else belongs to it, as a JSON object; `nil` for nothing.
    var data: String?

    init(
        _ kind: String, hallID: Int64? = nil, messageID: Int64? = nil, userID: Int64? = nil,
        sessionID: Int64? = nil, data: String? = nil
    ) {
        self.kind = kind
        self.hallID = hallID
        self.messageID = messageID
        self.userID = userID
        self.sessionID = sessionID
        self.data = data
    }

    /// The same with something else that belongs to it.
    fileprivate func with(_ name: String, _ value: JSONValue) -> LogRecord {
        var record = self
        record.data = String(decoding: JSONValue.object([.init(name, value)]).bytes, as: UTF8.self)
        return record
    }

    /// The kind of an entry that is the business of its user alone.
    static let readKind = "read"

    fileprivate func value(_ name: String) -> JSONValue? {
        data.flatMap { try? JSONValue(parsing: Array($0.utf8)) }?[name]
    }
}

extension LogEntry {
    /// The entry as it is kept.
    var record: LogRecord {
        switch self {
        case .messages(let hallID, let firstID):
            LogRecord("message", hallID: hallID, messageID: firstID)
        case .messageChanged(let hallID, let messageID, let change):
            LogRecord("message_changed", hallID: hallID, messageID: messageID)
                .with("change", .integer(change))
        case .joined(let hallID, let userID, let role):
            LogRecord("joined", hallID: hallID, userID: userID)
                .with("role", .string(role.rawValue))
        case .left(let hallID, let userID): LogRecord("left", hallID: hallID, userID: userID)
        case .banned(let hallID, let userID): LogRecord("banned", hallID: hallID, userID: userID)
        case .banLifted(let hallID, let userID):
            LogRecord("ban_lifted", hallID: hallID, userID: userID)
        case .hallChanged(let hallID, let change): LogRecord(change.rawValue, hallID: hallID)
        case .sessionEnded(let sessionID, let userID):
            LogRecord("session_ended", userID: userID, sessionID: sessionID)
        case .sessionRenewed(let sessionID, let userID):
            LogRecord("session_renewed", userID: userID, sessionID: sessionID)
        case .userDisabled(let userID): LogRecord("user_disabled", userID: userID)
        case .userChanged(let userID, let isRenamed):
            LogRecord("user_changed", userID: userID).with("renamed", .bool(isRenamed))
        case .read(let mark):
            LogRecord(LogRecord.readKind, hallID: mark.hallID, userID: mark.userID)
                .with("rev", .integer(mark.rev))
        }
    }

    /// Reads an entry as it is kept; `nil` for one that this version does not know.
    init?(_ record: LogRecord) {
        let (hallID, messageID) = (record.hallID ?? 0, record.messageID ?? 0)
        let (userID, sessionID) = (record.userID ?? 0, record.sessionID ?? 0)
        switch record.kind {
        case "message": self = .messages(hallID: hallID, firstID: messageID)
        case "message_changed":
            guard let change = record.value("change")?.integer else { return nil }
            self = .messageChanged(hallID: hallID, messageID: messageID, change: change)
        case "joined":
            guard let role = record.value("role")?.string.flatMap(Role.init) else { return nil }
            self = .joined(hallID: hallID, userID: userID, role: role)
        case "left": self = .left(hallID: hallID, userID: userID)
        case "banned": self = .banned(hallID: hallID, userID: userID)
        case "ban_lifted": self = .banLifted(hallID: hallID, userID: userID)
        case "session_ended": self = .sessionEnded(sessionID: sessionID, userID: userID)
        case "session_renewed": self = .sessionRenewed(sessionID: sessionID, userID: userID)
        case "user_disabled": self = .userDisabled(userID: userID)
        case "user_changed":
            guard let isRenamed = record.value("renamed")?.bool else { return nil }
            self = .userChanged(userID: userID, isRenamed: isRenamed)
        case LogRecord.readKind:
            guard let rev = record.value("rev")?.integer else { return nil }
            self = .read(ReadMark(hallID: hallID, userID: userID, rev: rev))
        case let kind:
            guard let change = HallChange(rawValue: kind) else { return nil }
            self = .hallChanged(hallID: hallID, change)
        }
    }
}
