// SPDX-License-Identifier: Apache-2.0

/// Writes compact JSON into a buffer of bytes. The caller sets the commas and braces with ``raw(_:)``, so that a hot
/// path costs one append a piece.
public struct JSONWriter: Sendable {
    /// What was written so far.
    public var bytes: [UInt8] = []

    /// Makes an empty writer with room for so many bytes.
    public init(capacity: Int = 0) {
        bytes.reserveCapacity(capacity)
    }

    /// Appends text as it is.
    public mutating func raw(_ text: StaticString) {
        unsafe bytes.append(
            contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends bytes as they are.
    public mutating func raw(_ more: some Sequence<UInt8>) {
        bytes.append(contentsOf: more)
    }

    /// Appends some of an array's bytes as they are: like a slice, without counting one more owner of the array.
    public mutating func raw(_ more: [UInt8], in range: Range<Int>) {
        unsafe more.span.extracting(range).withUnsafeBufferPointer {
            unsafe bytes.append(contentsOf: $0)
        }
    }

    /// Appends an integer.
    public mutating func integer(_ value: Int64) {
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        var rest = value.magnitude
        // 2^64 has twenty digits. They come last first.
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var start = 20
        repeat {
            start -= 1
            digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        unsafe digits.span.extracting(start..<20).withUnsafeBufferPointer {
            unsafe bytes.append(contentsOf: $0)
        }
    }

    /// Appends `true` or `false`.
    public mutating func bool(_ value: Bool) {
        raw(value ? "true" : "false")
    }

    /// Appends a string with quotes, escaped where RFC 8259 §7 demands it.
    public mutating func string(_ text: String) {
        var text = text
        text.withUTF8 { unsafe string(utf8: $0) }
    }

    /// Appends a string, given as valid UTF-8, with quotes and escapes.
    @unsafe public mutating func string(utf8: UnsafeBufferPointer<UInt8>) {
        guard var escape = unsafe Self.firstEscape(in: utf8, from: 0) else {
            return unsafe plainString(utf8)
        }
        bytes.append(UInt8(ascii: "\""))
        var plainStart = 0
        while true {
            unsafe bytes.append(contentsOf: utf8[plainStart..<escape])
            write(escaped: unsafe utf8[escape])
            plainStart = escape + 1
            guard let next = unsafe Self.firstEscape(in: utf8, from: plainStart) else { break }
            escape = next
        }
        unsafe bytes.append(contentsOf: utf8[plainStart...])
        bytes.append(UInt8(ascii: "\""))
    }

    /// Appends a string with nothing to escape, in one piece.
    private mutating func plainString(_ utf8: UnsafeBufferPointer<UInt8>) {
        bytes.append(addingCapacity: utf8.count + 2) { span in
            span.append(UInt8(ascii: "\""))
            unsafe span.withUnsafeMutableBufferPointer { buffer, count in
                let rest = unsafe UnsafeMutableBufferPointer(rebasing: buffer[count...])
                _ = unsafe rest.initialize(fromContentsOf: utf8)
                count += utf8.count
            }
            span.append(UInt8(ascii: "\""))
        }
    }

    /// Where the first byte stands that has to be escaped: many at a time, because most text has none.
    private static func firstEscape(
        in utf8: UnsafeBufferPointer<UInt8>, from start: Int
    ) -> Int? {
        let raw = UnsafeRawBufferPointer(utf8)
        var index = start
        func escapes(at offset: Int) -> UInt64 {
            Self.escapes(
                in: unsafe raw.loadUnaligned(fromByteOffset: index + offset, as: UInt64.self))
        }
        while index + 32 <= utf8.count,
            escapes(at: 0) | escapes(at: 8) | escapes(at: 16) | escapes(at: 24) == 0
        {
            index += 32
        }
        while index + 8 <= utf8.count, escapes(at: 0) == 0 { index += 8 }
        while index < utf8.count {
            let byte = unsafe utf8[index]
            if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                return index
            }
            index += 1
        }
        return nil
    }

    /// The top bits of those of eight bytes that are a quote, a backslash or below 0x20: each subtraction borrows into the
    /// top bit of such a byte, and of one behind it at most, which the slower look then finds plain.
    static func escapes(in word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quotes = word ^ (ones &* 0x22)
        let backslashes = word ^ (ones &* 0x5C)
        let low = (word &- ones &* 0x20) & ~word
        return (low | (quotes &- ones) & ~quotes | (backslashes &- ones) & ~backslashes)
            & (ones &* 0x80)
    }

    /// Appends an array, each element as the closure writes it.
    @inlinable public mutating func array<Element>(
        _ elements: some Sequence<Element>, _ write: (Element, inout JSONWriter) -> Void
    ) {
        raw("[")
        var isFirst = true
        for element in elements {
            if !isFirst { raw(",") }
            isFirst = false
            write(element, &self)
        }
        raw("]")
    }

    /// Appends a value.
    public mutating func write(_ value: JSONValue) {
        switch value {
        case .null: raw("null")
        case .bool(let value): bool(value)
        case .number(let text): raw(text.utf8)
        case .string(let text): string(text)
        case .array(let elements): array(elements) { $1.write($0) }
        case .object(let members):
            raw("{")
            for (index, member) in members.enumerated() {
                if index > 0 { raw(",") }
                string(member.name)
                raw(":")
                write(member.value)
            }
            raw("}")
        }
    }

    private mutating func write(escaped byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): raw("\\\"")
        case UInt8(ascii: "\\"): raw("\\\\")
        case 0x0A: raw("\\n")
        case 0x0D: raw("\\r")
        case 0x09: raw("\\t")
        case 0x08: raw("\\b")
        case 0x0C: raw("\\f")
        default:
            raw("\\u00")
            bytes.append(Self.hexDigits[Int(byte >> 4)])
            bytes.append(Self.hexDigits[Int(byte & 15)])
        }
    }

    private static let hexDigits = Array("0123456789abcdef".utf8)
}
