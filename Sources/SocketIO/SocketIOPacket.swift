// SPDX-License-Identifier: Apache-2.0

public import CompactJSON

/// A packet of Socket.IO, revision 5: what an Engine.IO message carries.
///
/// Source: the Socket.IO protocol, "Packet encoding": `<type>[<attachments>-][<namespace>,][<id>][JSON]`.
public struct SocketIOPacket: Sendable, Equatable {
    /// What a packet is for.
    public enum Kind: Sendable, Equatable {
        /// Asks for a namespace, or grants it.
        case connect
        /// Leaves a namespace, or takes it away.
        case disconnect
        /// An event: an array that begins with its name.
        case event
        /// Answers an event: an array of arguments.
        case ack
        /// Refuses a namespace.
        case connectError
    }

    /// Why bytes are not a packet.
    public enum DecodingError: Error, Equatable, Sendable {
        /// There is no type, or none of the protocol's.
        case unknownType
        /// The number of attachments is malformed, or above the limit.
        case attachments
        /// The id of an acknowledgement is malformed or missing.
        case id
        /// The payload is not JSON.
        case json(JSONError)
        /// The payload is JSON, but not what this kind of packet carries.
        case payload
    }

    /// The most attachments that a packet may announce; upstream's limit since parser 4.2.6.
    public static let attachmentsMax = 10

    /// What it is for.
    public var kind: Kind
    /// The namespace; `/` is the default one.
    public var namespace: String
    /// The number by which an acknowledgement is asked for and given.
    public var id: Int64?
    /// The payload.
    public var data: JSONValue?
    /// How many binary messages follow that belong to it.
    public var attachmentCount: Int
    /// Whether a text in the payload had a surrogate without its other half, where U+FFFD stands now. Only an event may: it
    /// is what a client says, and can be answered; a connection need not end for it.
    public private(set) var hasLoneSurrogate = false

    /// Makes a packet of its parts.
    public init(
        _ kind: Kind, namespace: String = "/", id: Int64? = nil, data: JSONValue? = nil,
        attachmentCount: Int = 0
    ) {
        self.kind = kind
        self.namespace = namespace
        self.id = id
        self.data = data
        self.attachmentCount = attachmentCount
    }

    // MARK: Decoding

    /// Reads a packet from the payload of an Engine.IO message.
    ///
    /// - Parameter depthMax: how deep its JSON may be nested.
    public init(decoding text: ArraySlice<UInt8>, depthMax: Int = 32) throws(DecodingError) {
        guard let digit = text.first else { throw .unknownType }
        var rest = text.dropFirst()
        let isBinary: Bool
        switch digit {
        case UInt8(ascii: "0"): (kind, isBinary) = (.connect, false)
        case UInt8(ascii: "1"): (kind, isBinary) = (.disconnect, false)
        case UInt8(ascii: "2"): (kind, isBinary) = (.event, false)
        case UInt8(ascii: "3"): (kind, isBinary) = (.ack, false)
        case UInt8(ascii: "4"): (kind, isBinary) = (.connectError, false)
        case UInt8(ascii: "5"): (kind, isBinary) = (.event, true)
        case UInt8(ascii: "6"): (kind, isBinary) = (.ack, true)
        default: throw .unknownType
        }
        attachmentCount = isBinary ? try Self.takeAttachmentCount(&rest) : 0
        namespace = Self.takeNamespace(&rest)
        id = try Self.takeNumber(&rest)
        if rest.isEmpty {
            data = nil
        } else {
            do {
                data = try JSONValue(
                    parsing: rest, depthMax: depthMax, hasLoneSurrogate: &hasLoneSurrogate)
            } catch {
                throw .json(error)
            }
            guard !hasLoneSurrogate || kind == .event else { throw .json(.loneSurrogate) }
        }
        try check()
    }

    private static func takeAttachmentCount(
        _ rest: inout ArraySlice<UInt8>
    ) throws(DecodingError) -> Int {
        guard let count = try takeNumber(&rest), rest.first == UInt8(ascii: "-") else {
            throw .attachments
        }
        rest.removeFirst()
        guard (0...Int64(attachmentsMax)).contains(count) else { throw .attachments }
        return Int(count)
    }

    /// `/name,` or, at the end, `/name`. A query behind the name, as older clients send it, is not part of it.
    private static func takeNamespace(_ rest: inout ArraySlice<UInt8>) -> String {
        guard rest.first == UInt8(ascii: "/") else { return "/" }
        let end = rest.firstIndex(of: UInt8(ascii: ",")) ?? rest.endIndex
        let name = String(decoding: rest[..<end].prefix { $0 != UInt8(ascii: "?") }, as: UTF8.self)
        rest = rest[end...].dropFirst()
        return name
    }

