// SPDX-License-Identifier: Apache-2.0

/// Where in the log somebody is. What it looks like is the business of the engine that gave it.
public struct LogPosition: Sendable, Hashable {
    /// The number of an entry, where the engine counts them in the order of the commits.
    package let number: Int64

    package init(_ number: Int64) {
        self.number = number
    }

    /// Whether nothing can have been written between another position and this one.
    public func follows(_ other: LogPosition) -> Bool { number == other.number + 1 }
}

/// Something that was written, by whichever process, as who follows the log hears it.
public enum LogEvent: Sendable, Equatable {
    /// A message was said.
    case messageCreated(Message)
    /// A message is another than it was, by the hall's so many-th change; as it is now, which may be later.
    case messageChanged(Message, change: Int64)
    /// A user came into a hall, or has another role.
    case joined(hallID: Int64, userID: Int64, role: Role)
    /// A user is no longer in a hall.
    case left(hallID: Int64, userID: Int64)
    /// A user may not come into a hall. Who was in it has left before.
    case banned(hallID: Int64, userID: Int64)
    /// A user may come into a hall again.
    case banLifted(hallID: Int64, userID: Int64)
    /// A hall's name or state is another.
    case hallChanged(hallID: Int64, HallChange)
    /// A session ended before its time.
    case sessionEnded(sessionID: Int64, userID: Int64)
    /// A session was used and lasts as long as one that begins now.
    case sessionRenewed(sessionID: Int64, userID: Int64)
    /// The operator shut a user out.
    case userDisabled(userID: Int64)
    /// What is shown of a user is something else; and the username, where that is said.
    case userChanged(userID: Int64, isRenamed: Bool)
    /// A member has read further. That is for the member's own eyes.
    case read(ReadMark)
}

/// What the log says since a position.
public struct LogBatch: Sendable, Equatable {
    /// What happened, oldest first.
    public var events: [LogEvent]
    /// The position behind the last entry.
    public var end: LogPosition
    /// Whether there is more behind it, which was left for the next look.
    public var hasMore: Bool
    /// Whether entries were pruned before they could be read: whoever follows the log must start afresh.
    public var isTorn: Bool

    /// Makes a batch of its parts.
    public init(
        events: [LogEvent], end: LogPosition, hasMore: Bool = false, isTorn: Bool
    ) {
        self.events = events
        self.end = end
        self.hasMore = hasMore
        self.isTorn = isTorn
    }
}
