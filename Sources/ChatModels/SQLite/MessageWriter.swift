// SPDX-License-Identifier: Apache-2.0

import GRDB

/// Writes messages in one transaction: what all of them need is made ready once, many are handed to SQLite in one
/// statement, and one entry of the log tells of many.
struct MessageWriter {
    /// The most messages of an entry: who reads the log takes an entry whole.
    static let entryMessagesMax: Int64 = 512
    /// So many messages are handed to SQLite at once.
    static let rowsMax = 16

    /// An entry of the log, and the messages that it tells of: nobody else writes, so that ids have no holes.
    private struct Entry {
        var id: Int64
        var firstID: Int64
        var lastID: Int64
    }

    private let database: ChatDatabase
    private let db: Database
    private let now: Timestamp
    private let createdAt: String
    private let update: FastStatement
    private var entry: Entry?
    /// The last message; `nil` before the first.
    private var lastID: Int64?
    /// What each sender said first, as far as nobody said anything between.
    private var ownRuns: [RememberedMembers.Place: OwnRun] = [:]
    /// Messages that SQLite has not got yet, with their ids, and with those of the messages before them.
    private var waiting: [(message: Message, previousID: Int64?)] = []

    init(_ database: ChatDatabase, in db: Database) throws {
        self.database = database
        self.db = db
        now = database.clock()
        createdAt = now.iso8601
        update = try FastStatement(
            "UPDATE halls SET rev = ?, last_message_id = ? WHERE id = ?", in: db)
    }

    /// Does something with a message, unless it is refused.
    mutating func perform(
        _ command: MessageCommand, _ members: inout RememberedMembers
    ) throws -> WrittenMessage {
        try command.check(database.limits)
        return switch command {
        case .say(let new): try say(new, &members)
        case .edit(let edit): try self.edit(edit, &members)
        case .delete(let deletion): try delete(deletion, &members)
        }
    }

    /// Writes a message, unless it is refused or there already.
    private mutating func say(
        _ new: NewMessage, _ members: inout RememberedMembers
    ) throws -> WrittenMessage {
        let hall = try seat(of: new.senderID, in: new.hallID, &members)
        if let key = new.clientKey, let earlier = try earlier(from: new.senderID, key) {
            return WrittenMessage(repeated: try MessageRules.repeated(earlier, by: new))
        }
        let message = try insert(
            MessageRules.said(new, by: hall, at: createdAt), after: hall.lastMessageID)
        update.bind(1, message.rev)
        update.bind(2, message.id)
        update.bind(3, message.hallID)
        try update.run()
        let entryID = try log(message.id, of: new)
        members.move(new.hallID, to: message.rev, by: message.id)
        note(message)
        return WrittenMessage(written: message, entry: LogPosition(entryID))
    }

    /// A member's place in a hall.
    private mutating func seat(
        of userID: Int64, in hallID: Int64, _ members: inout RememberedMembers
    ) throws -> Seat {
        if let seat = members.seat(of: userID, in: hallID) { return seat }
        // The hall's last message is looked at.
        try insertWaiting()
        return try database.requireSeat(of: userID, in: hallID, rememberedIn: &members, db)
    }

    /// What the sender has said with a key.
    private func earlier(from senderID: Int64, _ key: String) throws -> Message? {
        if let (message, _) = waiting.first(where: { message, _ in
            message.senderID == senderID && message.clientKey == key
        }) {
            return message
        }
        return try database.message(from: senderID, clientKey: key, in: db)
    }

    // MARK: What was said already

    private mutating func edit(
        _ edit: MessageEdit, _ members: inout RememberedMembers
    ) throws -> WrittenMessage {
        let seat = try seat(of: edit.userID, in: edit.hallID, &members)
        let message = try message(edit.messageID, of: edit.hallID)
        let edited = try MessageRules.edited(
            message, to: edit.content, by: seat, at: now, database.limits)
        return try keep(edited, or: message, by: .user(edit.userID), &members)
    }

    private mutating func delete(
        _ deletion: MessageDeletion, _ members: inout RememberedMembers
    ) throws -> WrittenMessage {
        let (message, deleted): (Message, Message?)
        switch deletion.actor {
        case .user(let userID):
            let seat = try seat(of: userID, in: deletion.hallID, &members)
            message = try self.message(deletion.messageID, of: deletion.hallID)
            let senderRole = try database.role(of: message.senderID, in: message.hallID, db)
            deleted = try MessageRules.deleted(message, by: seat, senderRole: senderRole)
        case .operator:
            message = try self.message(deletion.messageID, of: deletion.hallID)
            let change = try database.change(of: deletion.hallID, in: db)
            deleted = MessageRules.deleted(message, byOperatorAfter: change)
        }
        return try keep(deleted, or: message, by: deletion.actor, &members)
    }

