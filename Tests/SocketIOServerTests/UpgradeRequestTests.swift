// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import SocketIOServer

struct UpgradeRequestTests {
    private static let plain = """
        GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r
        Host: chat.example\r
        Origin: https://chat.example\r
        Upgrade: websocket\r
        Connection: keep-alive, Upgrade\r
        Sec-WebSocket-Version: 13\r
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
        Sec-WebSocket-Protocol: v2.chat , other\r
        Cookie: halls_session=abc; other=\td e\r
        X-Real-IP:192.0.2.1\r
        X-Remote-User:   ann\r
        X-Halls-Expires: 1764487345\r
        X-Halls-Secret: between us\r
        X-Forwarded-Proto: https\r
        \r

        """

    private func read(_ text: String) -> (request: UpgradeRequest, end: Int)? {
        var end = -1
        let bytes = Array(text.utf8)
        return UpgradeRequest(bytes, count: bytes.count, end: &end).map { ($0, end) }
    }

    /// The same by the parser for all of HTTP.
    private func parse(_ bytes: [UInt8]) throws -> UpgradeRequest? {
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(HTTPRequestDecoder()))
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        try channel.writeInbound(ByteBuffer(bytes: bytes))
        guard case .head(let head)? = try channel.readInbound(as: HTTPServerRequestPart.self) else {
            return nil
        }
        return UpgradeRequest(head)
    }

    @Test func `an opening handshake is read, with what is needed of it`() throws {
        let text = Self.plain
        let (request, end) = try #require(read(text + "behind it"))
        #expect(end == text.utf8.count)
        #expect(request.target == "/socket.io/?EIO=4&transport=websocket")
        #expect(request.accept == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(request.host == "chat.example" && request.origin == "https://chat.example")
        #expect(request.cookie == "halls_session=abc; other=\td e")
        #expect(request.told.realIP == "192.0.2.1" && request.told.remoteUser == "ann")
        #expect(request.told.expires == "1764487345" && request.told.secret == "between us")
        #expect(request.forwardedProtocol == "https")
        #expect(request.subprotocol == "v2.chat")
        for (trustsProxy, address) in [(true, "192.0.2.1"), (false, "198.51.100.7")] {
            let loop = try Harness { $0.trustsProxy = trustsProxy }.loop
            #expect(loop.handshake(request, peer: "198.51.100.7").address == address)
        }
    }

    @Test(arguments: [
        ("GET ", "POST "), ("GET ", "get "), ("GET ", " GET "), ("HTTP/1.1", "HTTP/1.0"),
        ("HTTP/1.1", "HTTP/1.1 "), ("/socket", "socket"), ("/socket", "/soc ket"),
        ("Upgrade: websocket\r\n", ""), ("websocket\r\n", "websockets\r\n"),
        ("keep-alive, Upgrade", "keep-alive"), ("keep-alive, Upgrade", "keep-alive Upgrade"),
        ("Version: 13", "Version: 8"), ("dGhl", "dGh"), ("\r\nOrigin", "\nOrigin"),
        ("\r\n\r\n", "\r\n"), ("Host: ", "Host : "), ("Host: ", "Ho st: "), ("Host: ", " Host: "),
        ("ann", "ann "), ("Host: ", "Content-Length: 5\r\nHost: "), ("Host: ", "Host: \u{0}"),
        ("Host: ", "Transfer-Encoding: chunked\r\nHost: "), ("Host: ", "nonsense\r\nHost: "),
        ("X-Real-IP:192", "X-Real-IP:\u{E4}192"),
    ])
    func `what is not exactly one is left to others`(part: String, other: String) throws {
        let text = try #require(
            Self.plain.firstRange(of: part).map { Self.plain.replacingCharacters($0, other) })
        #expect(read(text) == nil)
    }

    @Test func `a header that came twice is all of it, by either parser`() throws {
        let text =
            Self.plain.dropLast() + """
                cookie: halls_session=def\r
                Origin: https://evil.example\r
                X-Remote-User: ben\r
                X-Halls-Expires: 9999999999\r
                X-Real-IP: 192.0.2.2\r
                X-Forwarded-Proto: http\r
                \r

                """
        let (request, _) = try #require(read(String(text)))
        #expect(request.cookie == "halls_session=abc; other=\td e; halls_session=def")
        #expect(request.origin == "https://chat.example, https://evil.example")
        #expect(request.told.remoteUser == "ann, ben")
        #expect(request.told.expires == "1764487345, 9999999999")
        #expect(request.told.realIP == "192.0.2.1, 192.0.2.2")
        #expect(request.forwardedProtocol == "https, http")
        #expect(try parse(Array(text.utf8)) == request)
    }

    @Test(
        arguments: [
            ("a, b", "a"), ("a", "a"), ("a,b", "a"), ("a\tb", nil), ("", nil), (",a", nil),
            ("a b, c", nil), ("\"a\"", nil), ("a/b", nil), ("a;b", nil),
            ("!#$%&'*+-.^_`|~09azAZ", "!#$%&'*+-.^_`|~09azAZ"),
            (String(repeating: "x", count: 128), String(repeating: "x", count: 128)),
            (String(repeating: "x", count: 129), nil),
        ] as [(String, String?)])
    func `the first subprotocol is answered, if it is a token`(offered: String, chosen: String?)
        throws
    {
        // The second way is that of the parser for all of HTTP.
        for detour in ["", "X-Detour: \u{E4}\r\n"] {
            let connection = try Harness().connect()
            let text = Self.plain.replacing("v2.chat , other\r\n", with: "\(offered)\r\n\(detour)")
            try connection.write(text)
            let answer = try connection.all().split(separator: "\r\n\r\n")[0]
            #expect(answer.hasPrefix("HTTP/1.1 101 "))
            let lines = answer.split(separator: "\r\n").filter {
                $0.hasPrefix("Sec-WebSocket-Protocol")
            }
            #expect(lines == (chosen.map { ["Sec-WebSocket-Protocol: \($0)"] } ?? []))
        }
    }

    @Test(arguments: [
        "Host: evil.example", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ])
    func `what may stand in a handshake once makes it none where it comes twice`(line: String)
        throws
    {
        #expect(read(Self.plain.dropLast() + line + "\r\n\r\n") == nil)
        let connection = try Harness().connect()
        try connection.write(String(Self.plain.dropLast()) + line + "\r\n\r\n")
        #expect(try connection.all().hasPrefix("HTTP/1.1 4"))
    }

    @Test func `heads are bounded, in length and in number`() {
        // CR and LF are one character.
        let start = Self.plain.dropLast()
        #expect(read(start + "X: " + String(repeating: "y", count: 15_000) + "\r\n\r\n") != nil)
        #expect(read(start + "X: " + String(repeating: "y", count: 17_000) + "\r\n\r\n") == nil)
        #expect(read(start + String(repeating: "X: y\r\n", count: 87) + "\r\n") != nil)
        #expect(read(start + String(repeating: "X: y\r\n", count: 90) + "\r\n") == nil)
    }

    @Test func `what is read has the same meaning for the parser of all of HTTP`() throws {
        let original = Array(Self.plain.utf8)
        let strange = Array("\r\n\t :,;=?/\0\u{7F}\u{80}aAuU0\"".utf8)
        var taken = 0
        for _ in 0..<20_000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...2) {
                let place = Int.random(in: 0..<bytes.count)
                switch Int.random(in: 0..<4) {
                case 0: bytes[place] = strange.randomElement() ?? 0
                case 1: bytes.insert(strange.randomElement() ?? 0, at: place)
                case 2: bytes.remove(at: place)
                default: bytes[place] ^= 0x20
                }
            }
            var end = 0
            guard let request = UpgradeRequest(bytes, count: bytes.count, end: &end) else {
                continue
            }
            taken += 1
            let other = try? parse(bytes)
            #expect(other == request, "\(String(decoding: bytes, as: UTF8.self))")
        }
        #expect(taken > 1_000)
    }
}

extension String {
    fileprivate func replacingCharacters(_ range: Range<String.Index>, _ other: String) -> String {
        self[..<range.lowerBound] + other + self[range.upperBound...]
    }
}
