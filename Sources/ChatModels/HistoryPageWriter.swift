// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import GRDB

/// Puts a ``HistoryPage`` together from SQLite's rows, straight from their bytes: no `String`, no ``Message``.
struct HistoryPageWriter {
    /// The columns of a message that ``append(_:since:_:_:)`` wants.
    static let columns = MessagesBackwards.Columns(
        count: 6, "m.id, m.rev, m.sender_id, m.content, m.created_at, m.client_key")

    private struct Row {
        var senderID: Int64
        /// Where it ends in ``messages``, and its key in ``keyText``; each begins where the one before ends.
        var end: Int
        var keyEnd: Int
    }

    private let sizeExpected: Int
    private let middle: [UInt8]
    private var rows: [Row] = []
    private var messages: JSONWriter
    private var keyText = JSONWriter()

    init(hallID: Int64, sizeExpected: Int) {
        var middle = JSONWriter()
        middle.raw(",\"hall_id\":")
        middle.integer(hallID)
        middle.raw(",\"rev\":")
        self.sizeExpected = sizeExpected
        self.middle = middle.bytes
        messages = JSONWriter(capacity: 256 * sizeExpected)
        rows.reserveCapacity(sizeExpected)
    }

    /// How many messages there are.
    var count: Int { rows.count }

    /// Appends the message in a row, if it was said after a position. The newest comes first.
    ///
    /// - Returns: whether it was.
    mutating func append(
        _ row: FastStatement, since start: Int64, _ changes: inout ChangesBackwards,
        _ senders: inout SenderTexts, _ db: Database
    ) throws -> Bool {
        let rev = row.integer(1)
        guard rev > start else { return false }
        let senderID = row.integer(2)
        let id = row.integer(0)
        messages.raw("{\"id\":")
        messages.integer(id)
        messages.raw(middle, in: 0..<middle.count)
        messages.integer(rev)
        try senders.write(senderID, to: &messages, db)
        row.write(3, to: &messages)
        messages.raw(",\"created_at\":")
        row.write(4, to: &messages)
        try changes.change(of: id)?.write(to: &messages)
        messages.raw("}")
        if !row.isNull(5) {
            if keyText.bytes.isEmpty { keyText.bytes.reserveCapacity(64 * sizeExpected) }
            keyText.raw(",\"client_key\":")
            row.write(5, to: &keyText)
        }
        rows.append(
            Row(senderID: senderID, end: messages.bytes.count, keyEnd: keyText.bytes.count))
        return true
    }

    /// The page, oldest message first.
    ///
    /// - Parameters:
    ///   - changed: the messages that were changed, where they were asked for.
    ///   - userID: who asks. A page with changed messages is for that reader alone.
    ///   - isComplete: what it says as an answer to `since_rev`; `nil` for one that is none.
    func page(
        _ version: HistoryVersion, changed: [Message]?, by userID: Int64, hasMore: Bool,
        isComplete: Bool? = nil
    ) -> HistoryPage {
        var json = JSONWriter(capacity: messages.bytes.count + rows.count + 64)
        var keys: [HistoryPage.Key] = []
        var keyText = JSONWriter(capacity: self.keyText.bytes.count)
        keys.reserveCapacity(rows.count)
        json.raw("{\"messages\":[")
        for index in rows.indices.reversed() {
            let (start, keyStart) =
                index == 0 ? (0, 0) : (rows[index - 1].end, rows[index - 1].keyEnd)
            let row = rows[index]
            if index < rows.count - 1 { json.raw(",") }
            json.raw(messages.bytes, in: start..<row.end)
            guard keyStart < row.keyEnd else { continue }
            keyText.raw(self.keyText.bytes, in: keyStart..<row.keyEnd)
            // Before the brace at the message's end.
            keys.append(
                HistoryPage.Key(
                    senderID: row.senderID, position: json.bytes.count - 1,
                    end: keyText.bytes.count))
        }
        json.raw("],\"rev\":")
        json.integer(version.rev)
        json.raw(",\"change\":")
        json.integer(version.change)
        json.raw(",\"has_more\":")
        json.bool(hasMore)
        if let isComplete {
            json.raw(",\"complete\":")
            json.bool(isComplete)
        }
        if let changed {
            json.raw(",\"changed\":[")
            for (index, message) in changed.enumerated() {
                if index > 0 { json.raw(",") }
                message.write(to: &json, includingClientKey: message.senderID == userID)
            }
            json.raw("]")
        }
        json.raw("}")
        return HistoryPage(version: version, json: json.bytes, keys: keys, keyText: keyText.bytes)
    }
}
