// SPDX-License-Identifier: Apache-2.0

import GRDB
import Synchronization

extension ChatDatabase {
    static let messageColumns =
        "m.id, m.hall_id, m.rev, m.sender_id, u.username, m.content, m.created_at, m.client_key"

    /// Says something in a hall.
    ///
    /// Membership, the message, the hall's position and the log are one transaction. A repeated client key answers with
    /// the message that is there.
    ///
    /// - Throws: ``ChatError``: `message_empty`, `message_too_long`, `invalid_client_key`, `not_found`, `not_a_member`,
    ///   `hall_archived`, `client_key_reused`, `busy`; `internal` where the hall is not sound (``problems()``).
    public func createMessage(_ new: NewMessage) throws -> CreatedMessage {
        guard let result = try createMessages([new]).first else { throw ChatError(.internalError) }
        return try result.get()
    }

    /// Says several things in one transaction, in their order. One that is refused does not harm the others; if the
    /// transaction itself fails, it throws, and nothing was said.
    public func createMessages(_ batch: [NewMessage]) throws -> [Result<CreatedMessage, ChatError>]
    {
        try createMessages(batch, waitingAtMost: nil)
    }

    /// The same, for who has other things to do while another has the lock.
    ///
    /// - Parameter milliseconds: how long it waits for the lock.
    /// - Returns: `nil` if nothing was said, because another has the lock.
    public func createMessages(
        _ batch: [NewMessage], waitingAtMost milliseconds: Int32
    ) throws -> [Result<CreatedMessage, ChatError>]? {
        do {
            return try createMessages(batch, waitingAtMost: Optional(milliseconds))
        } catch is LockTaken {
            return nil
        }
    }

    private func createMessages(
        _ batch: [NewMessage], waitingAtMost milliseconds: Int32?
    ) throws -> [Result<CreatedMessage, ChatError>] {
        try write(waitingAtMost: milliseconds) { db in
            try members.withLock { members in
                try members.begin(in: db)
                var writer = try MessageWriter(self, in: db)
                let results: [Result<CreatedMessage, ChatError>] = try batch.map { new in
                    do {
                        return .success(try writer.write(new, &members))
                    } catch let error as ChatError {
                        return .failure(error)
                    }
                }
                try writer.finish()
                return results
            }
        } then: { db in
            members.withLock { $0.commit(in: db) }
        }
    }

    /// The newest messages of a hall, or those before one.
    ///
    /// - Parameters:
    ///   - limit: how many; at least 1, at most ``Limits/pageSizeMax``.
    ///   - before: the id of a message; only older ones are given.
    /// - Throws: ``ChatError``: `not_found`, `not_a_member`.
    public func messages(
        of hallID: Int64, as userID: Int64, limit: Int? = nil, before: Int64? = nil
    ) throws -> MessagePage {
        try read { db in
            let hall = try requireMembership(of: userID, in: hallID, db)
            return try newestPage(of: hall, limit: limit, before: before, in: db)
        }
    }

    /// What changed in a hall since a position, whole or not at all.
    ///
    /// - Parameter limit: how many changes make a whole answer at most; beyond it the newest page is given, and
    ///   ``MessageChanges/isComplete`` is false.
    /// - Throws: ``ChatError``: `not_found`, `not_a_member`.
    public func messages(
        of hallID: Int64, as userID: Int64, since rev: Int64, limit: Int? = nil
    ) throws -> MessageChanges {
        try read { db in try messages(of: hallID, as: userID, since: rev, limit: limit, db) }
    }

    func messages(
        of hallID: Int64, as userID: Int64, since rev: Int64, limit: Int?, _ db: Database
    ) throws -> MessageChanges {
        let hall = try requireMembership(of: userID, in: hallID, db)
        if isWhole(since: rev, in: hall, limit: limit) {
            let (messages, _) = try messages(
                of: hall, from: hall.lastMessageID, count: Int(hall.rev - rev), since: rev, in: db)
            return MessageChanges(
                messages: messages, rev: hall.rev, isComplete: true, hasMore: false)
        }
        let page = try newestPage(of: hall, limit: nil, before: nil, in: db)
        return MessageChanges(
            messages: page.messages, rev: page.rev, isComplete: false, hasMore: page.hasMore)
    }

