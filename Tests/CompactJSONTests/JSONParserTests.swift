// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import Testing

/// Reading JSON, by RFC 8259.
@Suite struct JSONParserTests {
    @Test(
        arguments: [
            ("null", JSONValue.null), ("true", true), ("false", false), ("0", 0),
            ("-0", .number("-0")),
            ("1", 1), ("-12", -12), ("0.5", .number("0.5")), ("1e2", .number("1e2")),
            ("1E+2", .number("1E+2")), ("-1.25e-30", .number("-1.25e-30")),
            ("123456789012345678901234567890", .number("123456789012345678901234567890")),
            ("\"\"", ""), ("\"ñ李😀\"", "ñ李😀"), ("[]", []), ("{}", [:]), ("[[],{}]", [[], [:]]),
            (" \t\r\n [ 1 , 2 ] \n", [1, 2]),
            ("{ \"a\" : [ true ] , \"b\" : null }", ["a": [true], "b": .null]),
            ("\"\u{7F}\u{2028}\u{2029}\"", "\u{7F}\u{2028}\u{2029}"),
        ] as [(String, JSONValue)])
    func `what is valid is read`(text: String, expected: JSONValue) throws {
        #expect(try JSONValue(parsing: Array(text.utf8)) == expected)
    }

    @Test(arguments: [
        "nul1", "True", "NaN", "Infinity", "+1", ".5", "01", "-01", "1.e2", "0x1F", "--1", "1e+-2",
        "'a'", "[1,]", "[,1]", "[1 2]", "{\"a\":1,}", "{a:1}", "{\"a\" 1}", "{1:2}", "{\"a\":}",
        "{,}",
        "[1}", "{\"a\":1]", "]", "}", ",", ":", "\"a\nb\"", "\"a\tb\"", "\"\u{0}\"", "\"\\x\"",
        "\"\\u12G4\"", "\"\\U0041\"", "\"\\u００４１\"", "1 2", "null null", "[] x", "{}{}", "\"a\"b",
        "// c\n1", "\u{FEFF}1", "\u{A0}1", "tru ", "1.5.2",
    ])
    func `what is not JSON is refused`(text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: Array(text.utf8)) }
    }

    @Test(arguments: [
        "", "  ", "-", "1.", "1e", "1e+", "\"", "\"\\", "\"\\u", "\"\\u00", "[", "[1", "[1,",
        "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "t", "nul",
    ])
    func `what ends too early says so`(text: String) {
        #expect(throws: JSONError.truncated) { try JSONValue(parsing: Array(text.utf8)) }
    }

    @Test func `every prefix of a text is refused, and none crashes`() throws {
        let text = #"{"a":[1.5e-3,true,false,null,"ñ\n\u00e9\ud83d\ude00",{"b":{}}],"李":"😀"}"#
        let bytes = Array(text.utf8)

        for end in 0..<bytes.count {
            #expect(throws: JSONError.self) { try JSONValue(parsing: Array(bytes[..<end])) }
        }

        #expect(try JSONValue(parsing: bytes).bytes != [])
    }

    @Test func `no byte in any place crashes the parser`() {
        let bytes = Array(#"{"a":[-1.5e-3,true,"ñ\n\ud83d\ude00"]}"#.utf8)

        for place in bytes.indices {
            for byte in UInt8.min...UInt8.max {
                var broken = bytes
                broken[place] = byte
                guard let value = try? JSONValue(parsing: broken) else { continue }
                // What is taken can be written and is the same again.
                #expect((try? JSONValue(parsing: value.bytes)) == value)
            }
        }
    }

    @Test func `a sign is seen in any place of a string`() throws {
        for length in 1...25 {
            for place in 0..<length {
                func text(_ sign: String) -> [UInt8] {
                    let plain = String(repeating: "x", count: place)
                    let rest = String(repeating: "!", count: length - place - 1)
                    return Array(("[\"" + plain + sign + rest + "\"]").utf8)
                }
                // The text does not begin where its bytes do.
                let quote = [0x20] + text("\",\"")
                #expect(try JSONValue(parsing: quote[1...]).array?.count == 2)
                #expect(
                    try JSONValue(parsing: text("\\n")).array?.first?.string?.utf8.count == length)
                #expect(
                    try JSONValue(parsing: text("é")).array?.first?.string?.utf8.count == length + 1
                )
                #expect(throws: JSONError.unexpected(offset: place + 2)) {
                    try JSONValue(parsing: text("\u{1F}"))
                }
            }
        }
    }

    @Test func `every escape is read`() throws {
        let text = #""\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\u0000""#

        let value = try JSONValue(parsing: Array(text.utf8))

        #expect(value == "\"\\/\u{8}\u{C}\n\r\tA\u{E9}\u{20AC}\u{0}")
    }

    @Test(arguments: [
        (#""\ud83d\ude00""#, "😀"), (#""\uD83D\uDE00""#, "😀"), (#""\ud800\udc00""#, "\u{10000}"),
        (#""\udbff\udfff""#, "\u{10FFFF}"),
    ])
    func `surrogates make one character`(text: String, expected: String) throws {
        let value = try JSONValue(parsing: Array(text.utf8))

        #expect(value.string.map { Array($0.unicodeScalars) } == Array(expected.unicodeScalars))
    }

    @Test(arguments: [
        (#""\ud83d""#, "\u{FFFD}"), (#""\ude00""#, "\u{FFFD}"), (#""\ud83dx""#, "\u{FFFD}x"),
        (#""\ud83d\n""#, "\u{FFFD}\n"), (#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"),
        (#""\ude00\ud83d""#, "\u{FFFD}\u{FFFD}"), (#""\ud83d\u0041""#, "\u{FFFD}A"),
    ])
    func `half a pair is refused, or U+FFFD for who asks`(text: String, expected: String) throws {
        for text in [text, "[{\(text):1}]", "[1,{\"a\":\(text)},\"b\"]"] {
            #expect(throws: JSONError.loneSurrogate) { try JSONValue(parsing: Array(text.utf8)) }
        }
        var isLone = false
        let value = try JSONValue(parsing: Array(text.utf8)[...], hasLoneSurrogate: &isLone)
        #expect(value.string.map { Array($0.unicodeScalars) } == Array(expected.unicodeScalars))
        #expect(isLone)
        _ = try JSONValue(parsing: Array(#""\ud83d\ude00""#.utf8)[...], hasLoneSurrogate: &isLone)
        #expect(!isLone)
        // What breaks off, or is no JSON, is that.
        #expect(throws: JSONError.truncated) { try JSONValue(parsing: Array(text.utf8.dropLast())) }
    }

    @Test(
        arguments: [
            [0x22, 0xFF, 0x22], [0x22, 0xC3, 0x22], [0x22, 0xC0, 0x80, 0x22],  // overlong NUL
            [0x22, 0xED, 0xA0, 0x80, 0x22],  // a surrogate
            [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22],  // beyond U+10FFFF
            [0x22, 0x5C, 0x6E, 0x80, 0x22],  // after an escape
        ] as [[UInt8]])
    func `a string that is not UTF-8 is refused`(bytes: [UInt8]) {
        #expect(throws: JSONError.notUTF8) { try JSONValue(parsing: bytes) }
    }

    @Test(arguments: ["[", "{\"a\":"])
    func `nesting is allowed up to its bound, and not one deeper`(opening: String) throws {
        let closing = opening == "[" ? "]" : "}"
        func text(_ depth: Int) -> [UInt8] {
            let open = String(repeating: opening, count: depth)
            return Array((open + "1" + String(repeating: closing, count: depth)).utf8)
        }

        #expect(throws: Never.self) { try JSONValue(parsing: text(32)) }
        #expect(throws: JSONError.tooDeep) { try JSONValue(parsing: text(33)) }
        #expect(throws: Never.self) { try JSONValue(parsing: text(3), depthMax: 3) }
        #expect(throws: JSONError.tooDeep) { try JSONValue(parsing: text(4), depthMax: 3) }
        #expect(throws: Never.self) { try JSONValue(parsing: [0x31], depthMax: 0) }
        #expect(throws: JSONError.tooDeep) { try JSONValue(parsing: text(1), depthMax: 0) }
    }

    @Test func `a hundred thousand brackets do not exhaust the stack`() {
        let bytes = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)

        #expect(throws: JSONError.tooDeep) { try JSONValue(parsing: bytes) }
    }

    @Test func `an error says where`() {
        #expect(throws: JSONError.unexpected(offset: 4)) {
            try JSONValue(parsing: Array("[1, x]".utf8))
        }
        #expect(throws: JSONError.unexpected(offset: 2)) {
            try JSONValue(parsing: Array("1 2".utf8))
        }
    }

    @Test func `a text may begin further back in the bytes`() throws {
        let bytes = Array("42[\"event\"]".utf8)

        #expect(try JSONValue(parsing: bytes[2...]) == ["event"])
        #expect(throws: JSONError.truncated) { try JSONValue(parsing: bytes[bytes.endIndex...]) }
        #expect(throws: JSONError.truncated) { try JSONValue(parsing: bytes[2..<6]) }
    }

    @Test func `of members with one name the last counts, and all are kept`() throws {
        let text = #"{"a":1,"b":2,"a":3}"#

        let value = try JSONValue(parsing: Array(text.utf8))

        #expect(value["a"] == 3)
        #expect(String(decoding: value.bytes, as: UTF8.self) == text)
    }
}
