// SPDX-License-Identifier: Apache-2.0

/// Who deleted a message.
public enum Deletion: String, Sendable, Hashable {
    /// Who had said it.
    case sender
    /// Somebody who keeps order in the hall.
    case moderator
    /// The operator of the site.
    case `operator`
}

/// What became of a message after it was said. Of two copies of a message the one with the larger ``number`` is the newer.
public struct MessageChange: Sendable, Hashable {
    /// The hall's counter of changes when it was last changed.
    public var number: Int64
    /// When its text was last edited: UTC, ISO 8601 with milliseconds.
    public var editedAt: String?
    /// Who deleted it: then there is no text any more, and no ``editedAt``.
    public var deleted: Deletion?

    /// Makes a change of its parts.
    public init(number: Int64, editedAt: String? = nil, deleted: Deletion? = nil) {
        self.number = number
        self.editedAt = editedAt
        self.deleted = deleted
    }
}

/// A text that a message had before it was edited.
public struct EarlierText: Sendable, Hashable {
    /// The text.
    public var content: String
    /// When it was replaced: UTC, ISO 8601 with milliseconds.
    public var until: String

    /// Makes a text of its parts.
    public init(content: String, until: String) {
        self.content = content
        self.until = until
    }
}

/// Another text for a message.
public struct MessageEdit: Sendable, Hashable {
    /// The hall it is in.
    public var hallID: Int64
    /// Which one.
    public var messageID: Int64
    /// Who wants it: only who said it may.
    public var userID: Int64
    /// The text.
    public var content: String

    /// Makes an edit that is not yet done.
    public init(hallID: Int64, messageID: Int64, userID: Int64, content: String) {
        self.hallID = hallID
        self.messageID = messageID
        self.userID = userID
        self.content = content
    }

    /// Refuses a text that no hall takes.
    public func check(_ limits: Limits) throws(ChatError) {
        try NewMessage.check(content, limits)
    }
}

/// A message is to be deleted.
public struct MessageDeletion: Sendable, Hashable {
    /// The hall it is in.
    public var hallID: Int64
    /// Which one.
    public var messageID: Int64
    /// Who wants it.
    public var actor: Actor

    /// Makes a deletion that is not yet done.
    public init(hallID: Int64, messageID: Int64, by actor: Actor) {
        self.hallID = hallID
        self.messageID = messageID
        self.actor = actor
    }
}