    /// A message that is in a hall.
    private mutating func message(_ id: Int64, of hallID: Int64) throws -> Message {
        try insertWaiting()
        guard let message = try database.message(id, of: hallID, in: db) else {
            throw ChatError(.notFound, "There is no such message in this hall.")
        }
        return message
    }

    /// Keeps a message as it is now, and tells of it in the log.
    ///
    /// - Parameters:
    ///   - changed: the message; `nil` if it is what it was.
    ///   - before: what it was.
    private mutating func keep(
        _ changed: Message?, or before: Message, by actor: Actor,
        _ members: inout RememberedMembers
    ) throws -> WrittenMessage {
        guard let message = changed else { return WrittenMessage(repeated: before) }
        // What was said before stands in the log before it.
        try finish()
        entry = nil
        guard let change = message.change else { throw ChatError(.internalError) }
        try database.keepEarlierText(of: before, until: change, in: db)
        try database.keep(message, change, in: db)
        let entryID = try database.log(
            .messageChanged(
                hallID: message.hallID, messageID: message.id, change: change.number),
            by: actor, in: db)
        members.move(message.hallID, toChange: change.number)
        return WrittenMessage(written: message, entry: LogPosition(entryID))
    }

    // MARK: What one says oneself

    /// Of what a sender says after others have spoken, nobody knows here whether it is read.
    private mutating func note(_ message: Message) {
        let place = RememberedMembers.Place(userID: message.senderID, hallID: message.hallID)
        let run = ownRuns[place] ?? OwnRun(first: message.rev, last: message.rev - 1)
        guard run.last == message.rev - 1 else { return }
        ownRuns[place] = OwnRun(first: run.first, last: message.rev)
    }

    /// Moves the marks of who has said something, where it is read with that; after the last message.
    func followMarks() throws {
        for (place, run) in ownRuns {
            try database.write(run, of: place.userID, in: place.hallID, db)
        }
    }

    // MARK: Rows

    /// - Returns: the message with its id.
    private mutating func insert(_ new: Message, after previousID: Int64?) throws -> Message {
        var message = new
        if let lastID {
            // The first was given its id by SQLite; it gives no others meanwhile.
            message.id = lastID + 1
            waiting.append((message, previousID))
            if waiting.count == Self.rowsMax { try insertWaiting() }
        } else {
            try insert([(message, previousID)])
            message.id = db.lastInsertedRowID
        }
        lastID = message.id
        return message
    }

    /// Hands over the messages that wait.
    private mutating func insertWaiting() throws {
        guard let last = waiting.last?.message.id else { return }
        if waiting.count == Self.rowsMax {
            try insert(waiting[...])
        } else {
            for index in waiting.indices { try insert(waiting[index...index]) }
        }
        waiting.removeAll(keepingCapacity: true)
        guard db.lastInsertedRowID == last else {
            throw DatabaseError(
                resultCode: .SQLITE_INTERNAL,
                message: "A message has another id than it was given.")
        }
    }

    /// - Parameter rows: one, or ``rowsMax``.
    private func insert(_ rows: ArraySlice<(message: Message, previousID: Int64?)>) throws {
        let statement = try FastStatement(
            rows.count == 1 ? Self.insertOne : Self.insertMany, in: db)
        var index: Int32 = 1
        for (message, previousID) in rows {
            statement.bind(index, message.hallID)
            statement.bind(index + 1, message.senderID)
            statement.bind(index + 2, message.content)
            statement.bind(index + 3, message.createdAt)
            statement.bind(index + 4, message.rev)
            statement.bind(index + 5, message.clientKey)
            statement.bind(index + 6, previousID)
            index += 7
        }
        try statement.run()
    }

    private static let insertOne = insert(rows: 1)
    private static let insertMany = insert(rows: rowsMax)

    private static func insert(rows: Int) -> String {
        """
        INSERT INTO messages (hall_id, sender_id, content, created_at, rev, client_key, previous_id)
        VALUES \(Array(repeating: "(?, ?, ?, ?, ?, ?, ?)", count: rows).joined(separator: ", "))
        """
    }

    // MARK: The log

    /// - Returns: the entry that tells of the message.
    private mutating func log(_ id: Int64, of new: NewMessage) throws -> Int64 {
        if let known = entry, id - known.firstID < Self.entryMessagesMax {
            entry?.lastID = id
            return known.id
        }
        try finishEntry()
        let entryID = try database.log(
            .messages(hallID: new.hallID, firstID: id), by: .user(new.senderID), in: db)
        entry = Entry(id: entryID, firstID: id, lastID: id)
        return entryID
    }

    /// Hands over what waits, and says in the log how far its entry goes; after the last message.
    mutating func finish() throws {
        try insertWaiting()
        try finishEntry()
    }

    private func finishEntry() throws {
        guard let done = entry, done.lastID > done.firstID else { return }
        let extend = try FastStatement(
            "UPDATE changes SET last_message_id = ? WHERE id = ?", in: db)
        extend.bind(1, done.lastID)
        extend.bind(2, done.id)
        try extend.run()
    }
}
