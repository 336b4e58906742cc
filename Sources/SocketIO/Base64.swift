// SPDX-License-Identifier: Apache-2.0

/// Base64 (RFC 4648 §4), with padding. Decoding also takes it without.
public enum Base64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The value of each byte, 0xFF for those that are not in the alphabet.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        for (value, byte) in alphabet.enumerated() { values[Int(byte)] = UInt8(value) }
        return values
    }()

    /// The text for some bytes.
    public static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var group: UInt32 = 0
        var count = 0
        for byte in bytes {
            group = group << 8 | UInt32(byte)
            count += 1
            if count == 3 {
                append(group, digits: 4, to: &text)
                group = 0
                count = 0
            }
        }
        if count > 0 {
            append(group << UInt32(8 * (3 - count)), digits: count + 1, to: &text)
            text.append(contentsOf: repeatElement(UInt8(ascii: "="), count: 3 - count))
        }
        return text
    }

    private static func append(_ group: UInt32, digits: Int, to text: inout [UInt8]) {
        var shift: UInt32 = 18
        for _ in 0..<digits {
            text.append(alphabet[Int(group >> shift & 63)])
            shift &-= 6
        }
    }

    /// The bytes for a text; `nil` if it is not base64.
    public static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var text = text
        for _ in 0..<2 where text.last == UInt8(ascii: "=") { text.removeLast() }
        guard text.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count * 3 / 4)
        var group: UInt32 = 0
        var bits = 0
        for byte in text {
            let value = values[Int(byte)]
            guard value != 0xFF else { return nil }
            group = group << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: group >> UInt32(bits)))
            }
        }
        return bytes
    }
}
