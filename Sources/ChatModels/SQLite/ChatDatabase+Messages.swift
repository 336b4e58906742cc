// SPDX-License-Identifier: Apache-2.0

import GRDB
import Synchronization

extension ChatDatabase {
    /// As ``MessageStorage`` says.
    public func perform(
        _ commands: [MessageCommand]
    ) throws -> [Result<WrittenMessage, ChatError>] {
        try perform(commands, marks: [], patience: nil).messages
    }

    /// As ``MessageStorage`` says.
    public func perform(
        _ commands: [MessageCommand], marks: [ReadMark], waitingAtMost milliseconds: Int32?
    ) throws -> WrittenBatch? {
        do {
            return try perform(commands, marks: marks, patience: milliseconds)
        } catch is LockTaken {
            return nil
        }
    }

    private func perform(
        _ commands: [MessageCommand], marks: [ReadMark], patience: Int32?
    ) throws -> WrittenBatch {
        try write(waitingAtMost: patience) { db in
            try members.withLock { members in
                try members.begin(in: db)
                var writer = try MessageWriter(self, in: db)
                let messages = try commands.map { command in
                    try Self.refusal { try writer.perform(command, &members) }
                }
                try writer.finish()
                try writer.followMarks()
                let written = try marks.map { mark in
                    try Self.refusal { try write(mark, members, db) }
                }
                return WrittenBatch(messages: messages, marks: written)
            }
        } then: { db in
            members.withLock { $0.commit(in: db) }
        }
    }

    /// What is refused harms nothing else of its transaction; what fails does.
    private static func refusal<Value>(
        _ body: () throws -> Value
    ) throws -> Result<Value, ChatError> {
        do {
            return .success(try body())
        } catch let error as ChatError {
            return .failure(error)
        }
    }

    /// As ``MessageStorage`` says.
    public func messages(
        of hallID: Int64, as userID: Int64, limit: Int? = nil, before: Int64? = nil
    ) throws -> MessagePage {
        try read { db in
            let hall = try requireSeat(of: userID, in: hallID, db)
            return try newestPage(of: hall, limit: limit, before: before, in: db)
        }
    }

    /// As ``MessageStorage`` says.
    public func messages(
        of hallID: Int64, as userID: Int64, since position: HallPosition, limit: Int? = nil
    ) throws -> MessagesSince {
        try read { db in
            try messages(of: hallID, as: userID, since: position, limit: limit, db)
        }
    }

    func messages(
        of hallID: Int64, as userID: Int64, since position: HallPosition, limit: Int?,
        _ db: Database
    ) throws -> MessagesSince {
        let hall = try requireSeat(of: userID, in: hallID, db)
        if let since = try whole(since: position, in: hall, limit: limit, db) {
            let (messages, _) = try messages(
                of: hall, from: hall.lastMessageID, count: since.count, since: position.rev, in: db)
            return MessagesSince(
                messages: messages, changed: since.changed, rev: hall.rev, change: hall.change,
                isComplete: true, hasMore: false)
        }
        let page = try newestPage(of: hall, limit: nil, before: nil, in: db)
        return MessagesSince(
            messages: page.messages, changed: nil, rev: page.rev, change: hall.change,
            isComplete: false, hasMore: page.hasMore)
    }

    /// How many messages were said since a position, and which were changed, where those were asked for; `nil` if it is too
    /// much to be given whole.
    func whole(
        since position: HallPosition, in hall: Seat, limit: Int?, _ db: Database
    ) throws -> (count: Int, changed: [Message]?)? {
        let limit = min(max(limit ?? limits.pageSizeMax, 1), limits.pageSizeMax)
        guard MessagesSince.areWhole(since: position.rev, upTo: hall.rev, limit: limit) else {
            return nil
        }
        let count = Int(hall.rev - position.rev)
        guard let change = position.change else { return (count, nil) }
        guard let changed = try messages(of: hall, changedSince: change, limit: limit, in: db)
        else { return nil }
        return (count, changed)
    }

