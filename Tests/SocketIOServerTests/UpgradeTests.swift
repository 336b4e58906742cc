// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import NIOEmbedded
import SocketIO
import Testing

@testable import SocketIOServer

struct UpgradeTests {
    private func webSocketTarget(_ target: String) -> String {
        "/socket.io/?EIO=4&transport=websocket&sid=" + target.suffix(20)
    }

    private func probe(_ harness: Harness, _ target: String) throws -> TestConnection {
        let webSocket = try harness.connect()
        try webSocket.upgrade(webSocketTarget(target))
        try webSocket.send("2probe")
        #expect(try webSocket.text() == "3probe")
        return webSocket
    }

    @Test func `a WebSocket takes over, and a waiting poll is let go`() throws {
        let harness = try Harness(echoesMessages: true)
        let (connection, target) = try harness.poller()
        try connection.request("GET", target)
        #expect(try connection.answer() == nil)
        let webSocket = try probe(harness, target)
        #expect(try connection.answer()?.body == "6")
        // While it is tried, polling goes on.
        #expect(try connection.get(target).body == "6")
        try webSocket.send("5")
        try webSocket.send("4hello")
        #expect(try webSocket.text() == "4hello")
        #expect(try connection.get(target).status == 400)
        #expect(harness.sessions == 1)
    }

    @Test func `what polling has not delivered comes over the WebSocket, in order`() throws {
        let harness = try Harness(echoesMessages: true)
        let (connection, target) = try harness.poller()
        let webSocket = try probe(harness, target)
        _ = try connection.post(target, "4a\u{1E}bAQI=\u{1E}4b")
        try webSocket.write(
            clientFrame(.text, Array("5".utf8)) + clientFrame(.text, Array("4c".utf8)))
        #expect(try webSocket.text() == "4a")
        let binary = try #require(try webSocket.frame())
        #expect(binary.opcode == .binary && binary.payload == [1, 2])
        #expect(try webSocket.text() == "4b")
        #expect(try webSocket.text() == "4c")
    }

    @Test func `pings go on where the session is`() throws {
        let harness = try Harness(echoesMessages: true) {
            $0.pingInterval = 300; $0.pingTimeout = 200
        }
        let (_, target) = try harness.poller()
        let webSocket = try probe(harness, target)
        try webSocket.send("5")
        harness.advance(300)
        #expect(try webSocket.text() == "2")
        harness.advance(200)
        try webSocket.expectClose(1000)
        #expect(harness.count(.sessionClosed(.pingTimeout)) == 1)
    }

    @Test func `a second WebSocket is closed without harm`() throws {
        let harness = try Harness(echoesMessages: true)
        let (_, target) = try harness.poller()
        let first = try probe(harness, target)
        let during = try harness.connect()
        try during.upgrade(webSocketTarget(target))
        try during.expectClose(1002)
        try first.send("5")
        let after = try harness.connect()
        try after.upgrade(webSocketTarget(target))
        // What it says meanwhile is not taken for the session's.
        try after.send("4intruder")
        try after.send("1")
        try after.expectClose(1002)
        try first.send("4still here")
        #expect(try first.text() == "4still here")
    }

    @Test func `one that is to be tried keeps others away from its first moment on`() throws {
        let harness = try Harness(echoesMessages: true)
        let (connection, target) = try harness.poller()
        let first = try harness.connect()
        try first.upgrade(webSocketTarget(target))
        let second = try harness.connect()
        try second.upgrade(webSocketTarget(target))
        try second.expectClose(1002)
        // Until it has shown that it works, a poll is not hurried.
        try connection.request("GET", target)
        #expect(try connection.answer() == nil)
        try first.send("2probe")
        #expect(try first.text() == "3probe")
        #expect(try connection.answer()?.body == "6")
    }

    @Test func `one that asks twice whether it works is let go, and another may be tried`() throws {
        let harness = try Harness(echoesMessages: true)
        let (connection, target) = try harness.poller()
        let webSocket = try probe(harness, target)
        try webSocket.send("2probe")
        try webSocket.expectClose(1002)
        try connection.request("GET", target)
        #expect(try connection.answer() == nil)
        _ = try probe(harness, target)
        #expect(try connection.answer()?.body == "6")
    }

    @Test func `a WebSocket that was tried and goes leaves the session as it was`() throws {
        let harness = try Harness(echoesMessages: true)
        let (connection, target) = try harness.poller()
        try probe(harness, target).hangUp()
        _ = try connection.post(target, "4a")
        #expect(try connection.get(target).body == "4a")
        _ = try probe(harness, target)
    }

    @Test(arguments: ["4early", "3", "2other", "1", "x", ""])
    func `who is tried says what an upgrade wants, and nothing else`(text: String) throws {
        let harness = try Harness(echoesMessages: true)
        let (connection, target) = try harness.poller()
        let webSocket = try harness.connect()
        try webSocket.upgrade(webSocketTarget(target))
        try webSocket.send(text)
        try webSocket.expectClose(1002)
        #expect(try connection.post(target, "4a").status == 200)
    }

