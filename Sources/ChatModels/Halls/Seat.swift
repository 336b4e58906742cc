// SPDX-License-Identifier: Apache-2.0

/// What a member may do in a hall.
public enum Role: String, Sendable, Hashable, CaseIterable {
    /// Made the hall, or was given it: by the owner before, by the operator, or because that one left.
    case owner
    /// Keeps order.
    case moderator
    /// Reads and writes.
    case member

    /// Who has more may act on who has less, never on an equal.
    private var rank: Int {
        switch self {
        case .owner: 3
        case .moderator: 2
        case .member: 1
        }
    }

    /// Whether it is above another; everybody is above who is not in the hall, whose role is `nil`.
    public func isAbove(_ other: Role?) -> Bool { rank > other?.rank ?? 0 }
}

extension Role {
    /// The one rule of who may read and write in a hall: a member. Who is none learns of an open hall that it is not theirs,
    /// and of a private one nothing.
    ///
    /// - Parameter kept: the role as it is kept; `nil` for who is not in the hall.
    /// - Throws: ``ChatError``: `not_found`, `not_a_member`; `not_allowed` for a role of a later version: what it may is not
    ///   known here, so that it may nothing.
    static func required(
        _ kept: String?, inPrivateHall isPrivate: Bool
    ) throws(ChatError) -> Role {
        guard let kept else { throw ChatError(isPrivate ? .notFound : .notAMember) }
        guard let role = Role(rawValue: kept) else { throw ChatError(.notAllowed) }
        return role
    }
}

/// Something that is done with a message.
public enum MessageAct: Sendable, CaseIterable {
    /// Another text.
    case edit
    /// No text any more.
    case delete
}

/// Whose a message is, for who wants to do something with it.
public enum Authorship: Sendable, Hashable {
    /// One's own.
    case own
    /// Somebody's with that role; `nil` for who is no longer in the hall.
    case others(Role?)
}

extension Role {
    /// The table of what each role may do with messages. Nobody, whatever the role, alters what another has said.
    public func permits(_ act: MessageAct, _ authorship: Authorship) -> Bool {
        switch (act, authorship) {
        case (.edit, .own), (.delete, .own): true
        case (.edit, .others): false
        case (.delete, .others(let role)): self != .member && isAbove(role)
        }
    }
}

/// Something that is done with a hall.
public enum HallAct: Sendable, CaseIterable {
    /// Says what it is about.
    case setTopic
    /// Sees what messages said before they were edited, where that is kept.
    case seeEarlierTexts
    /// Sees who is banned, and lifts that.
    case liftBans
}

extension Role {
    /// The table of what each role may do with a hall.
    public func permits(_ act: HallAct) -> Bool {
        switch act {
        case .setTopic, .seeEarlierTexts, .liftBans: self != .member
        }
    }
}

/// Something that is done with somebody else's place in a hall.
public enum MemberAct: Sendable, CaseIterable {
    /// Gives another role, one's own too: who gives that hands the hall over.
    case setRole
    /// Takes out of the hall.
    case remove
    /// Takes out of the hall, and keeps out of it.
    case ban
}

extension Role {
    /// The table of what each role may do with people. Nobody acts on who has the same role, or a higher one.
    ///
    /// - Parameter other: the role of the other; `nil` for who is not in the hall.
    public func permits(_ act: MemberAct, on other: Role?) -> Bool {
        switch act {
        case .setRole: self == .owner && isAbove(other)
        case .remove, .ban: self != .member && isAbove(other)
        }
    }
}

/// Who does something.
public enum Actor: Sendable, Hashable {
    /// A person, with the rights of that person's seat.
    case user(Int64)
    /// The operator of the site, who may do everything.
    case `operator`

    /// The person's id; `nil` for the operator.
    public var userID: Int64? {
        if case .user(let id) = self { id } else { nil }
    }
}

/// A person's place in a hall, with what a read or a write has to know of the hall.
struct Seat {
    var hallID: Int64
    var userID: Int64
    var username: String
    var role: Role
    /// The hall's position: how many messages were said in it.
    var rev: Int64
    /// How often messages of the hall were changed after they were said.
    var change: Int64
    /// The message that brought the hall there; `nil` where nothing was said.
    var lastMessageID: Int64?
    var isArchived: Bool
}
