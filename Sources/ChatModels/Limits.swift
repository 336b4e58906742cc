// SPDX-License-Identifier: Apache-2.0

/// The bounds of what the chat keeps, in one place. What an operator may want otherwise has a flag and an environment
/// variable in the programs (`LimitOptions`).
public struct Limits: Sendable, Equatable {
    /// The longest message, in Unicode code points.
    public var messageLengthMax = 4_000
    /// How long a message may be edited, in seconds; 0: for ever.
    public var editSecondsMax: Int64 = 0
    /// Whether the texts that a message had before its edits are kept, for who keeps order in its hall.
    public var keepsEarlierTexts = false
    /// The largest page of a history, in messages.
    public var pageSizeMax = 200
    /// The page that a client gets that asks for none, in messages.
    public var pageSizeDefault = 50
    /// How many earlier texts of a message are kept, the latest.
    public var earlierTextsMax = 100
    /// The largest page of a hall's members.
    public var membersPageMax = 1_000
    /// How many halls one user may be in.
    public var hallsPerUserMax = 1_000
    /// The longest name of a hall, in Unicode code points.
    public var hallNameLengthMax = 80
    /// The longest username, in Unicode code points.
    public var usernameLengthMax = 64
    /// The shortest password, in Unicode code points.
    public var passwordLengthMin = 8
    /// The longest password, in bytes; more costs time to hash and adds nothing.
    public var passwordBytesMax = 1_024
    /// How long a session lasts, in seconds.
    public var sessionLifetimeSeconds: Int64 = 30 * 24 * 3_600
    /// Sessions that one user has at a time; one more ends the one that was used least lately.
    public var sessionsPerUserMax = 50
    /// Logins to one account that succeed in a window of ``loginWindowSeconds``.
    public var signInsPerAccountMax = 150
    /// Wrong passwords that one account takes from one address in such a window. At ten times as many, from wherever,
    /// each address has a fifth of its tries.
    public var loginsPerAccountMax = 10
    /// Wrong passwords and registrations that one address may try in such a window. Six times as many may be right.
    public var loginsPerAddressMax = 50
    /// The window in which logins are counted, in seconds.
    public var loginWindowSeconds: Int64 = 300
    /// How many entries the log of changes keeps; who follows it more slowly starts afresh.
    public var changesKept: Int64 = 100_000

    /// How many messages one user may say in a second over the socket, and how many over REST, unless the operator says
    /// otherwise.
    public static let sendsPerSecond = 10
    /// How often one user may say in a second how far a hall is read, by each of these ways, unless the operator says otherwise.
    public static let marksPerSecond = 20
    /// The longest client key, in characters (ASCII).
    public static let clientKeyLengthMax = 64

    /// The defaults.
    public init() {}
}
