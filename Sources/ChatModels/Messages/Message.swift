// SPDX-License-Identifier: Apache-2.0

/// A message in a hall. Its receivers are the members of the hall.
public struct Message: Sendable, Hashable {
    /// The number that gives the order; grows over all halls.
    public var id: Int64
    /// The hall it was said in.
    public var hallID: Int64
    /// The hall's position after it.
    public var rev: Int64
    /// Who said it.
    public var senderID: Int64
    /// The sender's name.
    public var username: String
    /// What was said.
    public var content: String
    /// When, by the server's clock: UTC, ISO 8601 with milliseconds.
    public var createdAt: String
    /// The sender's own key for it, if there was one.
    public var clientKey: String?
    /// What became of it since; `nil` where it is as it was said.
    public var change: MessageChange?

    /// Makes a message of its parts.
    public init(
        id: Int64, hallID: Int64, rev: Int64, senderID: Int64, username: String, content: String,
        createdAt: String, clientKey: String? = nil, change: MessageChange? = nil
    ) {
        self.id = id
        self.hallID = hallID
        self.rev = rev
        self.senderID = senderID
        self.username = username
        self.content = content
        self.createdAt = createdAt
        self.clientKey = clientKey
        self.change = change
    }
}

/// What somebody wants to say.
public struct NewMessage: Sendable, Hashable {
    /// Where.
    public var hallID: Int64
    /// Who.
    public var senderID: Int64
    /// What.
    public var content: String
    /// The sender's own key: a retry carries the same one and makes no second message.
    public var clientKey: String?

    /// Makes a message that is not yet said.
    public init(hallID: Int64, senderID: Int64, content: String, clientKey: String? = nil) {
        self.hallID = hallID
        self.senderID = senderID
        self.content = content
        self.clientKey = clientKey
    }

    /// Refuses what no hall takes: nothing to see, too much text, a key that is none.
    public func check(_ limits: Limits) throws(ChatError) {
        try Self.check(content, limits)
        if let clientKey {
            let isAllowed = clientKey.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
            guard isAllowed, (1...Limits.clientKeyLengthMax).contains(clientKey.utf8.count) else {
                throw ChatError(.invalidClientKey, limit: Limits.clientKeyLengthMax)
            }
        }
    }

    /// Refuses the text of a message that no hall takes.
    static func check(_ content: String, _ limits: Limits) throws(ChatError) {
        // A code point has a byte at least, so most messages need no count.
        if content.utf8.count > limits.messageLengthMax,
            content.unicodeScalars.count > limits.messageLengthMax
        {
            throw ChatError(
                .messageTooLong,
                "A message has at most \(limits.messageLengthMax) characters.",
                limit: limits.messageLengthMax)
        }
        let bytes = content.utf8Span.span
        guard Self.hasVisibleASCII(bytes) || content.unicodeScalars.contains(where: \.isVisible)
        else { throw ChatError(.messageEmpty) }
        guard !Self.hasNUL(bytes) else {
            throw ChatError(.invalidRequest, "A message has no NUL characters.")
        }
    }
}

extension NewMessage {
    /// Whether there is a letter, a digit or a sign of ASCII: in most languages one of the first bytes answers that, and
    /// Unicode's tables need not be asked.
    private static func hasVisibleASCII(_ bytes: Span<UInt8>) -> Bool {
        for index in bytes.indices where 0x21...0x7E ~= bytes[index] { return true }
        return false
    }

    // Without a way out, so that many bytes are looked at at once.
    private static func hasNUL(_ bytes: Span<UInt8>) -> Bool {
        var lowest = UInt8.max
        for index in bytes.indices { lowest = min(lowest, bytes[index]) }
        return lowest == 0
    }
}