    /// Whether what changed since a position is few enough to be given whole.
    func isWhole(since rev: Int64, in hall: HallForMember, limit: Int?) -> Bool {
        let limit = min(max(limit ?? limits.pageSizeMax, 1), limits.pageSizeMax)
        return MessageChanges.areWhole(since: rev, upTo: hall.rev, limit: limit)
    }

    /// One message, for who is a member of its hall.
    ///
    /// - Throws: ``ChatError``: `not_found`, also for what the user may not see.
    public func message(_ id: Int64, as userID: Int64) throws -> Message {
        try read { db in
            let statement = try FastStatement(Self.messageForReader, in: db)
            statement.bind(1, userID)
            statement.bind(2, id)
            guard let message = try Self.messages(statement).first else {
                throw ChatError(.notFound)
            }
            return message
        }
    }

    private func newestPage(
        of hall: HallForMember, limit: Int?, before: Int64?, in db: Database
    ) throws -> MessagePage {
        let newest = try newestMessage(of: hall, before: before, in: db)
        let (messages, hasMore) = try messages(
            of: hall, from: newest, count: pageSize(limit), in: db)
        return MessagePage(messages: messages, rev: hall.rev, hasMore: hasMore)
    }

    /// How many messages a page has at most, of which so many were asked for.
    func pageSize(_ limit: Int?) -> Int {
        min(max(limit ?? limits.pageSizeDefault, 1), limits.pageSizeMax)
    }

    /// Messages from one on to the older ones, behind a position; oldest first.
    private func messages(
        of hall: HallForMember, from id: Int64?, count: Int, since rev: Int64 = 0, in db: Database
    ) throws -> (messages: [Message], hasMore: Bool) {
        var rows = try MessagesBackwards(
            Self.columnsBackwards, of: hall, from: id, in: db)
        defer { rows.finish() }
        var messages: [Message] = []
        while messages.count < count, try rows.step() {
            let message = Self.message(rows.row)
            // Where a message was taken out by hand, there are fewer of them than positions.
            guard message.rev > rev else { break }
            messages.append(message)
        }
        messages.reverse()
        return (messages, rows.hasMore)
    }

    func message(
        from senderID: Int64, clientKey: String, in db: Database
    ) throws -> Message? {
        let statement = try FastStatement(Self.messageByClientKey, in: db)
        statement.bind(1, senderID)
        statement.bind(2, clientKey)
        return try Self.messages(statement).first
    }

    // MARK: Reading messages

    private static let columnsBackwards = MessagesBackwards.Columns(
        count: 8,
        """
        m.id, m.hall_id, m.rev, m.sender_id,
        (SELECT username FROM users WHERE id = m.sender_id),
        m.content, m.created_at, m.client_key
        """)
    private static let selectMessages =
        "SELECT \(messageColumns) FROM messages m JOIN users u ON u.id = m.sender_id "
    private static let messageByClientKey =
        selectMessages + "WHERE m.sender_id = ? AND m.client_key = ?"
    private static let messageForReader =
        selectMessages + """
            JOIN users reader ON reader.id = ? AND reader.disabled_at IS NULL
            JOIN user_halls uh ON uh.hall_id = m.hall_id AND uh.user_id = reader.id
            WHERE m.id = ?
            """

    private static func messages(_ statement: FastStatement) throws -> [Message] {
        var messages: [Message] = []
        while try statement.step() { messages.append(message(statement)) }
        return messages
    }

    /// The message in a row, of which ``messageColumns`` begin at that column.
    static func message(_ row: FastStatement, startingAt column: Int32 = 0) -> Message {
        Message(
            id: row.integer(column), hallID: row.integer(column + 1), rev: row.integer(column + 2),
            senderID: row.integer(column + 3), username: row.text(column + 4),
            content: row.text(column + 5), createdAt: row.text(column + 6),
            clientKey: row.optionalText(column + 7))
    }
}
