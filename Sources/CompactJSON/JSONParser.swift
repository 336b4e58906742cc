// SPDX-License-Identifier: Apache-2.0

/// Why bytes are not JSON.
public enum JSONError: Error, Equatable, Sendable {
    /// A byte that cannot stand there, with its offset.
    case unexpected(offset: Int)
    /// The text ended too early.
    case truncated
    /// Arrays and objects are nested deeper than allowed.
    case tooDeep
    /// A string is not UTF-8.
    case notUTF8
    /// A string has an escaped surrogate without its other half, which is no character (RFC 8259 §8.2).
    case loneSurrogate
}

extension JSONValue {
    /// Parses one JSON text (RFC 8259), white space around it allowed, nothing behind it.
    ///
    /// - Parameters:
    ///   - bytes: the text, UTF-8.
    ///   - depthMax: how deep arrays and objects may be nested.
    /// - Throws: ``JSONError``.
    public init(parsing bytes: ArraySlice<UInt8>, depthMax: Int = 32) throws(JSONError) {
        var hasLoneSurrogate = false
        try self.init(parsing: bytes, depthMax: depthMax, hasLoneSurrogate: &hasLoneSurrogate)
        guard !hasLoneSurrogate else { throw .loneSurrogate }
    }

    /// Parses one JSON text for who has to know what it is about even if a text in it is none.
    ///
    /// - Parameter hasLoneSurrogate: set if one was read, as U+FFFD.
    public init(
        parsing bytes: ArraySlice<UInt8>, depthMax: Int = 32, hasLoneSurrogate: inout Bool
    ) throws(JSONError) {
        var parser = JSONParser(bytes: bytes, offset: bytes.startIndex)
        self = try parser.document(depthMax: depthMax)
        hasLoneSurrogate = parser.hasLoneSurrogate
    }

    /// Parses one JSON text, as ``init(parsing:depthMax:)-(ArraySlice<UInt8>,_)``.
    public init(parsing bytes: [UInt8], depthMax: Int = 32) throws(JSONError) {
        try self.init(parsing: bytes[...], depthMax: depthMax)
    }
}

private struct JSONParser {
    let bytes: ArraySlice<UInt8>
    var offset: Int
    var hasLoneSurrogate = false

    mutating func document(depthMax: Int) throws(JSONError) -> JSONValue {
        skipWhiteSpace()
        let value = try value(depthLeft: depthMax)
        skipWhiteSpace()
        guard offset == bytes.endIndex else { throw .unexpected(offset: offset) }
        return value
    }

