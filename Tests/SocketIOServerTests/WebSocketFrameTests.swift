// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import SocketIOServer

struct WebSocketMessageReaderTests {
    /// What comes of some bytes, given in one piece and dripped byte by byte: both must be the same.
    private func read(
        _ bytes: [UInt8], payloadMax: Int = 1_000_000
    ) -> (messages: [WebSocketMessage], error: WebSocketError?) {
        func read(pieces: some Sequence<ArraySlice<UInt8>>) -> ([WebSocketMessage], WebSocketError?)
        {
            var reader = WebSocketMessageReader()
            var (buffer, place) = ([UInt8](), 0)
            var messages: [WebSocketMessage] = []
            do throws(WebSocketError) {
                for piece in pieces {
                    buffer.append(contentsOf: piece)
                    while let message = try reader.next(
                        from: buffer, at: &place, end: buffer.count, payloadMax: payloadMax)
                    {
                        messages.append(message)
                    }
                }
                return (messages, nil)
            } catch {
                return (messages, error)
            }
        }
        let whole = read(pieces: [bytes[...]])
        let dripped = read(pieces: bytes.indices.map { bytes[$0...$0] })
        #expect(whole.0 == dripped.0 && whole.1 == dripped.1)
        return whole
    }

    @Test func `the masked examples of RFC 6455 are read`() {
        let hello: [UInt8] = [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]
        #expect(read(hello).messages == [.text(Array("Hello".utf8))])
        let ping: [UInt8] = [0x89, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]
        #expect(read(ping).messages == [.ping(Array("Hello".utf8))])
    }

    @Test(arguments: [0, 1, 3, 4, 5, 125, 126, 127, 65_535, 65_536, 70_001])
    func `messages of every form of length are read`(size: Int) {
        let payload = (0..<size).map { UInt8($0 * 7 & 255) }
        #expect(read(clientFrame(.binary, payload)).messages == [.binary(payload)])
    }

    @Test func `control frames may come between fragments`() {
        let bytes =
            clientFrame(.text, Array("fra".utf8), isFinal: false) + clientFrame(.ping, [1])
            + clientFrame(.continuation, [], isFinal: false) + clientFrame(.pong, [])
            + clientFrame(.continuation, Array("gment".utf8)) + clientFrame(.text, Array("x".utf8))
        let expected: [WebSocketMessage] = [
            .ping([1]), .pong, .text(Array("fragment".utf8)), .text(Array("x".utf8)),
        ]
        #expect(read(bytes).messages == expected)
    }

    @Test func `a character may be split over fragments`() {
        let text = Array("a😀ä".utf8)
        for cut in 0...text.count {
            let bytes =
                clientFrame(.text, Array(text[..<cut]), isFinal: false)
                + clientFrame(.continuation, Array(text[cut...]))
            #expect(read(bytes).messages == [.text(text)])
        }
    }

    @Test(
        arguments: [
            [0x80], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFF], [0xC3],
            [0x61, 0xE2, 0x82],
        ] as [[UInt8]])
    func `text that is not UTF-8 is refused, binary is not`(payload: [UInt8]) {
        #expect(read(clientFrame(.text, payload)).error == .invalidText)
        #expect(
            read(
                clientFrame(.text, [payload[0]], isFinal: false)
                    + clientFrame(.continuation, Array(payload.dropFirst()))
            ).error == .invalidText)
        #expect(read(clientFrame(.binary, payload)).messages == [.binary(payload)])
    }

    @Test func `reserved bits and opcodes are refused`() {
        for first in UInt8.min...UInt8.max {
            var bytes = clientFrame(.text, Array("ab".utf8))
            bytes[0] = first
            let isKnown = [0x80, 0x81, 0x82, 0x88, 0x89, 0x8A, 0x00, 0x01, 0x02].contains(first)
            if !isKnown { #expect(read(bytes).error == .protocolError, "\(first)") }
        }
    }

    @Test func `an unmasked frame is refused`() {
        #expect(read([0x81, 0x02, 0x61, 0x62]).error == .protocolError)
        #expect(read([0x88, 0x00]).error == .protocolError)
    }

    @Test func `lengths have their shortest form`() {
        for bytes: [UInt8] in [
            [0x82, 0xFE, 0, 125], [0x82, 0xFE, 0, 0], [0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF],
            [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0],
        ] {
            #expect(read(bytes + [1, 2, 3, 4]).error == .protocolError)
        }
    }

    @Test func `control frames are small and whole`() {
        #expect(read(clientFrame(.ping, Array(repeating: 0, count: 125))).error == nil)
        for opcode in [WebSocketFrame.Opcode.ping, .pong, .close] {
            #expect(
                read(clientFrame(opcode, Array(repeating: 0, count: 126))).error == .protocolError)
            #expect(read(clientFrame(opcode, [], isFinal: false)).error == .protocolError)
        }
    }

    @Test func `fragments come in their order`() {
        let text = Array("a".utf8)
        #expect(read(clientFrame(.continuation, text)).error == .protocolError)
        #expect(
            read(clientFrame(.text, text, isFinal: false) + clientFrame(.text, text)).error
                == .protocolError)
        #expect(
            read(clientFrame(.text, text, isFinal: false) + clientFrame(.binary, text)).error
                == .protocolError)
    }

    @Test func `a message is as large as it may be, in one frame or in many, and not larger`() {
        let ten = Array(repeating: UInt8(ascii: "x"), count: 10)
        #expect(read(clientFrame(.text, ten), payloadMax: 10).messages == [.text(ten)])
        #expect(read(clientFrame(.text, ten + ten), payloadMax: 19).error == .tooLarge)
        let two = clientFrame(.text, ten, isFinal: false) + clientFrame(.continuation, ten)
        #expect(read(two, payloadMax: 20).messages == [.text(ten + ten)])
        #expect(read(two, payloadMax: 19).error == .tooLarge)
        // Refused by its header, before any of it is waited for.
        #expect(read([0x82, 0xFF, 0, 0, 0, 1, 0, 0, 0, 0]).error == .tooLarge)
    }

    @Test func `the codes that may be sent are taken, others are not`() {
        for code in UInt16.min...5_100 {
            let bytes = clientFrame(.close, [UInt8(code >> 8), UInt8(code & 255)])
            switch code {
            case 1000...1003, 1007...1014, 3000...4999:
                #expect(read(bytes).messages == [.close(code: code)])
            default: #expect(read(bytes).error == .protocolError)
            }
        }
        #expect(read(clientFrame(.close, [])).messages == [.close(code: nil)])
        #expect(read(clientFrame(.close, [3])).error == .protocolError)
        #expect(read(clientFrame(.close, [3, 0xE8, 0xFF])).error == .invalidText)
    }

    @Test(arguments: [0, 125, 126, 65_535, 65_536])
    func `a frame of the server is unmasked and has the shortest length`(size: Int) {
        let payload = Array(repeating: UInt8(7), count: size)
        let frame = webSocketFrame(.binary, payload)
        let head: [UInt8] =
            switch size {
            case ...125: [0x82, UInt8(size)]
            case ...0xFFFF: [0x82, 126, UInt8(size >> 8), UInt8(size & 255)]
            default: [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]
            }
        #expect(frame == head + payload)
    }
}
