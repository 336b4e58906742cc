// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import GRDB

/// A user's halls, as the JSON of docs/protocol.md.
public struct HallList: Sendable {
    /// `{"halls":[…]}`
    public let json: [UInt8]
    /// A hash of it: another list, another fingerprint.
    public let fingerprint: String
    /// Up to where in the log of changes it is known to be right.
    public let position: Int64
    let count: Int

    /// How much memory it takes, about.
    public var byteCount: Int { json.count + 64 }

    fileprivate init(_ rows: FastStatement, at position: Int64) throws {
        defer { rows.finish() }
        var json = JSONWriter(capacity: 1_024)
        var count = 0
        json.raw("{\"halls\":[")
        while try rows.step() {
            if count > 0 { json.raw(",") }
            Self.write(rows, to: &json)
            count += 1
        }
        json.raw("]}")
        self.json = json.bytes
        self.count = count
        self.position = position
        fingerprint = Fingerprint.hexadecimal(of: json.bytes)
    }

    fileprivate init(_ list: HallList, movedTo position: Int64) {
        (json, fingerprint, count) = (list.json, list.fingerprint, list.count)
        self.position = position
    }

    private static func write(_ row: FastStatement, to json: inout JSONWriter) {
        json.raw("{\"id\":")
        json.integer(row.integer(0))
        json.raw(",\"name\":")
        row.write(1, to: &json)
        json.raw(",\"private\":")
        json.bool(row.bool(2))
        json.raw(",\"role\":")
        if row.isNull(3) { json.raw("null") } else { row.write(3, to: &json) }
        json.raw(",\"rev\":")
        json.integer(row.integer(4))
        json.raw(",\"change\":")
        json.integer(row.integer(5))
        json.raw(",\"archived\":")
        json.bool(row.bool(6))
        json.raw("}")
    }
}

extension ChatReader {
    /// The user's halls, by name.
    ///
    /// - Parameter kept: a list of that user's that was read before; it is given back as long as it is right, which the
    ///   log of changes knows.
    public func halls(of userID: Int64, kept: HallList? = nil) throws -> HallList {
        let newest = try ChatDatabase.newestChange(db)
        if let kept, try isRight(kept, of: userID, upTo: newest) {
            return HallList(kept, movedTo: newest)
        }
        let rows = try FastStatement(ChatDatabase.hallsOfUser, in: db)
        rows.bind(1, userID)
        return try HallList(rows, at: newest)
    }

    /// The halls that the user may join, by name.
    public func hallsOpen(to userID: Int64) throws -> HallList {
        let rows = try FastStatement(ChatDatabase.hallsOpenToUser, in: db)
        rows.bind(1, userID)
        rows.bind(2, Int64(database.limits.hallsPerUserMax))
        return try HallList(rows, at: 0)
    }

    /// Whether nothing happened to a list since it was read.
    private func isRight(_ list: HallList, of userID: Int64, upTo newest: Int64) throws -> Bool {
        if list.position == newest { return true }
        // To look through more of the log than there are halls would cost more than to read them.
        let missing = newest - list.position
        var looksLeft = Int64(max(list.count, 8))
        guard 1...looksLeft ~= missing else { return false }
        let entries = try FastStatement(Self.changesToList, in: db)
        entries.bind(1, userID)
        entries.bind(2, list.position)
        defer { entries.finish() }
        var seen: Int64 = 0
        while try entries.step() {
            if entries.bool(0) { return false }
            if !entries.isNull(2) {
                let (first, last) = (entries.integer(1), entries.integer(2))
                looksLeft -= last - first
                if looksLeft < 0 { return false }
                if try areAnyInHalls(of: userID, first, last) { return false }
            }
            seen += 1
        }
        // The log has no holes, so that one that is not seen was pruned.
        return seen == missing
    }

    /// Whether one of the messages of an entry was said in a hall of the user's.
    private func areAnyInHalls(of userID: Int64, _ first: Int64, _ last: Int64) throws -> Bool {
        let messages = try FastStatement(
            """
            SELECT 1 FROM messages m CROSS JOIN user_halls uh
                ON uh.user_id = ? AND uh.hall_id = m.hall_id
            WHERE m.id BETWEEN ? AND ? LIMIT 1
            """, in: db)
        messages.bind(1, userID)
        messages.bind(2, first)
        messages.bind(3, last)
        defer { messages.finish() }
        return try messages.step()
    }

    // Who leaves a hall, or comes into one, is named by the entry itself.
    private static let changesToList = """
        SELECT c.user_id IS ?1 OR EXISTS (
            SELECT 1 FROM user_halls uh WHERE uh.user_id = ?1 AND uh.hall_id = c.hall_id),
            c.message_id, c.last_message_id
        FROM changes c WHERE c.id > ?2 ORDER BY c.id
        """
}