    private static func takeNumber(_ rest: inout ArraySlice<UInt8>) throws(DecodingError) -> Int64?
    {
        var number: Int64?
        while let byte = rest.first, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte {
            number = (number ?? 0) * 10 + Int64(byte - UInt8(ascii: "0"))
            // Ids are counted in ECMAScript's numbers: whole ones end at 2^53.
            guard let number, number <= 1 << 53 else { throw .id }
            rest.removeFirst()
        }
        return number
    }

    /// Holds the payload against what its kind carries; the rules are those of the JavaScript parser.
    private func check() throws(DecodingError) {
        switch (kind, data) {
        case (.connect, nil), (.connect, .object), (.disconnect, nil): return
        case (.connectError, .string), (.connectError, .object): return
        case (.event, .array(let elements)):
            switch elements.first {
            case .string(let name) where !Self.reservedNames.contains(where: name.isExactly): return
            case .number: return
            default: throw .payload
            }
        case (.ack, .array):
            guard id != nil else { throw .id }
        default: throw .payload
        }
    }

    /// Names that the clients' own events have; nobody may send one.
    private static let reservedNames = [
        "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener",
    ]

    // MARK: Encoding

    /// The packet as the payload of an Engine.IO message.
    public var text: [UInt8] {
        var writer = JSONWriter(capacity: 64)
        Self.writeHead(
            kind, namespace: namespace, id: id, attachmentCount: attachmentCount, to: &writer)
        if let data { writer.write(data) }
        return writer.bytes
    }

    /// Appends what stands before the JSON of a packet; for who writes the JSON by hand.
    public static func writeHead(
        _ kind: Kind, namespace: String = "/", id: Int64? = nil, attachmentCount: Int = 0,
        to writer: inout JSONWriter
    ) {
        switch (kind, attachmentCount > 0) {
        case (.connect, _): writer.raw("0")
        case (.disconnect, _): writer.raw("1")
        case (.event, false): writer.raw("2")
        case (.ack, false): writer.raw("3")
        case (.connectError, _): writer.raw("4")
        case (.event, true): writer.raw("5")
        case (.ack, true): writer.raw("6")
        }
        if attachmentCount > 0 {
            writer.integer(Int64(attachmentCount))
            writer.raw("-")
        }
        if namespace != "/" {
            writer.raw(namespace.utf8)
            writer.raw(",")
        }
        if let id { writer.integer(id) }
    }
}

/// Puts a packet together with the binary messages that follow it.
public struct SocketIOPacketAssembler: Sendable {
    /// A packet with everything that belongs to it.
    public struct Assembled: Sendable, Equatable {
        /// The packet; in its payload `{"_placeholder":true,"num":N}` stands for the N-th attachment.
        public var packet: SocketIOPacket
        /// The binary messages.
        public var attachments: [[UInt8]]
    }

    /// Why messages do not fit together.
    public enum AssemblyError: Error, Equatable, Sendable {
        /// A binary message to which no packet belongs.
        case unexpectedAttachment
        /// A packet while attachments of another are missing.
        case missingAttachment
        /// A packet's attachments are together larger than a payload may be.
        case tooLarge
        /// A placeholder stands for an attachment that the packet has not.
        case placeholder
    }

    private var waiting: Assembled?
    private var bytesLeft = 0

    /// Makes an assembler that waits for nothing.
    public init() {}

    /// Takes a packet; returns it if it is whole.
    ///
    /// - Parameter bytesMax: how many bytes its attachments may have together.
    public mutating func take(
        _ packet: SocketIOPacket, bytesMax: Int
    ) throws(AssemblyError) -> Assembled? {
        guard waiting == nil else { throw .missingAttachment }
        let assembled = Assembled(packet: packet, attachments: [])
        guard packet.attachmentCount > 0 else { return assembled }
        if let data = packet.data, !Self.hasPlaceholders(data, only: packet.attachmentCount) {
            throw .placeholder
        }
        waiting = assembled
        bytesLeft = bytesMax
        return nil
    }

    /// Takes a binary message; returns the packet if it was the last that it waited for.
    public mutating func take(attachment: ArraySlice<UInt8>) throws(AssemblyError) -> Assembled? {
        guard var assembled = waiting else { throw .unexpectedAttachment }
        bytesLeft -= attachment.count
        guard bytesLeft >= 0 else { throw .tooLarge }
        assembled.attachments.append(Array(attachment))
        guard assembled.attachments.count == assembled.packet.attachmentCount else {
            waiting = assembled
            return nil
        }
        waiting = nil
        return assembled
    }

    /// Whether all placeholders in a value stand for one of so many attachments.
    private static func hasPlaceholders(_ value: JSONValue, only count: Int) -> Bool {
        switch value {
        case .array(let elements): elements.allSatisfy { hasPlaceholders($0, only: count) }
        case .object(let members):
            if value["_placeholder"]?.bool == true {
                value["num"]?.integer.map { (0..<Int64(count)).contains($0) } ?? false
            } else {
                members.allSatisfy { hasPlaceholders($0.value, only: count) }
            }
        case .null, .bool, .number, .string: true
        }
    }
}
