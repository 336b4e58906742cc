// SPDX-License-Identifier: Apache-2.0

public import CompactJSON

/// How far a member has read a hall. It is the member's own business: nobody else is told.
public struct ReadMark: Sendable, Hashable {
    /// Which hall.
    public var hallID: Int64
    /// Who reads.
    public var userID: Int64
    /// The position up to which everything is read.
    public var rev: Int64

    /// Makes one of its parts.
    public init(hallID: Int64, userID: Int64, rev: Int64) {
        self.hallID = hallID
        self.userID = userID
        self.rev = rev
    }
}

/// What became of a ``ReadMark`` that was to be set.
public struct WrittenMark: Sendable, Equatable {
    /// The mark as it is kept: not beyond the hall's position, and never behind what was read before.
    public var mark: ReadMark
    /// The entry of the log that tells of it; `nil` if it had not to be moved.
    public var entry: LogPosition?

    /// Makes one of its parts.
    init(_ mark: ReadMark, entry: LogPosition?) {
        self.mark = mark
        self.entry = entry
    }
}

/// What was written in one transaction.
public struct WrittenBatch: Sendable {
    /// What became of each thing that was to be done with a message.
    public var messages: [Result<WrittenMessage, ChatError>]
    /// What became of each mark.
    public var marks: [Result<WrittenMark, ChatError>]

    /// Makes one of its parts.
    public init(
        messages: [Result<WrittenMessage, ChatError>], marks: [Result<WrittenMark, ChatError>]
    ) {
        self.messages = messages
        self.marks = marks
    }
}

/// How much somebody has not read.
public struct UnreadCount: Sendable, Hashable {
    /// Messages, in all halls together.
    public var messages: Int64
    /// Halls in which there are some.
    public var halls: Int64

    /// Makes one of its parts.
    public init(messages: Int64, halls: Int64) {
        self.messages = messages
        self.halls = halls
    }

    /// As docs/protocol.md shows it.
    public func write(to json: inout JSONWriter) {
        json.raw("{\"unread\":")
        json.integer(messages)
        json.raw(",\"halls\":")
        json.integer(halls)
        json.raw("}")
    }
}
