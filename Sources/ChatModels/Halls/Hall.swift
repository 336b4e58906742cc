// SPDX-License-Identifier: Apache-2.0

public import CompactJSON

/// A hall, as one user sees it.
public struct Hall: Sendable, Hashable {
    /// The number by which everything refers to the hall.
    public var id: Int64
    /// Its name.
    public var name: String
    /// Whether it is hidden from who is not in it.
    public var isPrivate: Bool
    /// The user's role; `nil` for a hall that the user may join.
    public var role: Role?
    /// The hall's position: how many messages were said in it.
    public var rev: Int64
    /// How often messages of the hall were changed after they were said.
    public var change: Int64
    /// Whether it can only be read.
    public var isArchived: Bool
    /// What it is about, in one line; empty where nobody has said so.
    public var topic: String
    /// The position up to which the user has read; `nil` where that is not known, or not asked for.
    public var read: Int64?

    /// Makes a hall of its parts.
    public init(
        id: Int64, name: String, isPrivate: Bool, role: Role?, rev: Int64, change: Int64 = 0,
        isArchived: Bool = false, topic: String = "", read: Int64? = nil
    ) {
        self.id = id
        self.name = name
        self.isPrivate = isPrivate
        self.role = role
        self.rev = rev
        self.change = change
        self.isArchived = isArchived
        self.topic = topic
        self.read = read
    }
}

/// How a hall changed.
public enum HallChange: String, Sendable, Equatable {
    /// It has another name.
    case renamed
    /// It can only be read, from now on.
    case archived
    /// It can be written to again.
    case unarchived
    /// It is not there any more, with all that was said in it. Before that all its members have left.
    case deleted
    /// It is about something else.
    case topic
}

/// What a hall's JSON is made of. A value has it in strings; a row of an engine may write its bytes as they are.
protocol HallFields {
    var id: Int64 { get }
    var isPrivate: Bool { get }
    var rev: Int64 { get }
    var change: Int64 { get }
    var isArchived: Bool { get }
    var read: Int64? { get }

    /// Writes the name as a string of JSON.
    func writeName(to json: inout JSONWriter)
    /// Writes the role as a string of JSON; `null` where there is none.
    func writeRole(to json: inout JSONWriter)
    /// Writes the topic as a string of JSON.
    func writeTopic(to json: inout JSONWriter)
}

/// The one writer of what docs/protocol.md calls a hall.
enum HallJSON {
    static func write(_ hall: some HallFields, to json: inout JSONWriter) {
        json.raw("{\"id\":")
        json.integer(hall.id)
        json.raw(",\"name\":")
        hall.writeName(to: &json)
        json.raw(",\"private\":")
        json.bool(hall.isPrivate)
        json.raw(",\"role\":")
        hall.writeRole(to: &json)
        json.raw(",\"rev\":")
        json.integer(hall.rev)
        json.raw(",\"change\":")
        json.integer(hall.change)
        json.raw(",\"archived\":")
        json.bool(hall.isArchived)
        json.raw(",\"topic\":")
        hall.writeTopic(to: &json)
        if let read = hall.read {
            json.raw(",\"read\":")
            json.integer(read)
        }
        json.raw("}")
    }
}

extension Hall: HallFields {
    func writeName(to json: inout JSONWriter) { json.string(name) }

    func writeTopic(to json: inout JSONWriter) { json.string(topic) }

    func writeRole(to json: inout JSONWriter) {
        if let role { json.string(role.rawValue) } else { json.raw("null") }
    }

    /// The hall as docs/protocol.md shows one.
    public func write(to json: inout JSONWriter) { HallJSON.write(self, to: &json) }
}

extension Names {
    /// The longest topic of a hall, in Unicode code points.
    static let topicLengthMax = 250

    /// The topic of a hall in its normal form: one line, as a name is, or nothing.
    static func topic(_ text: String) throws -> String {
        if text.isEmpty { return "" }
        do {
            return try hall(text, lengthMax: topicLengthMax)
        } catch {
            throw ChatError(
                .invalidRequest, "A topic has at most \(topicLengthMax) characters, in one line.",
                limit: topicLengthMax)
        }
    }
}

/// A user in a hall.
public struct Member: Sendable, Hashable {
    /// Who.
    public var user: User
    /// As what.
    public var role: Role

    /// Makes a member of its parts.
    public init(user: User, role: Role) {
        self.user = user
        self.role = role
    }

    /// The member as docs/protocol.md shows one.
    public func write(to json: inout JSONWriter) {
        json.raw("{")
        user.writeMembers(to: &json)
        json.raw(",\"role\":")
        json.string(role.rawValue)
        json.raw("}")
    }
}

/// A user who is kept out of a hall.
public struct Ban: Sendable, Hashable {
    /// Who.
    public var user: User
    /// Who did that; `nil`: the operator.
    public var actorID: Int64?
    /// When.
    public var bannedAt: String

    /// Makes a ban of its parts.
    public init(user: User, actorID: Int64?, bannedAt: String) {
        self.user = user
        self.actorID = actorID
        self.bannedAt = bannedAt
    }

    /// The ban as docs/protocol.md shows one.
    public func write(to json: inout JSONWriter) {
        json.raw("{")
        user.writeMembers(to: &json)
        json.raw(",\"banned_by\":")
        if let actorID { json.integer(actorID) } else { json.raw("null") }
        json.raw(",\"banned_at\":")
        json.string(bannedAt)
        json.raw("}")
    }
}

/// A hall as the operator sees one.
public struct HallSummary: Sendable, Equatable {
    /// The hall, without a role.
    public var hall: Hall
    /// How many members it has.
    public var memberCount: Int

    /// Makes a summary of its parts.
    public init(hall: Hall, memberCount: Int) {
        self.hall = hall
        self.memberCount = memberCount
    }
}

/// A hall with everybody in it.
public struct HallSnapshot: Sendable, Equatable {
    /// The hall, without a role.
    public var hall: Hall
    /// Its members and what they may.
    public var members: [Int64: Role]
}
