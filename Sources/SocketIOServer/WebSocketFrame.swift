// SPDX-License-Identifier: Apache-2.0

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

    /// Takes the next frame of a client from bytes; `nil` while it is not whole.
    ///
    /// - Parameters:
    ///   - place: where the frame begins; behind it afterwards.
    ///   - end: where the bytes end.
    static func read(
        from bytes: [UInt8], at place: inout Int, end: Int, payloadMax: Int
    ) throws(WebSocketError) -> WebSocketFrame? {
        guard place + 2 <= end else { return nil }
        let (first, second) = (bytes[place], bytes[place + 1])
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
        var keyStart = place + 2
        if length >= 126 {
            let width = length == 126 ? 2 : 8
            guard keyStart + width <= end else { return nil }
            let extended = bytes[keyStart..<keyStart + width].reduce(UInt64(0)) {
                $0 << 8 | UInt64($1)
            }
            // §5.2: the shortest form of a length has to be used.
            guard extended > (width == 2 ? 125 : 0xFFFF), extended < 1 << 63 else {
                throw .protocolError
            }
            length = Int(extended)
            keyStart += width
        }
        guard length <= payloadMax else { throw .tooLarge }
        let start = keyStart + 4
        guard start + length <= end else { return nil }
        place = start + length
        let key = (bytes[keyStart], bytes[keyStart + 1], bytes[keyStart + 2], bytes[keyStart + 3])
        return WebSocketFrame(
            opcode: opcode, isFinal: isFinal,
            payload: unmasked(bytes[start..<start + length], key: key))
    }

    /// §5.3: each byte is combined with one of the key's four.
    private static func unmasked(
        _ masked: ArraySlice<UInt8>, key: (UInt8, UInt8, UInt8, UInt8)
    ) -> [UInt8] {
        var payload = Array(masked)
        let word = [key.0, key.1, key.2, key.3, key.0, key.1, key.2, key.3].reduce(UInt64(0)) {
            $0 << 8 | UInt64($1)
        }.bigEndian
        unsafe payload.withUnsafeMutableBytes { bytes in
            var index = 0
            while index + 8 <= bytes.count {
                let part = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                unsafe bytes.storeBytes(of: part ^ word, toByteOffset: index, as: UInt64.self)
                index += 8
            }
            while index < bytes.count {
                unsafe bytes[index] ^= UInt8(truncatingIfNeeded: word >> UInt64((index & 3) * 8))
                index += 1
            }
        }
        return payload
    }
}

/// An unmasked, whole frame, as a server sends one.
func webSocketFrame(_ opcode: WebSocketFrame.Opcode, _ payload: [UInt8]) -> [UInt8] {
    var frame: [UInt8] = []
    frame.reserveCapacity(payload.count + 10)
    frame.appendWebSocketFrame(opcode, payload)
    return frame
}

extension [UInt8] {
    /// Appends an unmasked, whole frame, as a server sends one.
    mutating func appendWebSocketFrame(_ opcode: WebSocketFrame.Opcode, _ payload: [UInt8]) {
        appendWebSocketHeader(opcode, payload.count)
        append(contentsOf: payload)
    }

    /// So long is the header of most frames that carry messages.
    static var webSocketHeaderRoom: Int { 4 }

    /// Leaves room for a header, behind which the payload is written.
    mutating func appendWebSocketHeaderRoom() {
        append(contentsOf: repeatElement(0, count: Self.webSocketHeaderRoom))
    }

    /// Makes a frame of a payload that was written behind the room for a header.
    mutating func completeWebSocketFrame(_ opcode: WebSocketFrame.Opcode) {
        let count = count - Self.webSocketHeaderRoom
        guard 126...0xFFFF ~= count else {
            var header: [UInt8] = []
            header.appendWebSocketHeader(opcode, count)
            return replaceSubrange(..<Self.webSocketHeaderRoom, with: header)
        }
        self[0] = 0x80 | opcode.rawValue
        self[1] = 126
        self[2] = UInt8(count >> 8)
        self[3] = UInt8(count & 0xFF)
    }

    private mutating func appendWebSocketHeader(_ opcode: WebSocketFrame.Opcode, _ count: Int) {
        append(0x80 | opcode.rawValue)
        switch count {
        case ...125: append(UInt8(count))
        case ...0xFFFF:
            append(126)
            appendBigEndian(UInt64(count), bytes: 2)
        default:
            append(127)
            appendBigEndian(UInt64(count), bytes: 8)
        }
    }

    private mutating func appendBigEndian(_ value: UInt64, bytes: UInt64) {
        for place in (0..<bytes).reversed() {
            append(UInt8(truncatingIfNeeded: value >> (8 * place)))
        }
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

    /// Whether it is a message, and not about the connection.
    var isData: Bool {
        switch self {
        case .text, .binary: true
        case .ping, .pong, .close: false
        }
    }
}

/// Puts frames together to messages (RFC 6455 §5.4); control frames may come between fragments.
struct WebSocketMessageReader {
    private var fragments: (isText: Bool, bytes: [UInt8])?
    private var frameCount = 0

    /// How much memory the beginning of a message takes; `nil` while there is none.
    var bytesHeld: Int? { fragments?.bytes.capacity }

    /// How many frames were read since this was last asked.
    mutating func takeFrameCount() -> Int {
        defer { frameCount = 0 }
        return frameCount
    }

    /// Takes the next message from bytes; `nil` while none is whole.
    ///
    /// - Parameters:
    ///   - place: where the next frame begins; behind what was taken afterwards.
    ///   - end: where the bytes end.
    ///   - payloadMax: the most bytes in a message, whether it comes in one frame or in many.
    mutating func next(
        from bytes: [UInt8], at place: inout Int, end: Int, payloadMax: Int
    ) throws(WebSocketError) -> WebSocketMessage? {
        // What a fragment may have is known before it is whole; control frames may come between them.
        while let frame = try WebSocketFrame.read(
            from: bytes, at: &place, end: end,
            payloadMax: fragments.map { max(125, payloadMax - $0.bytes.count) } ?? payloadMax)
        {
            frameCount += 1
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
