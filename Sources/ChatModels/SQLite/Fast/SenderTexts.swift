// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import GRDB

/// What a message says of its sender, as JSON, for the senders that a connection has met: a hall has many messages of few
/// people, and nobody is ever renamed.
struct SenderTexts {
    private static let bytesMax = 256 << 10
    private var places: [Int64: Range<Int>] = [:]  // sender → where in `texts`
    private var texts = JSONWriter()

    /// Learns of a sender, if it is one whom it does not know.
    mutating func learn(_ id: Int64, _ db: Database) throws {
        guard places[id] == nil else { return }
        let names = try FastStatement("SELECT username FROM users WHERE id = ?", in: db)
        names.bind(1, id)
        guard try names.step() else { throw ChatError(.internalError) }
        defer { names.finish() }
        if texts.bytes.count > Self.bytesMax { self = SenderTexts() }
        let start = texts.bytes.count
        MessageJSON.writeSender(id, names.text(0), to: &texts)
        places[id] = start..<texts.bytes.count
    }

    /// Writes what a message says of a sender that it has learnt of.
    func write(_ id: Int64, to json: inout JSONWriter) {
        if let place = places[id] { json.raw(texts.bytes, in: place) }
    }
}

/// A message in a row of ``MessagesBackwards``: its texts go into the JSON without becoming strings.
struct MessageRow: MessageFields {
    /// The columns that it wants.
    static let columns = MessagesBackwards.Columns(
        count: 6, "m.id, m.rev, m.sender_id, m.content, m.created_at, m.client_key")

    let row: FastStatement
    let hallID: Int64
    let change: MessageChange?
    /// Knows the sender.
    let senders: SenderTexts

    var id: Int64 { row.integer(0) }
    var rev: Int64 { row.integer(1) }
    var senderID: Int64 { row.integer(2) }
    var hasClientKey: Bool { !row.isNull(5) }

    func writeSender(to json: inout JSONWriter) { senders.write(senderID, to: &json) }
    func writeContent(to json: inout JSONWriter) { row.write(3, to: &json) }
    func writeCreatedAt(to json: inout JSONWriter) { row.write(4, to: &json) }
    func writeClientKey(to json: inout JSONWriter) { row.write(5, to: &json) }
}
