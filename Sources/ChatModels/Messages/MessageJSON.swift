// SPDX-License-Identifier: Apache-2.0

public import CompactJSON

/// What a message's JSON is made of. A value has it in strings; a row of an engine may write its bytes as they are.
protocol MessageFields: ~Copyable {
    var id: Int64 { get }
    var rev: Int64 { get }
    var senderID: Int64 { get }
    var change: MessageChange? { get }
    var hasClientKey: Bool { get }

    /// Writes what ``MessageJSON/writeHall(_:to:)`` does, which is the same for all messages of a hall.
    func writeHall(to json: inout JSONWriter)
    /// Writes what ``MessageJSON/writeSender(_:_:to:)`` does, which is the same for all messages of a sender.
    func writeSender(to json: inout JSONWriter)
    /// Writes the text as a string of JSON.
    func writeContent(to json: inout JSONWriter)
    /// Writes the time as a string of JSON.
    func writeCreatedAt(to json: inout JSONWriter)
    /// Writes the key, which there is, as a string of JSON.
    func writeClientKey(to json: inout JSONWriter)
}

/// The one writer of what docs/protocol.md calls a message.
enum MessageJSON {
    /// Writes a message without the brace at its end: what only one reader sees stands before that.
    static func begin(
        _ message: borrowing some MessageFields & ~Copyable, to json: inout JSONWriter
    ) {
        json.raw("{\"id\":")
        json.integer(message.id)
        message.writeHall(to: &json)
        json.integer(message.rev)
        message.writeSender(to: &json)
        message.writeContent(to: &json)
        json.raw(",\"created_at\":")
        message.writeCreatedAt(to: &json)
        if let change = message.change { write(change, to: &json) }
    }

    /// Writes everything between a message's id and its position.
    static func writeHall(_ id: Int64, to json: inout JSONWriter) {
        json.raw(",\"hall_id\":")
        json.integer(id)
        json.raw(",\"rev\":")
    }

    /// Writes everything between a message's position and its text.
    static func writeSender(_ id: Int64, _ username: String, to json: inout JSONWriter) {
        json.raw(",\"sender_id\":")
        json.integer(id)
        json.raw(",\"username\":")
        json.string(username)
        json.raw(",\"content\":")
    }

    /// Writes the key that only its sender sees, if there is one.
    static func writeKey(
        of message: borrowing some MessageFields & ~Copyable, to json: inout JSONWriter
    ) {
        guard message.hasClientKey else { return }
        json.raw(",\"client_key\":")
        message.writeClientKey(to: &json)
    }

    static func end(_ json: inout JSONWriter) { json.raw("}") }

    private static func write(_ change: MessageChange, to json: inout JSONWriter) {
        json.raw(",\"change\":")
        json.integer(change.number)
        if let editedAt = change.editedAt {
            json.raw(",\"edited_at\":")
            json.string(editedAt)
        }
        if let deleted = change.deleted {
            json.raw(",\"deleted\":")
            json.string(deleted.rawValue)
        }
    }
}

extension EarlierText {
    /// The text as docs/protocol.md shows one.
    public func write(to json: inout JSONWriter) {
        json.raw("{\"content\":")
        json.string(content)
        json.raw(",\"until\":")
        json.string(until)
        json.raw("}")
    }
}

extension Message: MessageFields {
    func writeHall(to json: inout JSONWriter) { MessageJSON.writeHall(hallID, to: &json) }

    func writeSender(to json: inout JSONWriter) {
        MessageJSON.writeSender(senderID, username, to: &json)
    }

    func writeContent(to json: inout JSONWriter) { json.string(content) }

    func writeCreatedAt(to json: inout JSONWriter) { json.string(createdAt) }

    var hasClientKey: Bool { clientKey != nil }

    func writeClientKey(to json: inout JSONWriter) { json.string(clientKey ?? "") }

    /// The message as docs/protocol.md shows one. The client key goes to nobody but the sender.
    ///
    /// - Parameter readerID: who reads it; `nil` for everybody.
    public func write(to json: inout JSONWriter, for readerID: Int64? = nil) {
        MessageJSON.begin(self, to: &json)
        if readerID == senderID { MessageJSON.writeKey(of: self, to: &json) }
        MessageJSON.end(&json)
    }
}
