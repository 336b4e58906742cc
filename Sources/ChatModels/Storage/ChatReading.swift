// SPDX-License-Identifier: Apache-2.0

/// Reads for one request, all of the same state: who asks, whether they may, and what they see. Only within
/// ``ChatStorage/reading(_:)``.
public protocol ChatReading {
    /// The session that a token stands for; see ``SessionStorage/session(token:)``.
    func session(token: String) throws -> LoginSession?
    /// A hall's history, for a member.
    ///
    /// - Throws: ``ChatError``: `not_found`, `not_a_member`.
    func history(of hallID: Int64, as userID: Int64) throws -> any History
    /// What a message said before its edits, oldest first, for who keeps order in its hall; nothing where that is not kept.
    ///
    /// - Throws: ``ChatError``: `not_found`, `not_a_member`, `not_allowed`.
    func earlierTexts(
        of messageID: Int64, in hallID: Int64, as userID: Int64
    ) throws -> [EarlierText]
    /// The user's halls, by name.
    ///
    /// - Parameter kept: a list of that user's that was read before; it is given back as long as it is right.
    func halls(of userID: Int64, kept: HallList?) throws -> HallList
    /// How much the user has not read: what was said since the marks, also if it was deleted.
    func unread(of userID: Int64) throws -> UnreadCount
    /// The halls that the user may join, by name.
    func hallsOpen(to userID: Int64) throws -> HallList
    /// A page of a hall's members by id, for a member, and whether there are more.
    ///
    /// - Parameters:
    ///   - after: the id of a user; only those with a higher one are given.
    ///   - limit: at most ``Limits/membersPageMax``, which `nil` stands for.
    /// - Throws: ``ChatError``: `not_found`, `not_a_member`.
    func members(
        of hallID: Int64, as userID: Int64, after: Int64, limit: Int?
    ) throws -> (members: [Member], hasMore: Bool)
    /// A page of who is banned from a hall by id, for who may lift that, and whether there are more; asked for as
    /// ``members(of:as:after:limit:)``.
    ///
    /// - Throws: ``ChatError``: `not_found`, `not_a_member`, `not_allowed`.
    func bans(
        of hallID: Int64, as userID: Int64, after: Int64, limit: Int?
    ) throws -> (bans: [Ban], hasMore: Bool)
    /// Of some users those whom the reader may see, and of whom something else is shown than is known: the reader, and who
    /// is or was in a hall of the reader's.
    func users(_ known: [KnownUser], as userID: Int64) throws -> [User]
}

/// A user of whom somebody knows what was shown once.
public struct KnownUser: Sendable, Hashable {
    /// Who.
    public var id: Int64
    /// The ``User/version`` that is known; `nil` for nothing.
    public var version: Int64?

    /// Makes one of its parts.
    public init(id: Int64, version: Int64?) {
        self.id = id
        self.version = version
    }
}

/// A hall's history as a member may read it: where it stands, and its pages as they go over the wire.
public protocol History {
    /// Where it stands.
    var version: HistoryVersion { get }
    /// The newest messages, or those before one; see ``MessageStorage/messages(of:as:limit:before:)``.
    func page(limit: Int?, before: Int64?) throws -> HistoryPage
    /// What happened since a position; see ``MessageStorage/messages(of:as:since:limit:)``.
    func page(since position: HallPosition, limit: Int?) throws -> HistoryPage
}

/// Reads what belongs to one position of the log; only within ``LogStorage/snapshot(after:_:)``.
public protocol SnapshotReading {
    /// A hall with everybody in it, whoever asks; `nil` if there is none.
    func hall(_ hallID: Int64) throws -> HallSnapshot?
    /// What happened in a hall since a position; see ``MessageStorage/messages(of:as:since:limit:)``.
    func messages(
        of hallID: Int64, as userID: Int64, since position: HallPosition
    ) throws -> MessagesSince
}
