// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import Testing

/// Writing strings, which looks at 32 bytes at a time, and at eight.
@Suite struct JSONWriterTests {
    @Test func `an escape is found wherever it stands`() {
        let escapes: [Character: String] = [
            "\"": "\\\"", "\\": "\\\\", "\n": "\\n", "\u{0}": "\\u0000", "\u{1F}": "\\u001f",
        ]
        for length in Array(0..<20) + [31, 32, 33, 41, 63, 64, 65, 72] {
            for position in 0...length {
                for (character, escape) in escapes {
                    var before = String(repeating: "é", count: position)
                    let after = String(repeating: "!", count: length - position)
                    var writer = JSONWriter()
                    writer.string(before + String(character) + after)
                    #expect(
                        String(decoding: writer.bytes, as: UTF8.self)
                            == "\"\(before)\(escape)\(after)\"")
                    before = String(repeating: " ", count: position)
                    writer = JSONWriter()
                    writer.string(before + "\(character)\(character)" + after)
                    #expect(
                        String(decoding: writer.bytes, as: UTF8.self)
                            == "\"\(before)\(escape)\(escape)\(after)\"")
                }
            }
        }
    }

    @Test func `what needs no escape stays as it is, next to what does`() {
        for byte in UInt8(0x20)...0x7F where byte != 0x22 && byte != 0x5C {
            let character = Character(Unicode.Scalar(byte))
            let text = "\n\(character)\(character)\"\(character)1234567\(character)"
            var writer = JSONWriter()
            writer.string(text)
            #expect(
                String(decoding: writer.bytes, as: UTF8.self)
                    == "\"\\n\(character)\(character)\\\"\(character)1234567\(character)\"")
        }
    }
}
