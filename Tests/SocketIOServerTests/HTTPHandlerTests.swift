// SPDX-License-Identifier: Apache-2.0

import Logging
import Sockets
import Testing

@testable import SocketIOServer

struct HTTPHandlerTests {
    @Test(arguments: [
        ("/socket.io/", 5), ("/socket.io/?EIO=3&transport=polling", 5), ("/socket.io/?EIO=abc", 5),
        ("/socket.io/?EIO=4", 0),
        ("/socket.io/?EIO=4&transport=abc", 0), ("/socket.io/?EIO=4&transport=polling&j=0", 3),
        ("/socket.io/?EIO=4&transport=polling&sid=x", 1),
        ("/socket.io/?EIO=4&transport=polling&sid=", 1),
        // A session of a loop that there is not.
        ("/socket.io/?EIO=4&transport=polling&sid=________AAAAAAAAAAAA", 1),
    ])
    func `a refusal has the code of the protocol's reference`(target: String, code: Int) throws {
        let answer = try Harness().connect().get(target)
        #expect(answer.status == 400)
        #expect(answer.headers["content-type"] == "application/json")
        #expect(answer.body.hasPrefix(#"{"code":\#(code),"message":""#))
    }

    @Test(arguments: ["POST", "PUT", "DELETE", "PATCH"])
    func `a session begins with GET`(method: String) throws {
        let harness = try Harness()
        let connection = try harness.connect()
        try connection.request(method, "/socket.io/?EIO=4&transport=polling", body: "")
        let answer = try #require(try connection.answer())
        #expect(answer.status == 400 && answer.body.hasPrefix(#"{"code":2"#))
        #expect(harness.sessions == 0)
    }

    @Test func `other methods do nothing to a session`() throws {
        let harness = try Harness()
        let (connection, target) = try harness.poller()
        try connection.request("PUT", target, body: "41")
        #expect(try connection.answer()?.status == 400)
        #expect(try connection.post(target, "40").status == 200)
    }

    @Test func `the slash at the path's end may be missing, and other paths are not there`() throws
    {
        let connection = try Harness().connect()
        #expect(try connection.get("/socket.io?EIO=4&transport=polling").status == 200)
        #expect(try connection.get("/socket.iox/?EIO=4&transport=polling").status == 404)
        #expect(try connection.get("/").status == 404)
        #expect(try connection.get("/health").body == "ok")
    }

    // MARK: Origins

    @Test(arguments: [
        ("http://chat.example", 200), ("https://chat.example", 200), ("https://app.example", 200),
        ("HTTPS://App.Example", 200), ("https://evil.example", 403), ("null", 403), ("", 403),
    ])
    func `pages of the site and of those that are allowed may connect`(origin: String, status: Int)
        throws
    {
        let app = try #require(Origin("https://app.example"))
        let harness = try Harness { $0.allowedOrigins = [app] }
        for target in [
            "/socket.io/?EIO=4&transport=polling", "/socket.io/?EIO=4&transport=websocket",
        ] {
            let isWebSocket = target.hasSuffix("websocket")
            let connection = try harness.connect()
            var headers = isWebSocket ? TestConnection.upgradeHeaders : [:]
            headers["Origin"] = origin
            try connection.request("GET", target, headers)
            let text = try connection.all()
            #expect(text.hasPrefix("HTTP/1.1 \(status == 200 && isWebSocket ? 101 : status) "))
        }
        #expect(harness.count(.refused(.origin)) == (status == 403 ? 2 : 0))
    }

    @Test func `a refused origin is told to the operator once, and of made-up ones a hundred`()
        throws
    {
        let log = RecordingLog()
        let harness = try Harness(logger: Logger(label: "test") { _ in log })
        func ask(_ origin: String) throws {
            let target = "/socket.io/?EIO=4&transport=polling"
            #expect(try harness.connect().get(target, ["Origin": origin]).status == 403)
        }
        for _ in 0..<3 { try ask("https://evil.example") }
        #expect(log.lines == ["origin refused chat.example https://evil.example"])
        for number in 0..<200 { try ask("https://evil\(number).example") }
        try ask("https://" + String(repeating: "x", count: 1_000))
        #expect(log.lines.count == 100)
    }

    @Test func `a foreign page that is allowed is told so, the site's own needs nothing`() throws {
        let app = try #require(Origin("https://app.example"))
        let harness = try Harness { $0.allowedOrigins = [app] }
        let target = "/socket.io/?EIO=4&transport=polling"
        let foreign = try harness.connect().get(target, ["Origin": "https://app.example"])
        #expect(foreign.headers["access-control-allow-origin"] == "https://app.example")
        #expect(foreign.headers["access-control-allow-credentials"] == "true")
        let own = try harness.connect().get(target, ["Origin": "https://chat.example"])
        #expect(own.headers["access-control-allow-origin"] == nil)
        let connection = try harness.connect()
        try connection.request("OPTIONS", target, ["Origin": "https://app.example"])
        #expect(try connection.answer()?.status == 204)
    }