    private mutating func value(depthLeft: Int) throws(JSONError) -> JSONValue {
        switch try peek() {
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "{"): return try object(depthLeft: depthLeft - 1)
        case UInt8(ascii: "["): return try array(depthLeft: depthLeft - 1)
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw .unexpected(offset: offset)
        }
    }

    private mutating func object(depthLeft: Int) throws(JSONError) -> JSONValue {
        guard depthLeft >= 0 else { throw .tooDeep }
        offset += 1
        var members: [JSONValue.Member] = []
        skipWhiteSpace()
        if try skip(UInt8(ascii: "}")) { return .object(members) }
        while true {
            guard try peek() == UInt8(ascii: "\"") else { throw .unexpected(offset: offset) }
            let name = try string()
            skipWhiteSpace()
            guard try skip(UInt8(ascii: ":")) else { throw .unexpected(offset: offset) }
            skipWhiteSpace()
            members.append(.init(name, try value(depthLeft: depthLeft)))
            skipWhiteSpace()
            if try skip(UInt8(ascii: "}")) { return .object(members) }
            guard try skip(UInt8(ascii: ",")) else { throw .unexpected(offset: offset) }
            skipWhiteSpace()
        }
    }

    private mutating func array(depthLeft: Int) throws(JSONError) -> JSONValue {
        guard depthLeft >= 0 else { throw .tooDeep }
        offset += 1
        var elements: [JSONValue] = []
        skipWhiteSpace()
        if try skip(UInt8(ascii: "]")) { return .array(elements) }
        while true {
            elements.append(try value(depthLeft: depthLeft))
            skipWhiteSpace()
            if try skip(UInt8(ascii: "]")) { return .array(elements) }
            guard try skip(UInt8(ascii: ",")) else { throw .unexpected(offset: offset) }
            skipWhiteSpace()
        }
    }

    private mutating func literal(
        _ text: StaticString, _ value: JSONValue
    ) throws(JSONError) -> JSONValue {
        for index in 0..<text.utf8CodeUnitCount {
            guard offset < bytes.endIndex else { throw .truncated }
            guard unsafe bytes[offset] == text.utf8Start[index] else {
                throw .unexpected(offset: offset)
            }
            offset += 1
        }
        return value
    }

    // RFC 8259 §6: number = [ minus ] int [ frac ] [ exp ]
    private mutating func number() throws(JSONError) -> JSONValue {
        let start = offset
        _ = try skip(UInt8(ascii: "-"))
        if try !skip(UInt8(ascii: "0")) { try digits() }
        if offset < bytes.endIndex, bytes[offset] == UInt8(ascii: ".") {
            offset += 1
            try digits()
        }
        if offset < bytes.endIndex, bytes[offset] | 0x20 == UInt8(ascii: "e") {
            offset += 1
            let sign = try peek()
            if sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { offset += 1 }
            try digits()
        }
        return .number(try text(start..<offset))
    }

    private mutating func digits() throws(JSONError) {
        let first = try peek()
        guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= first else {
            throw .unexpected(offset: offset)
        }
        while offset < bytes.endIndex, UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[offset] {
            offset += 1
        }
    }

    private mutating func string() throws(JSONError) -> String {
        offset += 1
        let start = offset
        offset = endOfPlain(from: start)
        while true {
            let byte = try peek()
            if byte == UInt8(ascii: "\"") {
                let plain = try text(start..<offset)
                offset += 1
                return plain
            }
            if byte == UInt8(ascii: "\\") { return try stringWithEscapes(from: start) }
            guard byte >= 0x20 else { throw .unexpected(offset: offset) }
            offset += 1
        }
    }

    private mutating func stringWithEscapes(from start: Int) throws(JSONError) -> String {
        var result = try text(start..<offset)
        var plainStart = offset
        while true {
            let byte = try peek()
            guard byte >= 0x20 else { throw .unexpected(offset: offset) }
            guard byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else {
                offset += 1
                continue
            }
            result += try text(plainStart..<offset)
            offset += 1
            if byte == UInt8(ascii: "\"") { return result }
            result.unicodeScalars.append(try escape())
            plainStart = offset
        }
    }

    private mutating func escape() throws(JSONError) -> Unicode.Scalar {
        let byte = try peek()
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "u"): return try unicodeEscape()
        default: throw .unexpected(offset: offset - 1)
        }
    }

    private mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let high = try fourHexDigits()
        guard 0xD800...0xDFFF ~= high else { return Unicode.Scalar(high) ?? "\u{FFFD}" }
        // RFC 8259 §7: what lies outside the basic plane is escaped as a pair of surrogates.
        guard high < 0xDC00, offset + 1 < bytes.endIndex, bytes[offset] == UInt8(ascii: "\\"),
            bytes[offset + 1] == UInt8(ascii: "u")
        else { return loneSurrogate() }
        let second = offset
        offset += 2
        let low = try fourHexDigits()
        guard 0xDC00...0xDFFF ~= low else {
            offset = second
            return loneSurrogate()
        }
        return Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00)) ?? "\u{FFFD}"
    }

    private mutating func loneSurrogate() -> Unicode.Scalar {
        hasLoneSurrogate = true
        return "\u{FFFD}"
    }

    private mutating func fourHexDigits() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            let byte = try peek()
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw .unexpected(offset: offset)
            }
            value = value << 4 | UInt32(digit)
            offset += 1
        }
        return value
    }

    private func text(_ range: Range<Int>) throws(JSONError) -> String {
        let start = bytes.startIndex
        let text = bytes.span.extracting(range.lowerBound - start..<range.upperBound - start)
        do {
            // A third of what `String(validating:as:)` costs, which is generic.
            return String(copying: try UTF8Span(validating: text))
        } catch {
            throw .notUTF8
        }
    }

    /// Where the bytes of a string from an offset on no longer stand for themselves, or up to seven before that: eight are
    /// looked at at a time.
    private func endOfPlain(from start: Int) -> Int {
        let rest = unsafe bytes.span.bytes
        var place = start - bytes.startIndex
        while place + 8 <= rest.byteCount {
            let word = unsafe rest.unsafeLoadUnaligned(fromByteOffset: place, as: UInt64.self)
            if JSONWriter.escapes(in: word) != 0 { break }
            place += 8
        }
        return bytes.startIndex + place
    }

    private func peek() throws(JSONError) -> UInt8 {
        guard offset < bytes.endIndex else { throw .truncated }
        return bytes[offset]
    }

    private mutating func skip(_ byte: UInt8) throws(JSONError) -> Bool {
        guard try peek() == byte else { return false }
        offset += 1
        return true
    }

    private mutating func skipWhiteSpace() {
        while offset < bytes.endIndex {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            default: return
            }
        }
    }
}
