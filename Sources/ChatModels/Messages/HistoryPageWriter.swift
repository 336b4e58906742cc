// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// Puts a ``HistoryPage`` together, newest message first: an engine may append its rows as they are.
struct HistoryPageWriter {
    /// Where the pieces of a message end; each begins where the one before ends.
    private struct Row {
        var senderID: Int64
        /// In ``messages``: where what everybody sees ends but for the end of the message, and where that is.
        var keyPlace: Int
        var end: Int
        /// In ``keyText``.
        var keyEnd: Int
    }

    private let sizeExpected: Int
    private var rows: [Row] = []
    private var messages: JSONWriter
    private var keyText = JSONWriter()

    init(sizeExpected: Int) {
        self.sizeExpected = sizeExpected
        messages = JSONWriter(capacity: 256 * sizeExpected)
        rows.reserveCapacity(sizeExpected)
    }

    /// How many messages there are.
    var count: Int { rows.count }

    mutating func append(_ message: borrowing some MessageFields & ~Copyable) {
        MessageJSON.begin(message, to: &messages)
        let keyPlace = messages.bytes.count
        MessageJSON.end(&messages)
        if message.hasClientKey {
            if keyText.bytes.isEmpty { keyText.bytes.reserveCapacity(64 * sizeExpected) }
            MessageJSON.writeKey(of: message, to: &keyText)
        }
        rows.append(
            Row(
                senderID: message.senderID, keyPlace: keyPlace, end: messages.bytes.count,
                keyEnd: keyText.bytes.count))
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
            let place = json.bytes.count + row.keyPlace - start
            json.raw(messages.bytes, in: start..<row.end)
            guard keyStart < row.keyEnd else { continue }
            keyText.raw(self.keyText.bytes, in: keyStart..<row.keyEnd)
            keys.append(
                HistoryPage.Key(
                    senderID: row.senderID, position: place, end: keyText.bytes.count))
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
            json.raw(",\"changed\":")
            json.array(changed) { $0.write(to: &$1, for: userID) }
        }
        json.raw("}")
        return HistoryPage(version: version, json: json.bytes, keys: keys, keyText: keyText.bytes)
    }
}
