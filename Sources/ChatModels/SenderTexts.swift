// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import GRDB

/// What a message says of its sender, as JSON, for the senders that a connection has met: a hall has many messages of few
/// people, and nobody is ever renamed.
struct SenderTexts {
    private static let bytesMax = 256 << 10
    private var places: [Int64: Range<Int>] = [:]  // sender → where in `texts`
    private var texts = JSONWriter()

    /// Writes everything between a message's position and its content.
    mutating func write(_ id: Int64, to json: inout JSONWriter, _ db: Database) throws {
        let place = try places[id] ?? learn(id, db)
        json.raw(texts.bytes, in: place)
    }

    private mutating func learn(_ id: Int64, _ db: Database) throws -> Range<Int> {
        let names = try FastStatement("SELECT username FROM users WHERE id = ?", in: db)
        names.bind(1, id)
        guard try names.step() else { throw ChatError(.internalError) }
        defer { names.finish() }
        if texts.bytes.count > Self.bytesMax { self = SenderTexts() }
        let start = texts.bytes.count
        texts.raw(",\"sender_id\":")
        texts.integer(id)
        texts.raw(",\"username\":")
        names.write(0, to: &texts)
        texts.raw(",\"content\":")
        places[id] = start..<texts.bytes.count
        return start..<texts.bytes.count
    }
}
