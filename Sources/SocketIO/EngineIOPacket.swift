// SPDX-License-Identifier: Apache-2.0

/// A packet of Engine.IO, revision 4: what travels in a WebSocket message, or several of them in the body of a poll.
///
/// Source: the Engine.IO protocol, "Packet encoding".
public enum EngineIOPacket: Sendable, Equatable {
    /// Begins a session; the payload is the handshake.
    case open(ArraySlice<UInt8>)
    /// Ends a session.
    case close
    /// Asks whether the other side is there. Sent by the server; by a client only as `probe` during an upgrade.
    case ping(ArraySlice<UInt8>)
    /// Answers a ping.
    case pong(ArraySlice<UInt8>)
    /// A message in text, UTF-8.
    case message(ArraySlice<UInt8>)
    /// A message in binary.
    case binary(ArraySlice<UInt8>)
    /// Ends an upgrade: from now on this transport is used.
    case upgrade
    /// Nothing; releases a waiting poll during an upgrade.
    case noop

    /// Why bytes are not a packet.
    public enum DecodingError: Error, Equatable, Sendable {
        /// There is not even a type.
        case empty
        /// The type is none of the protocol's.
        case unknownType(UInt8)
        /// What should be base64 is not.
        case invalidBase64
    }

    /// The type digits.
    enum Digit {
        static let open = UInt8(ascii: "0")
        static let close = UInt8(ascii: "1")
        static let ping = UInt8(ascii: "2")
        static let pong = UInt8(ascii: "3")
        static let message = UInt8(ascii: "4")
        static let upgrade = UInt8(ascii: "5")
        static let noop = UInt8(ascii: "6")
        /// Binary in a poll, as base64.
        static let base64 = UInt8(ascii: "b")
    }

    /// Reads a packet from a text message of a WebSocket.
    public init(text: ArraySlice<UInt8>) throws(DecodingError) {
        guard let type = text.first else { throw .empty }
        let payload = text.dropFirst()
        switch type {
        case Digit.open: self = .open(payload)
        case Digit.close: self = .close
        case Digit.ping: self = .ping(payload)
        case Digit.pong: self = .pong(payload)
        case Digit.message: self = .message(payload)
        case Digit.upgrade: self = .upgrade
        case Digit.noop: self = .noop
        default: throw .unknownType(type)
        }
    }

    /// Reads a packet from a poll's body, where binary is base64 behind a `b`.
    public init(polled text: ArraySlice<UInt8>) throws(DecodingError) {
        guard text.first == Digit.base64 else {
            try self.init(text: text)
            return
        }
        guard let bytes = Base64.decode(text.dropFirst()) else { throw .invalidBase64 }
        self = .binary(bytes[...])
    }

    /// The packet for a poll's body, and, but for binary messages, for a WebSocket's text message.
    public var text: [UInt8] {
        switch self {
        case .open(let payload): [Digit.open] + payload
        case .close: [Digit.close]
        case .ping(let payload): [Digit.ping] + payload
        case .pong(let payload): [Digit.pong] + payload
        case .message(let payload): [Digit.message] + payload
        case .binary(let payload): [Digit.base64] + Base64.encode(payload)
        case .upgrade: [Digit.upgrade]
        case .noop: [Digit.noop]
        }
    }
}

/// The body of a poll: packets, with a byte between them that occurs in none (record separator).
public enum EngineIOPayload {
    /// The byte between two packets.
    public static let separator: UInt8 = 0x1E

    /// Reads the packets of a body.
    ///
    /// - Parameter packetsMax: how many are read at most.
    /// - Returns: the packets; `nil` if there are more.
    /// - Throws: the first packet's error that is none.
    public static func decode(
        _ body: [UInt8], packetsMax: Int
    ) throws(EngineIOPacket.DecodingError) -> [EngineIOPacket]? {
        var packets: [EngineIOPacket] = []
        var start = body.startIndex
        while true {
            let end = body[start...].firstIndex(of: separator) ?? body.endIndex
            guard packets.count < packetsMax else { return nil }
            packets.append(try EngineIOPacket(polled: body[start..<end]))
            guard end < body.endIndex else { return packets }
            start = end + 1
        }
    }
}

/// What the server says first: the session's id and the terms.
public struct EngineIOHandshake: Sendable {
    /// The session's id.
    public var sid: String
    /// What the client may upgrade to.
    public var upgrades: [String]
    /// Milliseconds between two pings of the server.
    public var pingInterval: Int64
    /// Milliseconds that the client has to answer one.
    public var pingTimeout: Int64
    /// The most bytes in one body of a poll or one message.
    public var maxPayload: Int

    /// Makes a handshake of its parts.
    public init(
        sid: String, upgrades: [String], pingInterval: Int64, pingTimeout: Int64, maxPayload: Int
    ) {
        self.sid = sid
        self.upgrades = upgrades
        self.pingInterval = pingInterval
        self.pingTimeout = pingTimeout
        self.maxPayload = maxPayload
    }

    /// The open packet, with its type.
    public var packet: [UInt8] {
        let upgrades = upgrades.map { "\"\($0)\"" }.joined(separator: ",")
        return Array(
            """
            0{"sid":"\(sid)","upgrades":[\(upgrades)],"pingInterval":\(pingInterval),\
            "pingTimeout":\(pingTimeout),"maxPayload":\(maxPayload)}
            """.utf8)
    }
}
