// SPDX-License-Identifier: Apache-2.0

import GRDB

/// Writes messages in one transaction: what all of them need is made ready once, and one entry of the log tells of many.
struct MessageWriter {
    /// The most messages of an entry: who reads the log takes an entry whole.
    static let entryMessagesMax: Int64 = 512

    /// An entry of the log, and the messages that it tells of: nobody else writes, so that ids have no holes.
    private struct Entry {
        var changeID: Int64
        var firstID: Int64
        var lastID: Int64
    }

    private let database: ChatDatabase
    private let db: Database
    private let createdAt: String
    private let insert: FastStatement
    private let update: FastStatement
    private var entry: Entry?

    init(_ database: ChatDatabase, in db: Database) throws {
        self.database = database
        self.db = db
        createdAt = database.clock().iso8601
        insert = try FastStatement(
            """
            INSERT INTO messages
                (hall_id, sender_id, content, created_at, rev, client_key, previous_id)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """, in: db)
        update = try FastStatement(
            "UPDATE halls SET rev = ?, last_message_id = ? WHERE id = ?", in: db)
        // An argument stays until it is given another value.
        insert.bind(4, createdAt)
    }

    /// Writes a message, unless it is refused or there already.
    mutating func write(
        _ new: NewMessage, _ members: inout RememberedMembers
    ) throws -> CreatedMessage {
        try new.check(database.limits)
        let hall = try database.requireMembership(of: new.senderID, in: new.hallID, &members, db)
        if let key = new.clientKey,
            let earlier = try database.message(from: new.senderID, clientKey: key, in: db)
        {
            guard earlier.hallID == new.hallID, earlier.content == new.content else {
                throw ChatError(.clientKeyReused)
            }
            return CreatedMessage(message: earlier, changeID: nil)
        }
        guard !hall.isArchived else { throw ChatError(.hallArchived) }
        let rev = hall.rev + 1
        insert.bind(1, new.hallID)
        insert.bind(2, new.senderID)
        insert.bind(3, new.content)
        insert.bind(5, rev)
        insert.bind(6, new.clientKey)
        insert.bind(7, hall.lastMessageID)
        try insert.run()
        let id = db.lastInsertedRowID
        update.bind(1, rev)
        update.bind(2, id)
        update.bind(3, new.hallID)
        try update.run()
        let changeID = try log(id, of: new)
        members.move(new.hallID, to: rev, by: id)
        let message = Message(
            id: id, hallID: new.hallID, rev: rev, senderID: new.senderID, username: hall.username,
            content: new.content, createdAt: createdAt, clientKey: new.clientKey)
        return CreatedMessage(message: message, changeID: changeID)
    }

    /// - Returns: the entry that tells of the message.
    private mutating func log(_ id: Int64, of new: NewMessage) throws -> Int64 {
        if let known = entry, id - known.firstID < Self.entryMessagesMax {
            entry?.lastID = id
            return known.changeID
        }
        try finish()
        let changeID = try database.log(
            "message", hall: new.hallID, message: id, user: new.senderID, in: db)
        entry = Entry(changeID: changeID, firstID: id, lastID: id)
        return changeID
    }

    /// Says in the log how far its entry goes; after the last message.
    mutating func finish() throws {
        guard let done = entry, done.lastID > done.firstID else { return }
        let extend = try FastStatement(
            "UPDATE changes SET last_message_id = ? WHERE id = ?", in: db)
        extend.bind(1, done.lastID)
        extend.bind(2, done.changeID)
        try extend.run()
    }
}
