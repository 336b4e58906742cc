// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import GRDB

/// Puts a ``HistoryPage`` together from SQLite's rows, straight from their bytes: no `String`, no ``Message``.
struct HistoryPageWriter {
    /// The columns of a message that ``append(_:at:_:_:)`` wants.
    static let columns = MessagesBackwards.Columns(count: 6) { m in
        "\(m).id, \(m).rev, \(m).sender_id, \(m).content, \(m).created_at, \(m).client_key"
    }

    private struct Row {
        var senderID: Int64
        /// Where it ends in ``messages``, and its key in ``keyText``; each begins where the one before ends.
        var end: Int
        var keyEnd: Int
    }

    private let middle: [UInt8]
    private var rows: [Row] = []
    private var messages: JSONWriter
    private var keyText = JSONWriter()

    init(hallID: Int64, sizeExpected: Int) {
        var middle = JSONWriter()
        middle.raw(",\"hall_id\":")
        middle.integer(hallID)
        middle.raw(",\"rev\":")
        self.middle = middle.bytes
        messages = JSONWriter(capacity: 256 * sizeExpected)
        rows.reserveCapacity(sizeExpected)
    }

    /// How many messages there are.
    var count: Int { rows.count }

    /// The position of the message that begins at some column of a row.
    static func rev(_ row: FastStatement, at column: Int32) -> Int64 { row.integer(column + 1) }

    /// Appends the message that begins at some column of a row. The newest comes first.
    mutating func append(
        _ row: FastStatement, at column: Int32, _ senders: inout SenderTexts, _ db: Database
    ) throws {
        let senderID = row.integer(column + 2)
        messages.raw("{\"id\":")
        messages.integer(row.integer(column))
        messages.raw(middle)
        messages.integer(row.integer(column + 1))
        try senders.write(senderID, to: &messages, db)
        row.write(column + 3, to: &messages)
        messages.raw(",\"created_at\":")
        row.write(column + 4, to: &messages)
        messages.raw("}")
        if !row.isNull(column + 5) {
            keyText.raw(",\"client_key\":")
            row.write(column + 5, to: &keyText)
        }
        rows.append(
            Row(senderID: senderID, end: messages.bytes.count, keyEnd: keyText.bytes.count))
    }

    /// The page, oldest message first.
    ///
    /// - Parameter isComplete: what it says as an answer to `since_rev`; `nil` for one that is none.
    func page(_ version: HistoryVersion, hasMore: Bool, isComplete: Bool? = nil) -> HistoryPage {
        var json = JSONWriter(capacity: messages.bytes.count + rows.count + 64)
        var keys: [HistoryPage.Key] = []
        var keyText: [UInt8] = []
        keys.reserveCapacity(rows.count)
        keyText.reserveCapacity(self.keyText.bytes.count)
        json.raw("{\"messages\":[")
        for index in rows.indices.reversed() {
            let (start, keyStart) =
                index == 0 ? (0, 0) : (rows[index - 1].end, rows[index - 1].keyEnd)
            let row = rows[index]
            if index < rows.count - 1 { json.raw(",") }
            json.raw(messages.bytes, in: start..<row.end)
            guard keyStart < row.keyEnd else { continue }
            keyText += self.keyText.bytes[keyStart..<row.keyEnd]
            // Before the brace at the message's end.
            keys.append(
                HistoryPage.Key(
                    senderID: row.senderID, position: json.bytes.count - 1, end: keyText.count))
        }
        json.raw("],\"rev\":")
        json.integer(version.rev)
        json.raw(",\"has_more\":")
        json.bool(hasMore)
        if let isComplete {
            json.raw(",\"complete\":")
            json.bool(isComplete)
        }
        json.raw("}")
        return HistoryPage(version: version, json: json.bytes, keys: keys, keyText: keyText)
    }
}
