// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// What may be said, what may become of it, and what the message is then: for every engine, which looks up what is asked here
/// and keeps what is answered.
enum MessageRules {
    /// What is said, as the next message of its hall. The engine gives it its id.
    ///
    /// - Throws: ``ChatError``: `hall_archived`.
    static func said(
        _ new: NewMessage, by seat: Seat, at createdAt: String
    ) throws(ChatError) -> Message {
        guard !seat.isArchived else { throw ChatError(.hallArchived) }
        return Message(
            id: 0, hallID: new.hallID, rev: seat.rev + 1, senderID: new.senderID,
            username: seat.username, content: new.content, createdAt: createdAt,
            clientKey: new.clientKey)
    }

    /// What was said under the key of something that is said now, where it is the same. This is asked before
    /// ``said(_:by:at:)``: a retry is answered in an archived hall, too.
    ///
    /// - Throws: ``ChatError``: `client_key_reused`.
    static func repeated(
        _ earlier: Message, by new: NewMessage
    ) throws(ChatError) -> Message {
        // What was changed since has another text than the retry.
        let isSame = earlier.change != nil || earlier.content.isExactly(new.content)
        guard earlier.hallID == new.hallID, isSame else { throw ChatError(.clientKeyReused) }
        return earlier
    }

    /// The message with another text; `nil` where that is its text already.
    ///
    /// - Throws: ``ChatError``: `not_allowed`, `message_gone`, `hall_archived`, `edit_time_over`.
    static func edited(
        _ message: Message, to content: String, by seat: Seat, at now: Timestamp, _ limits: Limits
    ) throws(ChatError) -> Message? {
        let authorship = Authorship(of: message, for: seat.userID, senderRole: nil)
        guard seat.role.permits(.edit, authorship) else {
            throw ChatError(.notAllowed, "Only who said it edits a message.")
        }
        guard message.change?.deleted == nil else { throw ChatError(.messageGone) }
        guard !seat.isArchived else { throw ChatError(.hallArchived) }
        if message.content.isExactly(content) { return nil }
        let seconds = limits.editSecondsMax
        if seconds > 0, let said = Timestamp(iso8601: message.createdAt),
            now > said.adding(seconds: seconds)
        {
            throw ChatError(.editTimeOver, limit: Int(seconds))
        }
        var edited = message
        edited.content = content
        edited.change = MessageChange(number: seat.change + 1, editedAt: now.iso8601)
        return edited
    }

    /// The message without its text; `nil` where it has none any more.
    ///
    /// - Parameter senderRole: the role of who said it; `nil` for who is no longer in the hall.
    /// - Throws: ``ChatError``: `not_allowed`, `hall_archived`.
    static func deleted(
        _ message: Message, by seat: Seat, senderRole: Role?
    ) throws(ChatError) -> Message? {
        let authorship = Authorship(of: message, for: seat.userID, senderRole: senderRole)
        guard seat.role.permits(.delete, authorship) else { throw ChatError(.notAllowed) }
        if message.change?.deleted != nil { return nil }
        guard !seat.isArchived else { throw ChatError(.hallArchived) }
        return deleted(message, authorship == .own ? .sender : .moderator, after: seat.change)
    }

    /// The message without its text, by the operator; `nil` where it has none any more.
    static func deleted(_ message: Message, byOperatorAfter change: Int64) -> Message? {
        message.change?.deleted == nil ? deleted(message, .operator, after: change) : nil
    }

    private static func deleted(
        _ message: Message, _ deletion: Deletion, after change: Int64
    ) -> Message {
        var deleted = message
        deleted.content = ""
        deleted.change = MessageChange(number: change + 1, deleted: deletion)
        return deleted
    }
}

extension Authorship {
    fileprivate init(of message: Message, for userID: Int64, senderRole: Role?) {
        self = message.senderID == userID ? .own : .others(senderRole)
    }
}
