// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import Testing

/// A letter with so many marks on it, in no order, that to put them into theirs takes more than ten seconds.
private let endless =
    "x" + String(repeating: "\u{301}", count: 32_000) + String(repeating: "\u{323}", count: 32_000)

/// JSON as values, and writing it.
@Suite struct JSONValueTests {
    @Test(arguments: [
        #"{"z":1,"a":[1.50,-0,1E5,{"m":null,"b":true}],"":false,"ñ":"李😀"}"#, "[]", "\"\"",
        "123456789012345678901234567890.000", #"["\"\\\n\r\t\b\f\u0000\u001f/"]"#,
    ])
    func `what came in goes out as it was, members in their order`(text: String) throws {
        let value = try JSONValue(parsing: Array(text.utf8))

        #expect(String(decoding: value.bytes, as: UTF8.self) == text)
    }

    @Test func `a member is found by the bytes of its name`() throws {
        // To Unicode both are é, and the second is the Kelvin sign.
        let text = "{\"\u{E9}\":1,\"e\u{301}\":2,\"\u{212A}\":3}"
        let value = try JSONValue(parsing: Array(text.utf8))

        #expect(value["\u{E9}"] == 1)
        #expect(value["e\u{301}"] == 2)
        #expect(value["K"] == nil)
    }

    @Test func `a name with endless marks costs no more than another`() throws {
        let value: JSONValue = .object([.init("content", 2), .init(endless, 1)])

        let duration = ContinuousClock().measure {
            #expect(value["y"] == nil)
            #expect(value["content"] == 2)
        }

        #expect(duration < .seconds(1))
    }

    @Test func `every scalar in a string survives writing and reading`() throws {
        for start in stride(from: UInt32(0), through: 0x10FFFF, by: 0x1000) {
            let scalars = (start...start + 0xFFF).compactMap(Unicode.Scalar.init)
            let text = String(String.UnicodeScalarView(scalars))

            let value = try JSONValue(parsing: JSONValue.string(text).bytes)

            #expect(value.string.map { Array($0.utf8) } == Array(text.utf8))
        }
    }

    @Test func `a string is escaped where it must be, and nowhere else`() {
        var writer = JSONWriter()

        writer.string("\"\\/\u{8}\u{C}\n\r\t\u{1}\u{1F}\u{7F}é\u{2028}😀")

        let expected = #""\"\\/\b\f\n\r\t\u0001\u001f"# + "\u{7F}é\u{2028}😀\""
        #expect(String(decoding: writer.bytes, as: UTF8.self) == expected)
    }

    @Test(arguments: [
        Int64.min, -9_007_199_254_740_993, -10, -1, 0, 1, 9, 10, 99, 100, .max,
    ])
    func `an integer is written whole and read back`(number: Int64) throws {
        var writer = JSONWriter(capacity: 8)

        writer.integer(number)

        #expect(String(decoding: writer.bytes, as: UTF8.self) == String(number))
        #expect(try JSONValue(parsing: writer.bytes).integer == number)
    }

    @Test(arguments: ["1.0", "1e2", "9223372036854775808", "-9223372036854775809", "0.5"])
    func `a number with a fraction, an exponent or too many digits is no integer`(text: String)
        throws
    {
        #expect(try JSONValue(parsing: Array(text.utf8)).integer == nil)
    }

    @Test func `a value is what it is and nothing else`() {
        let values: [JSONValue] = [.null, true, 7, "text", [1], ["a": 1]]

        #expect(values.map(\.isNull) == [true, false, false, false, false, false])
        #expect(values.map(\.bool) == [nil, true, nil, nil, nil, nil])
        #expect(values.map(\.integer) == [nil, nil, 7, nil, nil, nil])
        #expect(values.map(\.string) == [nil, nil, nil, "text", nil, nil])
        #expect(values.map(\.array) == [nil, nil, nil, nil, [1], nil])
        #expect(values.map { $0["a"] } == [nil, nil, nil, nil, nil, 1])
        #expect(values.map { $0["b"] } == [nil, nil, nil, nil, nil, nil])
    }

    @Test func `a value is written as a literal`() {
        let value: JSONValue = ["id": 7, "name": "ana", "tags": [true, .null], "z": [:], "a": []]

        let text = String(decoding: value.bytes, as: UTF8.self)

        #expect(text == #"{"id":7,"name":"ana","tags":[true,null],"z":{},"a":[]}"#)
        #expect(JSONValue.integer(UInt64.max) == .number("18446744073709551615"))
    }

    @Test func `the writer appends pieces in their order`() {
        var writer = JSONWriter()

        writer.raw("{\"a\":")
        writer.bool(false)
        writer.raw(",".utf8)
        writer.string("")
        writer.raw(":")
        writer.write([1, "x"])
        writer.raw("}")

        #expect(String(decoding: writer.bytes, as: UTF8.self) == #"{"a":false,"":[1,"x"]}"#)
    }

    @Test(arguments: [
        "", "a", "send_message", "a text that is too long to lie in its string itself",
    ])
    func `a text is exactly itself`(_ text: String) {
        // Neither the same literal nor the same place in memory.
        let again = String(decoding: Array(text.utf8), as: UTF8.self)
        #expect(text.isExactly(again) && again.isExactly(text))
        for other in [text + "x", "x" + text, "x" + text.dropFirst(), text.dropLast() + "x"] {
            #expect(!text.isExactly(other) && !other.isExactly(text))
        }
    }

    @Test func `a text is not exactly what only means the same`() {
        #expect("e\u{301}" == "\u{E9}")
        #expect(!"e\u{301}".isExactly("\u{E9}"))
        // As many bytes, the marks in another order.
        #expect("x\u{301}\u{323}" == "x\u{323}\u{301}")
        #expect(!"x\u{301}\u{323}".isExactly("x\u{323}\u{301}"))
    }
}