    /// The messages that were changed since a change of the hall, as they are now; `nil` if those are too many, or the
    /// change is one that is still to come: another database has given it.
    private func messages(
        of hall: Seat, changedSince change: Int64, limit: Int, in db: Database
    ) throws -> [Message]? {
        guard 0...hall.change ~= change else { return nil }
        if change == hall.change { return [] }
        let statement = try FastStatement(Self.messagesChanged, in: db)
        statement.bind(1, hall.hallID)
        statement.bind(2, change)
        statement.bind(3, Int64(limit + 1))
        let messages = try Self.messages(statement)
        return messages.count <= limit ? messages : nil
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
        of hall: Seat, limit: Int?, before: Int64?, in db: Database
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
        of hall: Seat, from id: Int64?, count: Int, since rev: Int64 = 0, in db: Database
    ) throws -> (messages: [Message], hasMore: Bool) {
        var rows = try MessagesBackwards(
            Self.columnsBackwards, of: hall, from: id, in: db)
        defer { rows.finish() }
        var changes = try ChangesBackwards(of: hall, from: id, in: db)
        defer { changes.finish() }
        var messages: [Message] = []
        while messages.count < count, try rows.step() {
            var message = Self.message(rows.row)
            message.change = try changes.change(of: message.id)
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

    /// A message of a hall, whoever asks.
    func message(_ id: Int64, of hallID: Int64, in db: Database) throws -> Message? {
        let statement = try FastStatement(Self.messageOfHall, in: db)
        statement.bind(1, id)
        statement.bind(2, hallID)
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

    /// What ``changedMessage(_:startingAt:)`` wants of a row with the tables of ``joinedToMessages``.
    static let messageColumns = """
        m.id, m.hall_id, m.rev, m.sender_id, u.username, m.content, m.created_at, m.client_key,
        mc.change, mc.edited_at, mc.deleted
        """
    /// What belongs to a message that is called `m`.
    static let joinedToMessages = """
        LEFT JOIN users u ON u.id = m.sender_id
        LEFT JOIN message_changes mc ON mc.hall_id = m.hall_id AND mc.message_id = m.id
        """
    private static let selectMessages =
        "SELECT \(messageColumns) FROM messages m \(joinedToMessages) "
    private static let messageByClientKey =
        selectMessages + "WHERE m.sender_id = ? AND m.client_key = ?"
    private static let messageOfHall = selectMessages + "WHERE m.id = ? AND m.hall_id = ?"
    private static let messageForReader =
        selectMessages + """
            JOIN users reader ON reader.id = ? AND reader.disabled_at IS NULL
            JOIN user_halls uh ON uh.hall_id = m.hall_id AND uh.user_id = reader.id
            WHERE m.id = ?
            """
    static let messagesChanged = """
        SELECT \(messageColumns)
        FROM message_changes mc JOIN messages m ON m.id = mc.message_id
        JOIN users u ON u.id = m.sender_id
        WHERE mc.hall_id = ? AND mc.change > ? ORDER BY mc.change LIMIT ?
        """

    private static func messages(_ statement: FastStatement) throws -> [Message] {
        var messages: [Message] = []
        while try statement.step() { messages.append(changedMessage(statement)) }
        return messages
    }

    /// The message in a row, of which ``messageColumns`` begin at that column.
    static func changedMessage(_ row: FastStatement, startingAt column: Int32 = 0) -> Message {
        var message = message(row, startingAt: column)
        message.change = MessageChange(row, startingAt: column + 8)
        return message
    }

    /// The message in a row, as it was said.
    private static func message(_ row: FastStatement, startingAt column: Int32 = 0) -> Message {
        Message(
            id: row.integer(column), hallID: row.integer(column + 1), rev: row.integer(column + 2),
            senderID: row.integer(column + 3), username: row.text(column + 4),
            content: row.text(column + 5), createdAt: row.text(column + 6),
            clientKey: row.optionalText(column + 7))
    }
}