    @Test func `the scheme that the proxy tells is the one that counts`() throws {
        let harness = try Harness()
        let headers = ["Origin": "http://chat.example", "X-Forwarded-Proto": "https"]
        #expect(
            try harness.connect().get("/socket.io/?EIO=4&transport=polling", headers).status == 403)
    }

    // MARK: Opening handshakes

    @Test(arguments: [
        ("Sec-WebSocket-Version", "8", 426), ("Sec-WebSocket-Version", "", 426),
        ("Sec-WebSocket-Key", "short", 400),
        ("Connection", "close", 400), ("Upgrade", "h2c", 400),
    ])
    func `a malformed wish for a WebSocket is refused, and the connection closed`(
        name: String, value: String, status: Int
    ) throws {
        let harness = try Harness(rawWebSocketPath: "/raw")
        for target in ["/socket.io/?EIO=4&transport=websocket", "/raw"] {
            let connection = try harness.connect()
            let headers = TestConnection.upgradeHeaders.merging(
                [name: value], uniquingKeysWith: { $1 })
            let answer = try connection.get(target, headers)
            #expect(answer.status == status)
            #expect(answer.headers["connection"] == "close")
            #expect(answer.headers["sec-websocket-version"] == (status == 426 ? "13" : nil))
        }
        #expect(harness.sessions == 0)
    }

    // MARK: Bounds

    @Test func `a body is as large as it may be, and not larger`() throws {
        let harness = try Harness(echoesMessages: true) { $0.payloadBytesMax = 1_000 }
        let (connection, target) = try harness.poller()
        let most = "4" + String(repeating: "x", count: 999)
        #expect(try connection.post(target, most).status == 200)
        let answer = try connection.post(target, most + "x")
        #expect(answer.status == 413 && answer.headers["connection"] == "close")
        // The session has not seen it.
        #expect(try harness.connect().get(target).body == most)
    }

    @Test func `a chunked body is bounded as well`() throws {
        let harness = try Harness(echoesMessages: true) { $0.payloadBytesMax = 1_000 }
        let (connection, target) = try harness.poller()
        let chunk = "1f4\r\n" + String(repeating: "x", count: 500) + "\r\n"
        try connection.write(
            "POST \(target) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        try connection.write(chunk + chunk)
        #expect(try connection.answer() == nil)
        try connection.write(chunk)
        #expect(try connection.answer()?.status == 413)
        try? connection.write(chunk + "0\r\n\r\n")
        #expect(try connection.answer() == nil)
    }

    @Test func `heads are bounded, in length and in number`() throws {
        let harness = try Harness()
        let target = "/socket.io/?EIO=4&transport=polling"
        #expect(
            try harness.connect().get(target, ["X": String(repeating: "y", count: 17_000)]).status
                == 431)
        var many: [String: String] = [:]
        for index in 0..<101 { many["X-\(index)"] = "y" }
        #expect(try harness.connect().get(target, many).status == 431)
    }

    @Test func `an endless target ends`() throws {
        let connection = try Harness().connect()
        try connection.write("GET /")
        for _ in 0..<40 where connection.isOpen {
            try? connection.write(String(repeating: "x", count: 8_192))
        }
        #expect(connection.isClosed)
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "nonsense\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}",
        "GET / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    ])
    func `what is not HTTP is refused, and the connection closed`(text: String) throws {
        let connection = try Harness().connect()
        try connection.write(text)
        #expect(try connection.all().hasPrefix("HTTP/1.1 400 "))
        try? connection.write("GET /health HTTP/1.1\r\n\r\n")
        #expect(try connection.all() == "")
    }

    @Test func `a request has to be whole in time, and dripping wins none`() throws {
        let harness = try Harness { $0.requestTimeout = 15_000 }
        let connection = try harness.connect()
        harness.advance(14_000)
        for byte in "GET /health HTTP".utf8 {
            try connection.write([byte])
            harness.advance(900)
        }
        harness.advance(599)
        #expect(connection.isOpen)
        harness.advance(1)
        #expect(connection.isClosed)

        let (poster, target) = try harness.poller()
        try poster.write("POST \(target) HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n")
        for _ in 0..<14 {
            harness.advance(1_000)
            try poster.write("4")
        }
        #expect(poster.isOpen)
        harness.advance(1_000)
        #expect(poster.isClosed)
        #expect(harness.count(.requestTimedOut) == 2)
    }

    @Test func `who says nothing at all is let go in time`() throws {
        let harness = try Harness { $0.requestTimeout = 15_000 }
        let connection = try harness.connect()
        harness.advance(14_500)
        #expect(connection.isOpen)
        harness.advance(500)
        #expect(connection.isClosed)
        #expect(harness.count(.requestTimedOut) == 1)
        #expect(harness.loop.admission.connectionCount == 0)
    }

    @Test func `a connection may wait for its next request longer than proxies keep theirs`() throws
    {
        let harness = try Harness()
        let connection = try harness.connect()
        _ = try connection.get("/health")
        harness.advance(74_000)
        _ = try connection.get("/health")
        harness.advance(75_000)
        #expect(connection.isClosed)
    }

    @Test func `a second request before the answer ends the connection, and the poll with it`()
        throws
    {
        let harness = try Harness()
        let (connection, target) = try harness.poller()
        try connection.request("GET", target)
        try? connection.request("GET", target)
        #expect(connection.isClosed)
        #expect(harness.sessions == 0)
    }

    @Test func `requests that are answered at once may come in one piece`() throws {
        let connection = try Harness().connect()
        let request = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
        try connection.write(request + request + request)
        #expect(try connection.all().split(separator: "HTTP/1.1 200").count == 3)
    }

    @Test func `who wants no further request is not kept`() throws {
        let connection = try Harness().connect()
        let answer = try connection.get("/health", ["Connection": "close"])
        #expect(answer.headers["connection"] == "close")
    }

    // MARK: Admission

    @Test func `who is one too many is asked to come again`() throws {
        let harness = try Harness {
            $0.connectionsPerAddressMax = 1; $0.connectionsMax = 2
        }
        let target = "/socket.io/?EIO=4&transport=polling"
        #expect(try harness.connect().get(target, ["X-Real-IP": "192.0.2.1"]).status == 200)
        let again = try harness.connect().get(target, ["X-Real-IP": "192.0.2.1"])
        #expect(again.status == 429 && again.headers["retry-after"] != nil)
        #expect(try harness.connect().get(target, ["X-Real-IP": "192.0.2.2"]).status == 200)
        #expect(try harness.connect().get(target, ["X-Real-IP": "192.0.2.3"]).status == 503)
        #expect(harness.count(.refused(.addressFull)) == 1)
        #expect(harness.count(.refused(.full)) == 1)
        #expect(harness.sessions == 2)
    }

    @Test func `of an address counts what the configuration says`() throws {
        let harness = try Harness {
            $0.connectionsPerAddressMax = 1
            $0.countedAddress = { String($0.prefix(4)) }
        }
        let target = "/socket.io/?EIO=4&transport=polling"
        #expect(try harness.connect().get(target, ["X-Real-IP": "2001:db8::1"]).status == 200)
        #expect(try harness.connect().get(target, ["X-Real-IP": "2001:db8::2"]).status == 429)
        #expect(try harness.connect().get(target, ["X-Real-IP": "2002:db8::1"]).status == 200)
        #expect(harness.sessions == 2)
    }

    @Test func `an origin is looked at if it is no longer than any can be`() throws {
        let target = "/socket.io/?EIO=4&transport=polling"
        for (count, status) in [(200, 200), (259, 200), (260, 403), (10_000, 403)] {
            let host = String(repeating: "a", count: count)
            let headers = ["Host": host, "Origin": "https://" + host]
            #expect(try Harness().connect().get(target, headers).status == status)
        }
    }

    @Test func `the proxy's word on the address counts only where one is`() throws {
        let harness = try Harness {
            $0.connectionsPerAddressMax = 1; $0.trustsProxy = false
        }
        let target = "/socket.io/?EIO=4&transport=polling"
        #expect(try harness.connect().get(target, ["X-Real-IP": "192.0.2.1"]).status == 200)
        #expect(try harness.connect().get(target, ["X-Real-IP": "192.0.2.2"]).status == 429)
    }

    @Test func `who is not the front end says neither who a client is nor where it comes from`()
        throws
    {
        let text = String(repeating: "s", count: 32)
        let secret: FrontEndSecret = try #require(FrontEndSecret(text))
        let harness = try Harness { $0.frontEnd = FrontEndPolicy(secret: secret) }
        let target = "/socket.io/?EIO=4&transport=polling"
        for header in ["X-Real-IP", "X-Remote-User", "X-Halls-Expires"] {
            for (said, status) in [(nil, 403), (text + "s", 403), ("", 403), (text, 200)] {
                let headers = [header: "ann", "X-Halls-Secret": said].compactMapValues(\.self)
                #expect(try harness.connect().get(target, headers).status == status)
            }
        }
        // Who says nothing of this kind may come by itself.
        #expect(try harness.connect().get(target).status == 200)
        #expect(harness.count(.refused(.frontEnd)) == 9)

        let loop = harness.loop
        for (said, address, user) in [("x", "198.51.100.7", nil), (text, "192.0.2.1", "ann")] {
            let told = ToldByFrontEnd(
                secret: said, realIP: "192.0.2.1", remoteUser: "ann", expires: "17")
            let handshake = loop.handshake(told, peer: "198.51.100.7", cookie: nil)
            #expect(handshake.address == address && handshake.remoteUser == user)
            #expect(handshake.expires == user.map { _ in "17" })
            #expect(handshake.isForged == (user == nil))
        }
    }

    @Test func `connections are bounded, those without a session too`() throws {
        let harness = try Harness { $0.connectionsMax = 0 }
        // As many as there may be without a session, without that many descriptors.
        while harness.loop.admission.connectionCount < 1_000 {
            #expect(harness.loop.admission.openConnection())
        }
        #expect(try harness.connect().isClosed)
        #expect(harness.count(.refused(.connections)) == 1)
        harness.loop.admission.closeConnection()
        #expect(try harness.connect().isOpen)
    }
}
