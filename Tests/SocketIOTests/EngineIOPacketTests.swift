// SPDX-License-Identifier: Apache-2.0

import SocketIO
import Testing

private func bytes(_ text: String) -> ArraySlice<UInt8> { Array(text.utf8)[...] }

struct EngineIOPacketTests {
    private static let packets: [(EngineIOPacket, String)] = [
        (.open(bytes("{}")), "0{}"), (.close, "1"), (.ping([]), "2"),
        (.ping(bytes("probe")), "2probe"),
        (.pong([]), "3"), (.pong(bytes("probe")), "3probe"), (.message([]), "4"),
        (.message(bytes("hällo 😀")), "4hällo 😀"), (.upgrade, "5"), (.noop, "6"),
        (.binary([1, 2, 3, 4]), "bAQIDBA=="), (.binary([]), "b"),
    ]

    @Test(arguments: packets)
    func `every kind of packet reads and writes`(packet: EngineIOPacket, text: String) throws {
        #expect(packet.text == Array(text.utf8))
        #expect(try EngineIOPacket(polled: bytes(text)) == packet)
        if case .binary = packet { return }
        #expect(try EngineIOPacket(text: bytes(text)) == packet)
    }

    @Test(arguments: ["7", "abc", "9x", " 4", "-1", "\u{1E}", "/"])
    func `an unknown type is refused`(text: String) throws {
        let type = try #require(text.utf8.first)
        #expect(throws: EngineIOPacket.DecodingError.self) {
            try EngineIOPacket(polled: bytes(text))
        }
        #expect(throws: EngineIOPacket.DecodingError.unknownType(type)) {
            try EngineIOPacket(text: bytes(text))
        }
    }

    @Test func `nothing is no packet, and base64 belongs to polls alone`() {
        #expect(throws: EngineIOPacket.DecodingError.empty) { try EngineIOPacket(text: []) }
        #expect(throws: EngineIOPacket.DecodingError.empty) { try EngineIOPacket(polled: []) }
        #expect(throws: EngineIOPacket.DecodingError.unknownType(98)) {
            try EngineIOPacket(text: bytes("bAQID"))
        }
        #expect(throws: EngineIOPacket.DecodingError.invalidBase64) {
            try EngineIOPacket(polled: bytes("b!"))
        }
    }
}

struct EngineIOPayloadTests {
    @Test func `packets are read in their order`() throws {
        let body = Array("4test1\u{1E}bAQIDBA==\u{1E}3\u{1E}4".utf8)
        #expect(
            try EngineIOPayload.decode(body, packetsMax: 4) == [
                .message(bytes("test1")), .binary([1, 2, 3, 4]), .pong([]), .message([]),
            ])
    }

    @Test func `as many packets are read as may be, and not one more`() throws {
        let body = Array("42\u{1E}42\u{1E}42".utf8)
        #expect(try EngineIOPayload.decode(body, packetsMax: 3)?.count == 3)
        #expect(try EngineIOPayload.decode(body, packetsMax: 2) == nil)
    }

    @Test(arguments: [
        "", "\u{1E}", "4a\u{1E}", "\u{1E}4a", "4a\u{1E}\u{1E}4b", "4a\u{1E}x", "4a\u{1E}b*",
    ])
    func `one bad packet spoils the body`(body: String) {
        #expect(throws: EngineIOPacket.DecodingError.self) {
            try EngineIOPayload.decode(Array(body.utf8), packetsMax: 10)
        }
    }

    @Test func `the handshake has its five members in their order`() {
        let handshake = EngineIOHandshake(
            sid: "abc", upgrades: ["websocket"], pingInterval: 25_000, pingTimeout: 20_000,
            maxPayload: 1_000_000)
        #expect(
            String(decoding: handshake.packet, as: UTF8.self)
                == #"0{"sid":"abc","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
        )
    }
}
