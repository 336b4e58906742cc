// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import GRDB

/// What a message says of its sender, as JSON, for the senders that a connection has met: a hall has many messages of few
/// people. It is right until somebody gets another username.
struct SenderTexts {
    private static let bytesMax = 256 << 10
    /// After how many changes of usernames it is right.
    let renames: Int64
    private var places: [Int64: Range<Int>] = [:]  // sender → where in `texts`
    private var texts = JSONWriter()

    init(renames: Int64) {
        self.renames = renames
    }

    /// Where in ``bytes`` it stands what a message says of a sender.
    mutating func place(of id: Int64, _ db: Database) throws -> Range<Int> {
        if let place = places[id] { return place }
        let names = try FastStatement("SELECT username FROM users WHERE id = ?", in: db)
        names.bind(1, id)
        guard try names.step() else { throw ChatError(.internalError) }
        defer { names.finish() }
        if texts.bytes.count > Self.bytesMax { self = SenderTexts(renames: renames) }
        let start = texts.bytes.count
        MessageJSON.writeSender(id, names.text(0), to: &texts)
        let place = start..<texts.bytes.count
        places[id] = place
        return place
    }

    /// What messages say of all senders whose place was asked for.
    var bytes: [UInt8] { texts.bytes }
}

/// The message in the row of ``MessagesBackwards``, while that goes from one to the next: its texts go into the JSON without
/// becoming strings. Not copyable: a value with as many parts would be copied with each message.
struct MessageRow: ~Copyable, MessageFields {
    /// The columns that it wants.
    static let columns = MessagesBackwards.Columns(
        count: 6, "m.id, m.rev, m.sender_id, m.content, m.created_at, m.client_key")

    private(set) var id: Int64 = 0
    private(set) var rev: Int64 = 0
    private(set) var senderID: Int64 = 0
    private(set) var change: MessageChange?
    private(set) var senders: SenderTexts
    private let row: FastStatement
    private let hall: [UInt8]
    private var sender = 0..<0
    private var changes: ChangesBackwards

    init(
        _ row: FastStatement, of hallID: Int64, _ changes: ChangesBackwards, _ senders: SenderTexts
    ) {
        self.row = row
        self.changes = changes
        self.senders = senders
        var hall = JSONWriter()
        MessageJSON.writeHall(hallID, to: &hall)
        self.hall = hall.bytes
    }

    /// Takes the message of the row as it is now.
    mutating func take(in db: Database) throws {
        id = row.integer(0)
        rev = row.integer(1)
        senderID = row.integer(2)
        change = try changes.change(of: id)
        sender = try senders.place(of: senderID, db)
    }

    var hasClientKey: Bool { !row.isNull(5) }

    func writeHall(to json: inout JSONWriter) { json.raw(hall, in: 0..<hall.count) }
    func writeSender(to json: inout JSONWriter) { json.raw(senders.bytes, in: sender) }
    func writeContent(to json: inout JSONWriter) { row.write(3, to: &json) }
    func writeCreatedAt(to json: inout JSONWriter) { row.write(4, to: &json) }
    func writeClientKey(to json: inout JSONWriter) { row.write(5, to: &json) }
}
