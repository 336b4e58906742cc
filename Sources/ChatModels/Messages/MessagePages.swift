// SPDX-License-Identifier: Apache-2.0

/// How far somebody knows a hall.
public struct HallPosition: Sendable, Hashable {
    /// The messages that are known: all up to that position of the hall.
    public var rev: Int64
    /// The changes to messages that are known: all up to that one. `nil` for a client that does not ask for them.
    public var change: Int64?

    /// Makes a position of its parts.
    public init(rev: Int64, change: Int64? = nil) {
        self.rev = rev
        self.change = change
    }
}

/// A page of a hall's history, oldest message first.
public struct MessagePage: Sendable, Equatable {
    /// The messages.
    public var messages: [Message]
    /// The hall's position when they were read.
    public var rev: Int64
    /// Whether there are older ones before them.
    public var hasMore: Bool
}

/// What happened in a hall since a position.
public struct MessagesSince: Sendable, Equatable {
    /// The messages that were said, by position; or the newest page, where the answer is not complete.
    public var messages: [Message]
    /// The messages that were changed, as they are now, by their changes; `nil` if they were not asked for, or the answer
    /// is not complete.
    public var changed: [Message]?
    /// The hall's position when they were read.
    public var rev: Int64
    /// How often messages of the hall were changed up to then.
    public var change: Int64
    /// Whether nothing is missing between the position asked for and the one of the answer. If not, load the hall afresh.
    public var isComplete: Bool
    /// Whether there are older messages before an incomplete answer.
    public var hasMore: Bool

    /// Whether what was said between two positions is little enough to be given whole.
    ///
    /// - Parameter limit: how many messages make a whole answer at most.
    public static func areWhole(since rev: Int64, upTo newest: Int64, limit: Int) -> Bool {
        // A position from the future was given by another database: a backup was put back.
        0...newest ~= rev && newest - rev <= limit
    }
}
