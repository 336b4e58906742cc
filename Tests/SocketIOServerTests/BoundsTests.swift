// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import SocketIO
import Testing

@testable import SocketIOServer

/// What a client can make the server keep and do has a bound, for itself and for all.
struct BoundsTests {
    /// The beginning of a message: a whole fragment, and a frame that is not whole.
    private func begun(_ fragment: Int, _ partial: Int) -> [UInt8] {
        clientFrame(.text, Array(repeating: 120, count: fragment), isFinal: false)
            + clientFrame(.continuation, Array(repeating: 120, count: partial + 1), isFinal: false)
            .dropLast()
    }

    // MARK: Before and after signing in

    @Test func `who is in no namespace sends little, in one frame or in many`() throws {
        let harness = try Harness()
        let frames = clientFrame(.text, Array(repeating: 52, count: 2_049), isFinal: false)
        for bytes in [[0x81, 0xFE, 0x10, 0x01], frames + [0x80, 0xFE, 0x08, 0x00, 0, 0, 0, 0]] {
            let early = try harness.webSocket(joining: false)
            try early.write(bytes)
            try early.expectClose(1009)
            let late = try harness.webSocket()
            try late.write(bytes)
            #expect(try late.frame() == nil && late.isOpen)
        }
    }

    @Test func `a session that polls posts much only in a namespace`() throws {
        let harness = try Harness()
        let (connection, target) = try harness.poller()
        let large = #"42["x",""# + String(repeating: "x", count: 5_000) + #""]"#
        let answer = try connection.post(target, large)
        #expect(answer.status == 413 && harness.count(.requestTooLarge) == 1)
        #expect(try harness.connect().post(target, "40").status == 200)
        #expect(try harness.connect().post(target, large).status == 200)
        #expect(harness.application.events == ["x"])
        // Out of it again, and for nobody's session, it is as before.
        #expect(try harness.connect().post(target, "41").status == 200)
        for target in [target, "/socket.io/?EIO=4&transport=polling&sid=x"] {
            #expect(try harness.connect().post(target, large).status == 413)
        }
    }

    // MARK: Budgets

    @Test func `what has begun is counted while it is there, and closes who has too much of it`()
        throws
    {
        let harness = try Harness {
            $0.unfinishedBytesPerAddressMax = 100_000
        }
        let budget = harness.loop.admission.unfinished
        let first = try harness.webSocket()
        try first.write(begun(30_000, 30_000))
        #expect(60_000...100_000 ~= budget.bytes)
        let second = try harness.webSocket()
        try second.write(begun(30_000, 30_000))
        // RFC 6455 and IANA: 1013, try again later.
        try second.expectClose(1013)
        #expect(budget.refusalCount == 1 && harness.application.ended == [.overloaded])
        // The first goes on, and with its end nothing is counted.
        try first.write([120] + clientFrame(.continuation, []))
        #expect(budget.bytes == 0)
    }

