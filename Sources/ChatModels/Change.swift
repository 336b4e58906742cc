// SPDX-License-Identifier: Apache-2.0

/// Something that was written, by whichever process, as the log tells it.
public struct Change: Sendable, Equatable {
    /// What happened.
    public enum Event: Sendable, Equatable {
        /// A message was said.
        case messageCreated(Message)
        /// A message is another than it was, by the hall's so many-th change; as it is now, which may be later.
        case messageChanged(Message, change: Int64)
        /// A user came into a hall.
        case joined(hallID: Int64, userID: Int64, role: Role)
        /// A user is no longer in a hall.
        case left(hallID: Int64, userID: Int64)
        /// A hall's name or state is another.
        case hallChanged(hallID: Int64, HallChange)
        /// A session ended before its time.
        case sessionEnded(sessionID: Int64, userID: Int64)
        /// A session was used and lasts as long as one that begins now.
        case sessionRenewed(sessionID: Int64, userID: Int64)
        /// The operator shut a user out.
        case userDisabled(userID: Int64)
    }

    /// How a hall changed.
    public enum HallChange: String, Sendable, Equatable {
        /// It has another name.
        case renamed
        /// It can only be read, from now on.
        case archived
    }

    /// The position in the log of the entry that tells of it; grows in the order of the commits. Messages of one
    /// transaction share an entry.
    public var id: Int64
    /// What happened.
    public var event: Event

    /// Makes an entry of its parts.
    public init(id: Int64, event: Event) {
        self.id = id
        self.event = event
    }
}

/// What the log says since a position.
public struct ChangeBatch: Sendable, Equatable {
    /// What happened, oldest first.
    public var changes: [Change]
    /// The position behind the last entry.
    public var cursor: Int64
    /// Whether entries were pruned before they could be read: whoever follows the log must start afresh.
    public var isTorn: Bool
}
