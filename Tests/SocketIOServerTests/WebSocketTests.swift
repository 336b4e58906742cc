// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import SocketIO
import Testing

@testable import SocketIOServer

struct WebSocketTests {
    @Test func `a session on a WebSocket has no upgrades to offer`() throws {
        let harness = try Harness()
        let webSocket = try harness.connect()
        try webSocket.upgrade("/socket.io/?EIO=4&transport=websocket")
        let handshake = try webSocket.text()
        #expect(handshake.hasPrefix(#"0{"sid":""#))
        #expect(
            handshake.hasSuffix(
                #"","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":65536}"#))
    }

    @Test func `events, acknowledgements and attachments come and go`() throws {
        let webSocket = try Harness().webSocket()
        try webSocket.send(#"42["x",1,"ä",{"a":[true,null]}]"#)
        #expect(try webSocket.text() == #"42["back",1,"ä",{"a":[true,null]}]"#)
        try webSocket.send(#"4256["x",1]"#)
        #expect(try webSocket.text() == "4356[1]")
        try webSocket.send(
            #"452-["x",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#)
        try webSocket.send(binary: [1, 2])
        try webSocket.send(binary: [])
        #expect(
            try webSocket.text()
                == #"452-["back",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#)
        #expect(try webSocket.frame()?.payload == [1, 2])
        #expect(try webSocket.frame()?.payload == [])
    }

    @Test func `namespaces come and go by themselves`() throws {
        let harness = try Harness()
        let webSocket = try harness.webSocket()
        try webSocket.send(#"40/custom,{"token":"x"}"#)
        #expect(try webSocket.text().hasPrefix(#"40/custom,{"sid":""#))
        try webSocket.send(#"42/custom,7["x",1]"#)
        #expect(try webSocket.text() == "43/custom,7[1]")
        try webSocket.send("41/custom,")
        try webSocket.send(#"42["x",2]"#)
        #expect(try webSocket.text() == #"42["back",2]"#)
        #expect(harness.application.ended == [.transportClose])
        try webSocket.send("40/closed")
        #expect(try webSocket.text() == #"44/closed,{"message":"No","data":{"code":7}}"#)
        #expect(harness.application.connected.map(\.namespace) == ["/"])
    }

    @Test func `a session is in as many namespaces as it may be, and in no more`() throws {
        let harness = try Harness { $0.namespacesPerSessionMax = 3 }
        let webSocket = try harness.webSocket()
        for name in ["a", "b"] {
            try webSocket.send("40/\(name)")
            _ = try webSocket.text()
        }
        try webSocket.send("40/c")
        try webSocket.expectClose(1008)
    }

    @Test func `an answer to the wish for a namespace may come later, or never`() throws {
        let harness = try Harness { $0.connectTimeout = 5_000 }
        let webSocket = try harness.webSocket(joining: false)
        try webSocket.send("40/later")
        try webSocket.send(#"42/later,["x"]"#)
        #expect(try webSocket.frame() == nil && harness.application.events == [])
        harness.advance(4_000)
        let socket = try #require(harness.application.connected.first)
        socket.accept()
        #expect(try webSocket.text().hasPrefix("40/later,{"))
        harness.advance(10_000)
        #expect(harness.sessions == 1)

        let other = try harness.webSocket(joining: false)
        try other.send("40/later")
        harness.advance(5_000)
        try other.expectClose(1000)
        let late = try #require(harness.application.connected.last)
        late.accept()
        #expect(!late.isConnected)
    }

    @Test(arguments: [
        "abc", "4abc", "42{}", "42abc[\"x\"]", "2", "0", "", "43", "40[]", #"42["disconnect"]"#,
        #"42/nowhere,["x"]"#, "451-[\"x\",{\"_placeholder\":true,\"num\":1}]", "40",
    ])
    func `what is not the protocol ends the session`(text: String) throws {
        let harness = try Harness()
        let webSocket = try harness.webSocket()
        try webSocket.send(text)
        try webSocket.expectClose(1002)
        #expect(harness.application.ended == [.parseError])
        #expect(harness.sessions == 0)
    }

    @Test func `binary that belongs to nothing ends the session`() throws {
        let webSocket = try Harness().webSocket()
        try webSocket.send(binary: [1])
        try webSocket.expectClose(1002)
    }

    @Test func `text where binary is awaited ends the session`() throws {
        let webSocket = try Harness().webSocket()
        try webSocket.send(#"451-["x"]"#)
        try webSocket.send(#"42["x"]"#)
        try webSocket.expectClose(1002)
    }

    @Test func `the client's own close ends the session`() throws {
        let harness = try Harness()
        let webSocket = try harness.webSocket()
        try webSocket.send("1")
        try webSocket.expectClose(1000)
        #expect(harness.application.ended == [.transportClose])
    }

    // MARK: RFC 6455

    @Test func `a goodbye is answered with its code, and the connection closed`() throws {
        let harness = try Harness()
        let webSocket = try harness.webSocket()
        try webSocket.write(clientFrame(.close, [0x0F, 0xA0, 0x78]) + clientFrame(.ping, []))
        try webSocket.expectClose(4000)
        #expect(webSocket.isClosed)
        #expect(harness.application.ended == [.transportClose])
    }

    @Test func `after our goodbye the other side's is waited for, for a moment`() throws {
        let harness = try Harness()
        for isAnswered in [true, false] {
            let webSocket = try harness.webSocket()
            harness.application.connected.first?.closeSession(.policy)
            try webSocket.expectClose(1008)
            try webSocket.send(#"42["late"]"#)
            #expect(webSocket.isOpen && harness.application.events.isEmpty)
            if isAnswered {
                try webSocket.write(clientFrame(.close, [3, 0xF0]))
            } else {
                harness.advance(2_000)
            }
            #expect(webSocket.isClosed)
        }
    }

    @Test func `every break of the protocol has its code`() throws {
        let harness = try Harness { $0.payloadBytesMax = 1_000 }
        for (bytes, code) in [
            ([0x91, 0x80, 0, 0, 0, 0], 1002), ([0x83, 0x80, 0, 0, 0, 0], 1002),
            ([0x81, 0x00], 1002),
            (clientFrame(.text, [0xFF]), 1007), ([0x82, 0xFE, 0x03, 0xE9], 1009),
        ] as [([UInt8], UInt16)] {
            let webSocket = try harness.webSocket()
            try webSocket.write(bytes)
            try webSocket.expectClose(code)
            // What follows is dropped, however bad.
            try webSocket.write([0xFF, 0xFF, 0xFF])
            harness.advance(2_000)
            #expect(webSocket.isClosed)
        }
        #expect(harness.sessions == 0)
    }

    @Test func `pings are answered at once`() throws {
        let webSocket = try Harness().webSocket()
        try webSocket.write(clientFrame(.ping, [7, 8]))
        let pong = try #require(try webSocket.frame())
        #expect(pong.opcode == .pong && pong.payload == [7, 8])
    }

    @Test func `everything may come byte by byte, and frames right behind the request`() throws {
        let harness = try Harness()
        let connection = try harness.connect()
        var text = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\n"
        for (name, value) in TestConnection.upgradeHeaders { text += "\(name): \(value)\r\n" }
        let bytes =
            Array((text + "\r\n").utf8) + clientFrame(.text, Array("40".utf8))
            + clientFrame(.text, Array(#"421["x",5]"#.utf8))
        for byte in bytes { try connection.write([byte]) }
        #expect(try connection.all().hasSuffix("431[5]"))

        let other = try harness.connect()
        try other.write(bytes)
        #expect(try other.all().hasSuffix("431[5]"))
    }

    @Test func `a raw echo is where the server is told to have one`() throws {
        let harness = try Harness(rawWebSocketPath: "/raw")
        let webSocket = try harness.connect()
        try webSocket.upgrade("/raw")
        try webSocket.send("plain")
        #expect(try webSocket.text() == "plain")
        #expect(try Harness().connect().get("/raw", TestConnection.upgradeHeaders).status == 404)
    }

    // MARK: Bounds

    @Test func `who does not read is closed at the bound, without a goodbye`() throws {
        let harness = try Harness { $0.queueBytesMax = 50_000 }
        let webSocket = try harness.webSocket(bufferBytes: 4_608)
        let socket = try #require(harness.application.connected.first)
        var sent = 0
        while socket.isConnected, sent < 1_000 {
            socket.emit("a", [.string(String(repeating: "x", count: 1_000))])
            harness.run()
            sent += 1
        }
        #expect(sent > 50 && sent < 100)
        #expect(harness.application.ended == [.tooSlow])
        #expect(webSocket.isClosed)
    }

    @Test func `who pings and does not read is closed as well`() throws {
        let harness = try Harness { $0.queueBytesMax = 10_000 }
        let webSocket = try harness.webSocket(bufferBytes: 4_608)
        let ping = clientFrame(.ping, [UInt8](repeating: 0, count: 125))
        for _ in 0..<1_000 where harness.sessions == 1 { try? webSocket.write(ping) }
        #expect(harness.application.ended == [.tooSlow])
        #expect(webSocket.isClosed)
    }

    @Test func `what the system does not take at once comes later, whole and in order`() throws {
        let harness = try Harness()
        let webSocket = try harness.webSocket(bufferBytes: 4_608)
        let socket = try #require(harness.application.connected.first)
        for room in 1...2 { harness.loop.join(RoomID(Int64(room)), socket) }
        let text = String(repeating: "x", count: 3_000)
        for number in 0..<40 {
            if number % 3 == 0 {
                socket.emit("a", [.integer(Int64(number)), .string(text)])
            } else {
                let packets = EncodedPackets(event: "a") {
                    $0.integer(Int64(number))
                    $0.raw(",")
                    $0.string(text)
                }
                harness.loop.broadcast(packets, to: RoomID(1), isLast: number % 3 == 1)
            }
            harness.run()
        }
        for number in 0..<40 { #expect(try webSocket.text() == "42[\"a\",\(number),\"\(text)\"]") }
        #expect(try webSocket.frame() == nil && socket.isConnected)
    }

    @Test func `who pings and reads late gets all pongs, for little memory and work`() throws {
        let harness = try Harness { $0.packetsPerSecond = 1_000_000 }
        let webSocket = try harness.webSocket(bufferBytes: 4_608)
        var pings: [UInt8] = []
        for _ in 0..<1_000 { pings += clientFrame(.ping, []) }
        for _ in 0..<100 { try webSocket.write(pings) }
        let pongs = try webSocket.all()
        // Each byte that is no UTF-8 is read as one scalar.
        #expect(pongs.unicodeScalars.count == 200_000)
        #expect(webSocket.isOpen)
    }

    @Test func `what waits and the goodbye behind it reach also who breaks the protocol`() throws {
        let close = clientFrame(.close, [3, 232])
        for (bytes, code) in [([0xFF, 0xFF], 1002), (close + [0xFF, 0xFF], 1000)]
            as [([UInt8], UInt16)]
        {
            let harness = try Harness()
            let webSocket = try harness.webSocket(bufferBytes: 4_608)
            let socket = try #require(harness.application.connected.first)
            for _ in 0..<20 { socket.emit("x", [.string(String(repeating: "y", count: 10_000))]) }
            harness.run()
            try webSocket.write(bytes)
            try webSocket.expectLastWords(code, behind: 20)
        }
    }

    // MARK: Reentrancy

    @Test func `a session may be closed from within its own event`() throws {
        let harness = try Harness()
        harness.application.onEvent = { event, socket in
            socket.emit("before", [])
            socket.closeSession(.policy)
            socket.emit("after", [])
            event.acknowledgement?([])
        }
        let webSocket = try harness.webSocket()
        try webSocket.write(
            clientFrame(.text, Array(#"421["x"]"#.utf8))
                + clientFrame(.text, Array(#"42["y"]"#.utf8)))
        #expect(try webSocket.text() == #"42["before"]"#)
        try webSocket.expectClose(1008)
        #expect(harness.application.events == ["x"])
    }

    @Test func `a socket that is told of another's end may answer by ending too`() throws {
        let harness = try Harness()
        let first = try harness.webSocket()
        let second = try harness.webSocket()
        let sockets = harness.application.connected
        harness.application.onEnd = { ended in
            for socket in sockets where socket !== ended { socket.closeSession(.policy) }
        }
        try first.send("1")
        try second.expectClose(1008)
        #expect(harness.sessions == 0)
    }

    @Test func `a socket that is disconnected by the server may ask again`() throws {
        let harness = try Harness()
        let webSocket = try harness.webSocket()
        harness.application.connected.first?.disconnect()
        #expect(try webSocket.text() == "41")
        #expect(harness.application.ended == [.serverDisconnect])
        try webSocket.send("40")
        #expect(try webSocket.text().hasPrefix("40{"))
    }

    @Test func `at the end of the server everybody hears that it goes away`() throws {
        let harness = try Harness()
        let webSockets = try (0..<5).map { _ in try harness.webSocket() }
        harness.loop.shutDown()
        for webSocket in webSockets { try webSocket.expectClose(1001) }
        #expect(harness.application.ended == Array(repeating: .shutdown, count: 5))
        #expect(harness.sessions == 0)
    }

    @Test func `turns end once, however much came in them`() throws {
        let harness = try Harness()
        let webSocket = try harness.webSocket()
        let before = harness.application.turns
        let event = clientFrame(.text, Array(#"42["x"]"#.utf8))
        try webSocket.write(event + event + event)
        #expect(harness.application.turns == before + 1)
        #expect(harness.application.events.count == 3)
    }

    // MARK: Memory

    @Test func `nothing is left of those who have gone`() throws {
        let harness = try Harness()
        weak var socket: Socket?
        weak var session: EngineSession?
        weak var pollSession: EngineSession?
        weak var connection: WebSocketConnection?
        do {
            let webSocket = try harness.webSocket()
            socket = harness.application.connected.first
            session = socket?.session
            connection = session?.webSocket
            #expect(connection != nil)
            #expect(session != nil)
            try webSocket.hangUp()
            let (poller, target) = try harness.poller()
            _ = try poller.post(target, "40")
            pollSession = harness.application.connected.first?.session
            #expect(pollSession != nil)
            _ = try poller.post(target, "1")
            try poller.hangUp()
        }
        harness.advance(100_000)
        #expect(socket == nil && session == nil && pollSession == nil && connection == nil)
        #expect(harness.loop.admission.connectionCount == 0 && harness.http.open.isEmpty)
    }
}