    @Test func `a message that is whole is counted no more`() throws {
        let harness = try Harness()
        let webSocket = try harness.webSocket()
        let packet = clientFrame(.text, Array(#"42["x"]"#.utf8))
        try webSocket.write(Array(packet.dropLast()))
        #expect(harness.loop.admission.unfinished.bytes == 1_024)
        try webSocket.write([packet[packet.count - 1]])
        #expect(harness.loop.admission.unfinished.bytes == 0)
        #expect(harness.application.events == ["x"])
        harness.advance(16_000)
        #expect(webSocket.isOpen)
    }

    @Test func `who goes away takes along what it had begun`() throws {
        let harness = try Harness()
        let webSocket = try harness.webSocket()
        try webSocket.write(begun(1_000, 1_000))
        #expect(harness.loop.admission.unfinished.bytes > 0)
        try webSocket.hangUp()
        #expect(harness.loop.admission.unfinished.bytes == 0)
    }

    @Test func `a body that does not fit is refused, and those of other addresses are not`() throws
    {
        let harness = try Harness { $0.unfinishedBytesPerAddressMax = 3_000 }
        let (_, target) = try harness.poller()
        let head = "POST \(target) HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\nX-Real-IP: "
        let part = String(repeating: "x", count: 2_000)
        let connections = try ["1.1.1.1", "1.1.1.1", "2.2.2.2"].map { address in
            let connection = try harness.connect()
            try connection.write(head + address + "\r\n\r\n" + part)
            return connection
        }
        let answers = try connections.map { try $0.answer() }
        #expect(answers[0] == nil && answers[2] == nil)
        #expect(answers[1]?.status == 503 && answers[1]?.headers["retry-after"] != nil)
        for connection in connections { try connection.hangUp() }
        #expect(harness.loop.admission.unfinished.bytes == 0)
    }

    @Test func `who reads nothing is closed when all together wait for too much`() throws {
        let harness = try Harness { $0.backlogBytesPerAddressMax = 200_000 }
        let budget = harness.loop.admission.backlog
        let sockets = try (0..<3).map { _ in try harness.webSocket(bufferBytes: 4_608) }
        let text = String(repeating: "x", count: 90_000)
        for socket in harness.application.connected { socket.emit("a", [.string(text)]) }
        harness.run()
        // Each has less than one may have.
        #expect(harness.application.ended == [.tooSlow] && harness.sessions == 2)
        #expect(budget.refusalCount == 1 && 100_000...200_000 ~= budget.bytes)
        #expect(sockets[2].isClosed)
        for socket in sockets[..<2] {
            #expect(try socket.text().utf8.count > 90_000)
            #expect(socket.isOpen)
        }
        #expect(budget.bytes == 0)
    }

    @Test func `what a poll has not fetched is counted as well`() throws {
        let harness = try Harness { $0.backlogBytesPerAddressMax = 100_000 }
        let (connection, target) = try harness.poller()
        #expect(try connection.post(target, "40").status == 200)
        #expect(try connection.get(target).body.hasPrefix("40"))
        let socket = try #require(harness.application.connected.first)
        let text = String(repeating: "x", count: 60_000)
        socket.emit("a", [.string(text)])
        harness.run()
        #expect(harness.loop.admission.backlog.bytes > 60_000)
        #expect(try connection.get(target).body.utf8.count > 60_000)
        #expect(harness.loop.admission.backlog.bytes == 0)
        for _ in 0..<2 { socket.emit("a", [.string(text)]) }
        harness.run()
        #expect(
            harness.application.ended == [.tooSlow] && harness.loop.admission.backlog.bytes == 0)
    }

    // MARK: Deadlines

    @Test func `a message has to be whole in time, whatever comes between its fragments`() throws {
        let harness = try Harness { $0.requestTimeout = 5_000 }
        let webSocket = try harness.webSocket()
        try webSocket.write(begun(10, 10))
        try webSocket.write([120])
        for _ in 0..<4 {
            harness.advance(1_000)
            try webSocket.write(
                clientFrame(.ping, []) + clientFrame(.continuation, [], isFinal: false))
        }
        #expect(harness.sessions == 1)
        harness.advance(1_500)
        #expect(harness.application.ended == [.unfinished])
        #expect(harness.loop.admission.unfinished.bytes == 0)
    }

    @Test func `who sends one message behind the other is in time with each`() throws {
        let harness = try Harness { $0.requestTimeout = 5_000 }
        let webSocket = try harness.webSocket()
        let packet = clientFrame(.text, Array(#"42["x"]"#.utf8))
        try webSocket.write(Array(packet[..<5]))
        for _ in 0..<10 {
            harness.advance(2_000)
            try webSocket.write(Array(packet[5...]) + packet[..<5])
        }
        #expect(harness.sessions == 1 && harness.application.events.count == 10)
    }

    @Test func `attachments have to come in time, and are counted`() throws {
        let harness = try Harness { $0.requestTimeout = 5_000 }
        let webSocket = try harness.webSocket()
        try webSocket.send(
            #"452-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#)
        try webSocket.send(binary: Array(repeating: 0, count: 3_000))
        #expect(3_000...8_000 ~= harness.loop.admission.unfinished.bytes)
        harness.advance(4_000)
        #expect(harness.sessions == 1)
        harness.advance(1_500)
        #expect(harness.application.ended == [.unfinished])
        #expect(harness.loop.admission.unfinished.bytes == 0)
    }

    // MARK: Packets and bytes

    @Test(
        arguments: [
            clientFrame(.text, Array("42[1]".utf8)), clientFrame(.text, Array(#"431["x"]"#.utf8)),
            clientFrame(.text, [51]), clientFrame(.text, [54]), clientFrame(.ping, []),
            clientFrame(.pong, []),
        ])
    func `every packet counts, whatever it is`(packet: [UInt8]) throws {
        let harness = try Harness { $0.packetsPerSecond = 100 }
        let webSocket = try harness.webSocket()
        for _ in 0..<150 { try webSocket.write(packet) }
        #expect(harness.sessions == 1)
        for _ in 0..<100 { try webSocket.write(packet) }
        #expect(harness.application.ended == [.policy] && harness.count(.flooded) == 1)
    }

    @Test func `fragments without an end count as well, and bytes`() throws {
        let fragment = clientFrame(.continuation, [], isFinal: false)
        let large = clientFrame(.text, Array("42[1]".utf8) + Array(repeating: 32, count: 60_000))
        for (first, piece, within, beyond) in [
            (clientFrame(.text, [52], isFinal: false), fragment, 150, 100), ([], large, 3, 3),
        ] {
            let harness = try Harness { $0.packetsPerSecond = 100 }
            let webSocket = try harness.webSocket()
            try webSocket.write(first)
            for _ in 0..<within { try webSocket.write(piece) }
            #expect(harness.sessions == 1)
            for _ in 0..<beyond { try? webSocket.write(piece) }
            #expect(harness.application.ended == [.policy])
        }
    }

    @Test func `packets in the body of a poll count as well`() throws {
        let harness = try Harness { $0.packetsPerSecond = 100 }
        let (connection, target) = try harness.poller()
        _ = try connection.post(target, "40")
        let body = Array(repeating: "6", count: 150).joined(separator: "\u{1E}")
        #expect(try connection.post(target, body).status == 200)
        #expect(harness.sessions == 1)
        _ = try connection.post(target, body)
        #expect(harness.sessions == 0 && harness.count(.flooded) == 1)
    }

    @Test func `a meter fills with time, and never above two seconds`() {
        var meter = WorkMeter()
        let second: Int64 = 1_000_000_000
        let steps: [(work: Int, after: Int64, isTaken: Bool)] = [
            (200, 0, true), (1, 0, false), (50, second / 2, true), (1, 0, false),
            (200, 60 * second, true), (1, 0, false),
        ]
        var now = 100 * second
        for (work, after, isTaken) in steps {
            now += after
            let taken = meter.take(work, perSecond: 100, now: now)
            #expect(taken == isTaken)
        }
    }
}
