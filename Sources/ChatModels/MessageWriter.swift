// SPDX-License-Identifier: Apache-2.0

import GRDB

/// Writes messages in one transaction: what all of them need is made ready once.
struct MessageWriter {
    private let database: ChatDatabase
    private let db: Database
    private let createdAt: String
    private let insert: FastStatement
    private let update: FastStatement
    private let entry: FastStatement

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
        entry = try ChatDatabase.logEntry(in: db)
        // An argument stays until it is given another value.
        insert.bind(4, createdAt)
    }

    /// Writes a message, unless it is refused or there already.
    func write(
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
        let changeID = try database.log(
            "message", hall: new.hallID, message: id, user: new.senderID, by: entry, in: db)
        members.move(new.hallID, to: rev, by: id)
        let message = Message(
            id: id, hallID: new.hallID, rev: rev, senderID: new.senderID, username: hall.username,
            content: new.content, createdAt: createdAt, clientKey: new.clientKey)
        return CreatedMessage(message: message, changeID: changeID)
    }
}
