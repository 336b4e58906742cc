// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import SocketIO
import Testing

private func bytes(_ text: String) -> ArraySlice<UInt8> { Array(text.utf8)[...] }

private func decode(_ text: String) throws(SocketIOPacket.DecodingError) -> SocketIOPacket {
    try SocketIOPacket(decoding: bytes(text))
}

struct SocketIOPacketTests {
    /// The examples of the protocol's specification and of the JavaScript parser's tests.
    private static let packets: [(SocketIOPacket, String)] = [
        (SocketIOPacket(.connect), "0"),
        (SocketIOPacket(.connect, data: ["sid": "x"]), #"0{"sid":"x"}"#),
        (
            SocketIOPacket(.connect, namespace: "/admin", data: ["token": "123"]),
            #"0/admin,{"token":"123"}"#
        ),
        (SocketIOPacket(.connect, namespace: "/woot"), "0/woot,"),
        (SocketIOPacket(.disconnect), "1"),
        (SocketIOPacket(.disconnect, namespace: "/woot"), "1/woot,"),
        (SocketIOPacket(.event, data: ["a", 1, [:]]), #"2["a",1,{}]"#),
        (SocketIOPacket(.event, data: [1, "a"]), #"2[1,"a"]"#),
        (
            SocketIOPacket(.event, namespace: "/test", id: 1, data: ["a", 1, [:]]),
            #"2/test,1["a",1,{}]"#
        ),
        (SocketIOPacket(.event, id: 0, data: ["a"]), #"20["a"]"#),
        (SocketIOPacket(.event, id: 1 << 53, data: ["a"]), #"29007199254740992["a"]"#),
        (SocketIOPacket(.ack, namespace: "/", id: 123, data: []), "3123[]"),
        (SocketIOPacket(.ack, namespace: "/a/b", id: 12, data: ["x"]), #"3/a/b,12["x"]"#),
        (SocketIOPacket(.connectError, data: "Unauthorized"), #"4"Unauthorized""#),
        (
            SocketIOPacket(.connectError, namespace: "/n", data: ["message": "No"]),
            #"4/n,{"message":"No"}"#
        ),
        (
            SocketIOPacket(
                .event, data: ["a", ["_placeholder": true, "num": 0]], attachmentCount: 1),
            #"51-["a",{"_placeholder":true,"num":0}]"#
        ),
        (
            SocketIOPacket(.event, namespace: "/c", id: 7, data: ["a"], attachmentCount: 10),
            #"510-/c,7["a"]"#
        ),
        (SocketIOPacket(.ack, id: 789, data: [], attachmentCount: 2), "62-789[]"),
    ]

    @Test(arguments: packets)
    func `every kind of packet reads and writes`(packet: SocketIOPacket, text: String) throws {
        #expect(String(decoding: packet.text, as: UTF8.self) == text)
        #expect(try decode(text) == packet)
    }

    @Test func `a namespace ends with a comma or with the packet, and a query is not part of it`()
        throws
    {
        #expect(try decode("0/custom").namespace == "/custom")
        #expect(try decode("0/custom,").namespace == "/custom")
        #expect(try decode("0/custom?a=b&c,{}").namespace == "/custom")
        #expect(try decode("0/,").namespace == "/")
        #expect(try decode("1/chat/{room}").namespace == "/chat/{room}")
    }

    @Test func `an event's name with endless marks costs no more than another`() throws {
        // To put them into their order takes more than ten seconds.
        let marks = ["\u{301}", "\u{323}"].map { String(repeating: $0, count: 32_000) }.joined()

        let duration = try ContinuousClock().measure { _ = try decode("2[\"x\(marks)\"]") }

        #expect(duration < .seconds(1))
    }

    @Test func `an event labelled as binary may have no attachments`() throws {
        let packet = try decode(#"50-["a"]"#)
        #expect(packet.kind == .event && packet.attachmentCount == 0)
    }

    @Test func `white space and foreign spellings of numbers are kept or dropped as JSON has it`()
        throws
    {
        #expect(try decode(#"2[ "a" , 1.50e3 ]"#).data == .array(["a", .number("1.50e3")]))
    }

    // MARK: What the JavaScript parser refuses

    @Test(arguments: ["", "7", "999", "a", "-1", " 2[]", "\u{0}"])
    func `an unknown kind is refused`(text: String) {
        #expect(throws: SocketIOPacket.DecodingError.unknownType) { try decode(text) }
    }

    @Test(arguments: [
        "5", "5[]", #"5["a"]"#, #"5-["a"]"#, "51", #"51["a"]"#, #"5a-["a"]"#, #"5-1-["a"]"#,
        #"51.5-["a"]"#,
        #"511-["a"]"#, #"51e1-["a"]"#, "6", #"611-1[]"#, #"5/x,1-["a"]"#,
    ])
    func `a malformed number of attachments, or more than ten, is refused`(text: String) {
        #expect(throws: SocketIOPacket.DecodingError.attachments) { try decode(text) }
    }

    @Test(arguments: [
        #"59007199254740993-["a"]"#, #"29007199254740993["a"]"#, #"299999999999999999999999["a"]"#,
        "3[]", #"3["a"]"#, "61-[]",
    ])
    func `an id that is too large, or missing where one must be, is refused`(text: String) {
        #expect(throws: SocketIOPacket.DecodingError.id) { try decode(text) }
    }

    @Test(arguments: [
        "2{}", "2[]", "2", "21", "2null", #"2"a""#, "2[{}]", "2[null]", "2[[]]", "2[true]",
        #"2["connect"]"#, #"2["connect_error"]"#, #"2["disconnect"]"#, #"2["disconnecting"]"#,
        #"2["newListener"]"#,
        #"2["removeListener"]"#, #"51-["connect"]"#, "51-", "51-{}", "0[]", "0null", "0/admin,[]",
        #"0"x""#,
        "1{}", "1[]", "1/x,[]", "3", "31", "31{}", #"31"a""#, "4", "4[]", "4null", "40", "61-1",
        "61-1{}",
    ])
    func `a payload that does not fit the kind is refused`(text: String) {
        #expect(throws: SocketIOPacket.DecodingError.payload) { try decode(text) }
    }

    @Test(arguments: [
        #"2["a""#, "2[", #"2["a",]"#, #"2abc["a"]"#, #"2["a"]x"#, #"2/x,abc"#, #"21,["a"]"#, "0{",
        "0abc", #"2["a\"]"#, "2[\"a\u{1}\"]",
        "2x", "2{\"a\":}", "42[\"a\",NaN]",
    ])
    func `what is not JSON is refused`(text: String) {
        #expect {
            try decode(text)
        } throws: { error in
            if case SocketIOPacket.DecodingError.json = error { true } else { false }
        }
    }

    @Test func `an event with half of a surrogate pair is one, and says so`() throws {
        let packet = try decode(#"27["a","\ud83d"]"#)
        #expect(packet.hasLoneSurrogate && packet.id == 7 && packet.data == ["a", "\u{FFFD}"])
        #expect(try !decode(#"27["a","\ud83d\ude00"]"#).hasLoneSurrogate)
        for other in [#"0{"token":"\ud83d"}"#, #"37["\ud83d"]"#, #"4"\ud83d""#] {
            #expect(throws: SocketIOPacket.DecodingError.json(.loneSurrogate)) {
                try decode(other)
            }
        }
    }

    @Test func `text that is not UTF-8 is refused`() {
        #expect(throws: SocketIOPacket.DecodingError.json(.notUTF8)) {
            try SocketIOPacket(decoding: Array(#"2[""#.utf8)[...] + [0xFF] + Array(#""]"#.utf8))
        }
    }

    @Test func `a payload is nested as deep as it may be, and not deeper`() throws {
        func nested(_ depth: Int) -> String {
            #"2["a","# + String(repeating: "[", count: depth - 1)
                + String(repeating: "]", count: depth - 1) + "]"
        }
        #expect(throws: Never.self) { try SocketIOPacket(decoding: bytes(nested(8)), depthMax: 8) }
        #expect(throws: SocketIOPacket.DecodingError.json(.tooDeep)) {
            try SocketIOPacket(decoding: bytes(nested(9)), depthMax: 8)
        }
        #expect(throws: SocketIOPacket.DecodingError.json(.tooDeep)) { try decode(nested(100_000)) }
    }

    @Test func `no input stops the parser`() {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array(#"0123456789-,/[]{}":?abe\. _"#.utf8) + [0, 0x1E, 0xC3, 0xA4, 0xFF]
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 0...24, using: &generator)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
            }
            guard let packet = try? SocketIOPacket(decoding: text[...]) else { continue }
            // What was read can be written, and reads as the same.
            #expect((try? SocketIOPacket(decoding: packet.text[...])) == packet, "\(text)")
        }
    }
}

struct SocketIOPacketAssemblerTests {
    private let binary = SocketIOPacket(
        .event,
        data: ["a", ["_placeholder": true, "num": 1], [["_placeholder": true, "num": 0]]],
        attachmentCount: 2)

    @Test func `a packet without attachments is whole at once`() throws {
        var assembler = SocketIOPacketAssembler()
        let packet = SocketIOPacket(.event, data: ["a"])
        #expect(try assembler.take(packet, bytesMax: 0)?.packet == packet)
    }

    @Test func `a packet is whole with its last attachment, and the next one can follow`() throws {
        var assembler = SocketIOPacketAssembler()
        for _ in 0..<2 {
            #expect(try assembler.take(binary, bytesMax: 10) == nil)
            #expect(try assembler.take(attachment: [1, 2, 3]) == nil)
            let assembled = try #require(try assembler.take(attachment: []))
            #expect(assembled.packet == binary)
            #expect(assembled.attachments == [[1, 2, 3], []])
        }
    }

    @Test func `ten attachments are taken`() throws {
        var assembler = SocketIOPacketAssembler()
        let packet = try SocketIOPacket(decoding: Array(#"510-["a"]"#.utf8)[...])
        _ = try assembler.take(packet, bytesMax: 10)
        for _ in 0..<9 { #expect(try assembler.take(attachment: [1]) == nil) }
        #expect(try assembler.take(attachment: [1])?.attachments.count == 10)
    }

    @Test func `binary without a packet, and a packet in place of binary, do not fit`() throws {
        var assembler = SocketIOPacketAssembler()
        #expect(throws: SocketIOPacketAssembler.AssemblyError.unexpectedAttachment) {
            try assembler.take(attachment: [1])
        }
        _ = try assembler.take(binary, bytesMax: 10)
        #expect(throws: SocketIOPacketAssembler.AssemblyError.missingAttachment) {
            try assembler.take(SocketIOPacket(.event, data: ["a"]), bytesMax: 10)
        }
    }

    @Test func `attachments are together as large as may be, and not larger`() throws {
        var assembler = SocketIOPacketAssembler()
        _ = try assembler.take(binary, bytesMax: 5)
        _ = try assembler.take(attachment: [1, 2, 3])
        #expect(try assembler.take(attachment: [4, 5]) != nil)
        _ = try assembler.take(binary, bytesMax: 5)
        _ = try assembler.take(attachment: [1, 2, 3])
        #expect(throws: SocketIOPacketAssembler.AssemblyError.tooLarge) {
            try assembler.take(attachment: [4, 5, 6])
        }
    }

    @Test(arguments: [#"2"#, #"-1"#, #""0""#, "null", "0.5", "{}"])
    func `a placeholder stands for an attachment that there is`(number: String) throws {
        var assembler = SocketIOPacketAssembler()
        let packet = try SocketIOPacket(
            decoding: Array(#"52-["a",{"x":[{"_placeholder":true,"num":\#(number)}]}]"#.utf8)[...])
        #expect(throws: SocketIOPacketAssembler.AssemblyError.placeholder) {
            try assembler.take(packet, bytesMax: 10)
        }
    }
}