    @Test func `an upgrade without its probe is refused`() throws {
        let harness = try Harness(echoesMessages: true)
        let (connection, target) = try harness.poller()
        let webSocket = try harness.connect()
        try webSocket.upgrade(webSocketTarget(target))
        try webSocket.send("5")
        try webSocket.send("4x")
        try webSocket.expectClose(1002)
        _ = try connection.post(target, "4a")
        #expect(try connection.get(target).body == "4a")
    }

    @Test func `an upgrade that is not finished in time is given up`() throws {
        let harness = try Harness(echoesMessages: true) { $0.upgradeTimeout = 1_000 }
        let (connection, target) = try harness.poller()
        let webSocket = try probe(harness, target)
        harness.advance(999)
        #expect(try webSocket.frame() == nil)
        harness.advance(1)
        try webSocket.expectClose(1000)
        try connection.request("GET", target)
        #expect(try connection.answer() == nil)
    }

    @Test func `a session that ends takes the one that is tried with it`() throws {
        let harness = try Harness(echoesMessages: true)
        let (connection, target) = try harness.poller()
        let webSocket = try probe(harness, target)
        _ = try connection.post(target, "1")
        try webSocket.expectClose(1000)
        #expect(harness.sessions == 0)
    }

    @Test func `an unknown session is refused before the upgrade`() throws {
        let harness = try Harness()
        let answer = try harness.connect().get(
            "/socket.io/?EIO=4&transport=websocket&sid=AAAAAAAAAAAAAAAAAAAA",
            TestConnection.upgradeHeaders)
        #expect(answer.status == 400)
        #expect(answer.body == #"{"code":1,"message":"Session ID unknown"}"#)
    }

    @Test func `a session that began on a WebSocket cannot be asked for by its id`() throws {
        let harness = try Harness()
        let webSocket = try harness.connect()
        try webSocket.upgrade("/socket.io/?EIO=4&transport=websocket")
        let sid = try webSocket.text().split(separator: "\"")[3]
        #expect(
            try harness.connect().get("/socket.io/?EIO=4&transport=polling&sid=\(sid)").status
                == 400)
    }

    @Test
    func `a connection that has spoken HTTP may become a WebSocket, with what it said behind`()
        throws
    {
        let harness = try Harness(echoesMessages: true)
        let (connection, target) = try harness.poller()
        #expect(harness.http.open.count == 1)
        var request = "GET \(webSocketTarget(target)) HTTP/1.1\r\nHost: a\r\n"
        for (name, value) in TestConnection.upgradeHeaders { request += "\(name): \(value)\r\n" }
        try connection.write(
            Array((request + "\r\n").utf8) + clientFrame(.text, Array("2probe".utf8))
                + clientFrame(.text, Array("5".utf8)) + clientFrame(.text, Array("4a".utf8)))
        #expect(try connection.all().hasPrefix("HTTP/1.1 101 "))
        try connection.send("4b")
        #expect(try connection.text() == "4b")
        #expect(harness.http.open.isEmpty)
        #expect(harness.loop.admission.connectionCount == 1)
        try connection.hangUp()
        #expect(harness.loop.admission.connectionCount == 0 && harness.sessions == 0)
    }

    @Test func `a session begins on a WebSocket also behind another request`() throws {
        let harness = try Harness()
        let connection = try harness.connect()
        #expect(try connection.get("/health").body == "ok")
        try connection.upgrade("/socket.io/?EIO=4&transport=websocket")
        #expect(try connection.text().hasPrefix("0{"))
        try connection.send("40")
        #expect(try connection.text().hasPrefix("40{"))
        #expect(harness.loop.admission.connectionCount == 1)
    }

    @Test func `a probe that comes with its deadline, before the clock is looked at, is taken`()
        throws
    {
        let harness = try Harness(echoesMessages: true) { $0.pingInterval = 60_000 }
        let (_, target) = try harness.poller()
        let connection = try harness.connect()
        var request = "GET \(webSocketTarget(target)) HTTP/1.1\r\nHost: a\r\n"
        for (name, value) in TestConnection.upgradeHeaders { request += "\(name): \(value)\r\n" }
        let bytes = Array((request + "\r\n").utf8)
        // At the very moment of its deadline, but before the clock's own turn: sockets come first in a busy loop.
        let timeout = harness.loop.configuration.requestTimeout
        harness.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(timeout)) {
            try? connection.write(bytes)
        }
        harness.advance(timeout)
        #expect(try connection.all().hasPrefix("HTTP/1.1 101 "))
        #expect(fcntl(connection.serverEnd, F_GETFD) >= 0)
        #expect(harness.loop.admission.connectionCount == 2)
    }

    @Test func `who becomes a WebSocket late is refused at the bound, and nothing is left`() throws
    {
        let harness = try Harness { $0.connectionsMax = 1 }
        let connection = try harness.connect()
        while harness.loop.admission.openConnection() {}
        var request = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
        for (name, value) in TestConnection.upgradeHeaders { request += "\(name): \(value)\r\n" }
        try connection.write(request)
        try connection.write("Host: a\r\n\r\n")
        #expect(harness.sessions == 0)
        #expect(connection.isClosed)
        #expect(harness.count(.refused(.connections)) == 1)
    }
}
