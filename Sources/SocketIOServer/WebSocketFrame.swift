// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// What breaks RFC 6455, as the status code that it is answered with (§7.4.1).
enum WebSocketError: Error, Equatable {
    case protocolError
    case invalidText
    case tooLarge
}

/// A frame as it came, unmasked.
struct WebSocketFrame: Equatable {
    enum Opcode: UInt8 {
        case continuation = 0
        case text = 1
        case binary = 2
        case close = 8
        case ping = 9
        case pong = 10
    }

    var opcode: Opcode
    var isFinal: Bool
    var payload: [UInt8]

    /// Takes the next frame of a client from a buffer; `nil` while it is not whole.
    static func read(
        from buffer: inout ByteBuffer, payloadMax: Int
    ) throws(WebSocketError) -> WebSocketFrame? {
        let start = buffer.readerIndex
        guard let first = buffer.getInteger(at: start, as: UInt8.self),
            let second = buffer.getInteger(at: start + 1, as: UInt8.self)
        else { return nil }
        // §5.2: the reserved bits belong to extensions, and none was agreed on.
        guard first & 0x70 == 0, let opcode = Opcode(rawValue: first & 0x0F) else {
            throw .protocolError
        }
        // §5.1: a client masks every frame.
        guard second & 0x80 != 0 else { throw .protocolError }
        let isFinal = first & 0x80 != 0
        if opcode.rawValue >= 8 {
            // §5.5: control frames are whole, and small.
            guard isFinal, second & 0x7F <= 125 else { throw .protocolError }
        }
        var length = Int(second & 0x7F)
        var keyStart = start + 2
        if length == 126 {
            guard let extended = buffer.getInteger(at: keyStart, as: UInt16.self) else {
                return nil
            }
            // §5.2: the shortest form of a length has to be used.
            guard extended > 125 else { throw .protocolError }
            length = Int(extended)
            keyStart += 2
        } else if length == 127 {
            guard let extended = buffer.getInteger(at: keyStart, as: UInt64.self) else {
                return nil
            }
            guard extended > 0xFFFF, extended < 1 << 63 else { throw .protocolError }
            length = Int(extended)
            keyStart += 8
        }
        guard length <= payloadMax else { throw .tooLarge }
        guard let key = buffer.getInteger(at: keyStart, as: UInt32.self),
            var payload = buffer.getBytes(at: keyStart + 4, length: length)
        else { return nil }
        buffer.moveReaderIndex(to: keyStart + 4 + length)
        unmask(&payload, key: key)
        return WebSocketFrame(opcode: opcode, isFinal: isFinal, payload: payload)
    }

    /// §5.3: each byte is combined with one of the key's four.
    private static func unmask(_ payload: inout [UInt8], key: UInt32) {
        let keys = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: key >> UInt32($0)) }
        let (first, second, third, fourth) = (keys[0], keys[1], keys[2], keys[3])
        var index = 0
        while index + 4 <= payload.count {
            payload[index] ^= first
            payload[index + 1] ^= second
            payload[index + 2] ^= third
            payload[index + 3] ^= fourth
            index += 4
        }
        while index < payload.count {
            payload[index] ^= keys[index & 3]
            index += 1
        }
    }
}

extension ByteBuffer {
    /// A buffer with one unmasked, whole frame.
    static func webSocketFrame(
        _ opcode: WebSocketFrame.Opcode, _ payload: some Collection<UInt8>
    ) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: payload.count + 10)
        buffer.writeWebSocketFrame(opcode, payload)
        return buffer
    }

    /// Appends an unmasked, whole frame, as a server sends one.
    mutating func writeWebSocketFrame(
        _ opcode: WebSocketFrame.Opcode, _ payload: some Collection<UInt8>
    ) {
        writeInteger(0x80 | opcode.rawValue)
        switch payload.count {
        case ...125: writeInteger(UInt8(payload.count))
        case ...0xFFFF:
            writeInteger(UInt8(126))
            writeInteger(UInt16(payload.count))
        default:
            writeInteger(UInt8(127))
            writeInteger(UInt64(payload.count))
        }
        writeBytes(payload)
    }
}

/// What a client said, once fragments are put together and checked.
enum WebSocketMessage: Equatable, Sendable {
    case text([UInt8])
    case binary([UInt8])
    case ping([UInt8])
    case pong
    /// The other side closes; what it said as the reason is checked and dropped.
    case close(code: UInt16?)
}

/// Puts frames together to messages (RFC 6455 §5.4); control frames may come between fragments.
struct WebSocketMessageReader {
    private var fragments: (isText: Bool, bytes: [UInt8])?

    /// Takes the next message from a buffer; `nil` while none is whole.
    ///
    /// - Parameter payloadMax: the most bytes in a message, whether it comes in one frame or in many.
    mutating func next(
        from buffer: inout ByteBuffer, payloadMax: Int
    ) throws(WebSocketError) -> WebSocketMessage? {
        while let frame = try WebSocketFrame.read(from: &buffer, payloadMax: payloadMax) {
            if let message = try take(frame, payloadMax: payloadMax) { return message }
        }
        return nil
    }

    private mutating func take(
        _ frame: WebSocketFrame, payloadMax: Int
    ) throws(WebSocketError) -> WebSocketMessage? {
        switch frame.opcode {
        case .ping: return .ping(frame.payload)
        case .pong: return .pong
        case .close: return try Self.close(frame.payload)
        case .text, .binary:
            guard fragments == nil else { throw .protocolError }
            let isText = frame.opcode == .text
            if frame.isFinal { return try Self.message(isText: isText, frame.payload) }
            fragments = (isText, frame.payload)
            return nil
        case .continuation:
            guard let count = fragments?.bytes.count else { throw .protocolError }
            guard count + frame.payload.count <= payloadMax else { throw .tooLarge }
            // In place: a message of a million fragments must not be copied a million times.
            fragments?.bytes.append(contentsOf: frame.payload)
            guard frame.isFinal, let (isText, bytes) = fragments else { return nil }
            fragments = nil
            return try Self.message(isText: isText, bytes)
        }
    }

    private static func message(
        isText: Bool, _ bytes: [UInt8]
    ) throws(WebSocketError) -> WebSocketMessage {
        guard isText else { return .binary(bytes) }
        guard isUTF8(bytes[...]) else { throw .invalidText }
        return .text(bytes)
    }

    /// §7.4: which codes may be sent, and that the reason is text.
    private static func close(_ payload: [UInt8]) throws(WebSocketError) -> WebSocketMessage {
        guard !payload.isEmpty else { return .close(code: nil) }
        guard payload.count >= 2 else { throw .protocolError }
        let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: break
        default: throw .protocolError
        }
        guard isUTF8(payload[2...]) else { throw .invalidText }
        return .close(code: code)
    }
}

/// Whether bytes are UTF-8 (RFC 3629).
func isUTF8(_ bytes: ArraySlice<UInt8>) -> Bool {
    (try? UTF8Span(validating: bytes.span)) != nil
}
