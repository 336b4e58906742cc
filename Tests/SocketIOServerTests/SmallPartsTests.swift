// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import NIOCore
import Testing

@testable import SocketIOServer

struct SessionIDTests {
    @Test func `an id comes back from its text, and knows its loop`() throws {
        for loop in [0, 1, 63, 64, 255] {
            let id = SessionID.random(loop: loop)
            #expect(id.text.utf8.count == 20)
            #expect(
                id.text.allSatisfy {
                    $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_")
                })
            #expect(SessionID(text: id.text) == id)
            #expect(id.loop == loop)
        }
    }

    @Test func `no two ids are the same`() {
        let ids = Set((0..<10_000).map { _ in SessionID.random(loop: 1) })
        #expect(ids.count == 10_000)
        #expect(Set((0..<100).map { _ in SessionID.randomSocketID() }).count == 100)
    }

    @Test(arguments: [
        "", "short", "AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAA!", "AAAAAAAAA AAAAAAAAAA",
        "ääääääääää",
    ])
    func `what cannot be an id is none`(text: String) {
        #expect(SessionID(text: text) == nil)
    }
}

struct RequestTargetTests {
    @Test func `path and parameters are told apart`() {
        let target = RequestTarget(
            "/socket.io/?EIO=4&transport=polling&t=N%20x&sid=a=b&b64&&=x&EIO=3")
        #expect(target.path == "/socket.io/")
        #expect(target["EIO"] == "4")
        #expect(target["transport"] == "polling")
        #expect(target["sid"] == "a=b")
        #expect(target["b64"] == "")
        #expect(target["t"] == "N%20x")
    }

    @Test(arguments: ["", "?", "/", "/a?", "/a?&&&", "/a??b=c", "*"])
    func `strange targets stop nobody`(uri: String) {
        #expect(RequestTarget(uri)["EIO"] == nil)
    }
}

struct WebSocketAcceptTests {
    @Test func `the example of RFC 6455 is answered`() {
        #expect(
            WebSocketAccept.value(for: "dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        )
    }

    @Test(arguments: [
        "", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25j", "dGhlIHNhbXBsZSBub25jZQ==x",
        "dGhlIHNhbXBsZSBub25jZSEhISE=", "!GhlIHNhbXBsZSBub25jZQ==",
    ])
    func `a key that is not 16 bytes is none`(key: String) {
        #expect(WebSocketAccept.value(for: key) == nil)
    }

    /// RFC 3174 §7.3, and the empty text of FIPS 180.
    @Test(arguments: [
        ("abc", 1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
        ),
        ("a", 1_000_000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"),
        (
            "0123456701234567012345670123456701234567012345670123456701234567", 10,
            "dea356a2cddd90c7a7ecedc5ebb563934f460452"
        ),
        ("", 1, "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    ])
    func `SHA-1 has its known values`(text: String, times: Int, digest: String) {
        let message = Array(repeatElement(Array(text.utf8), count: times).joined())
        let hexadecimal = WebSocketAccept.sha1(message).map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }
        #expect(hexadecimal.joined() == digest)
    }
}

struct AdmissionTests {
    private func admission(_ configure: (inout ServerConfiguration) -> Void) -> Admission {
        var configuration = ServerConfiguration()
        configure(&configuration)
        return Admission(configuration)
    }

    @Test func `as many sessions begin as may be, and one more when one has ended`() {
        let admission = admission { $0.connectionsMax = 2 }
        #expect(admission.begin(address: "a") == nil)
        #expect(admission.begin(address: "b") == nil)
        #expect(admission.begin(address: "c") == .full)
        admission.end(address: "a")
        #expect(admission.begin(address: "c") == nil)
        #expect(admission.count == 2)
    }

    @Test func `an address has its own bound`() {
        let admission = admission { $0.connectionsPerAddressMax = 2 }
        #expect(admission.begin(address: "a") == nil)
        #expect(admission.begin(address: "a") == nil)
        #expect(admission.begin(address: "a") == .addressFull)
        #expect(admission.begin(address: "b") == nil)
        admission.end(address: "a")
        #expect(admission.begin(address: "a") == nil)
    }

    @Test func `who comes too early comes again in the next second`() {
        let admission = admission { $0.handshakesPerSecond = 2 }
        let now = NIODeadline.uptimeNanoseconds(5_200_000_000)
        #expect(admission.begin(address: "a", now: now) == nil)
        #expect(admission.begin(address: "b", now: now) == nil)
        #expect(admission.begin(address: "c", now: now + .milliseconds(700)) == .tooFast)
        #expect(admission.begin(address: "c", now: now + .milliseconds(800)) == nil)
    }
}

@Suite struct EncodedPacketsTests {
    @Test(arguments: [0, 1, 125, 126, 127, 65_535, 65_536])
    func `polls get the packets that stand in the frames`(length: Int) {
        let long = [UInt8](repeating: UInt8(ascii: "x"), count: length)
        var (packets, frames) = (EncodedPackets(), [UInt8]())
        for text in [[52], long, [50]] {
            packets.append(EncodedPackets(capacity: 10) { $0.raw(text) })
            frames += webSocketFrame(.text, text)
        }
        #expect(packets.frames == frames)
        #expect(packets.packets() == [[52], long, [50]])
        #expect(EncodedPackets().packets().isEmpty)
    }

    @Test(arguments: [0, 100, 1_000, 70_000])
    func `the argument of an event is found again`(length: Int) {
        let argument = String(repeating: "x", count: length)
        let event = EncodedPackets(event: "news") { $0.string(argument) }
        let found = event.frames[event.argument(ofEvent: "news")]
        #expect(String(decoding: found, as: UTF8.self) == "\"" + argument + "\"")
    }
}
