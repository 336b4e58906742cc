// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// Where a hall's history stands: as long as it is the same, so is every page of it, to the byte.
///
/// The position alone would not do: when a backup is put back, the hall comes by the same positions again, with other
/// messages and other changes. What was said last and what was changed last, and when, tell one past from the other.
public struct HistoryVersion: Sendable, Hashable {
    /// The hall's position.
    public var rev: Int64
    /// How often messages of the hall were changed.
    public var change: Int64
    /// The message that brought the hall there; 0 in a hall where nothing was said.
    public var messageID: Int64
    /// When that was.
    public var createdAt: String
    /// The message that was changed last; 0 where none was.
    public var changedID: Int64
    /// When it was edited; empty where it was not, or has been deleted.
    public var editedAt: String
    /// How often anybody in the chat got another username: messages have those in them.
    public var renames: Int64

    /// Makes a version of its parts.
    public init(
        rev: Int64, change: Int64, messageID: Int64, createdAt: String, changedID: Int64 = 0,
        editedAt: String = "", renames: Int64 = 0
    ) {
        self.rev = rev
        self.change = change
        self.messageID = messageID
        self.createdAt = createdAt
        self.changedID = changedID
        self.editedAt = editedAt
        self.renames = renames
    }
}

/// A page of a hall's history, as the JSON of docs/protocol.md: the same for all members but for the client keys, which
/// only their senders see. A class, so that the threads that answer with the same page share it at the price of one.
public final class HistoryPage: Sendable {
    /// A client key, and where it would stand.
    struct Key: Sendable {
        var senderID: Int64
        /// Where in ``HistoryPage/json`` it would be put in.
        var position: Int
        /// Where in ``HistoryPage/keyText`` it ends; it begins where the one before ends.
        var end: Int
    }

    /// The number of the format. It is in the tags by which browsers know what they have: whoever changes what a page
    /// looks like changes it, too.
    public static let format: Int64 = 2

    /// Of which state of the hall it is.
    public let version: HistoryVersion
    /// The page without client keys.
    let json: [UInt8]
    /// The keys' members in the order of their places, `,"client_key":"…"` each.
    let keys: [Key]
    let keyText: [UInt8]

    init(version: HistoryVersion, json: [UInt8], keys: [Key], keyText: [UInt8]) {
        self.version = version
        self.json = json
        self.keys = keys
        self.keyText = keyText
    }

    /// How much memory it takes, about.
    public var byteCount: Int {
        json.count + keyText.count + keys.count * MemoryLayout<Key>.stride
    }

    /// The page as one member sees it.
    public func json(for userID: Int64) -> [UInt8] {
        guard keys.contains(where: { $0.senderID == userID }) else { return json }
        var body: [UInt8] = []
        body.reserveCapacity(json.count + keyText.count)
        var (done, start) = (0, 0)
        for key in keys {
            defer { start = key.end }
            guard key.senderID == userID else { continue }
            body += json[done..<key.position]
            body += keyText[start..<key.end]
            done = key.position
        }
        return body + json[done...]
    }
}
