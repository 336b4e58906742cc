// SPDX-License-Identifier: Apache-2.0

/// Something that is to be written of a message. Any number of them may share a transaction.
public enum MessageCommand: Sendable, Hashable {
    /// Something is said.
    case say(NewMessage)
    /// Something that was said gets another text.
    case edit(MessageEdit)
    /// Something that was said is deleted.
    case delete(MessageDeletion)

    /// Refuses what can be refused without a look at the hall.
    ///
    /// - Throws: ``ChatError``: `message_empty`, `message_too_long`, `invalid_request`, `invalid_client_key`.
    public func check(_ limits: Limits) throws(ChatError) {
        switch self {
        case .say(let new): try new.check(limits)
        case .edit(let edit): try edit.check(limits)
        case .delete: break
        }
    }
}

/// What became of a ``MessageCommand``.
public struct WrittenMessage: Sendable, Equatable {
    /// The message as it is kept.
    public var message: Message
    /// Whether it was so already, so that nothing had to be written: said under the same client key, deleted, or of the same
    /// text.
    public var isRepeat: Bool
    /// The entry of the log that tells of it, which it may share with others of its transaction; `nil` if nothing was
    /// written, or if the engine cannot say where in the log that is: then only reading it tells.
    public var entry: LogPosition?

    /// Something that was written.
    init(written message: Message, entry: LogPosition?) {
        (self.message, self.entry) = (message, entry)
        isRepeat = false
    }

    /// Something that was so already.
    init(repeated message: Message) {
        self.message = message
        isRepeat = true
    }
}
