// SPDX-License-Identifier: Apache-2.0

/// Where a client finds the site, and as whom it comes.
struct Door {
    var poller: Poller
    var port: UInt16
    var cookie: String

    /// The head of a request, up to its own headers.
    func head(_ request: String) -> String {
        "\(request) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nOrigin: http://127.0.0.1:\(port)\r\n"
            + "Cookie: halls_session=\(cookie)\r\n"
    }
}

/// Who uses a transport.
protocol TransportOwner: AnyObject {
    /// An Engine.IO packet came.
    func received(packet: ArraySlice<UInt8>)
    /// The transport is over, for a reason that a person can read.
    func ended(_ reason: String)
}

/// What carries Engine.IO packets.
protocol Transport: AnyObject {
    var owner: (any TransportOwner)? { get set }
    func send(packet: [UInt8])
    /// The connection whose cutting, freezing and slow reading hurts.
    var connection: Connection? { get }
    /// Ends it as a page does that is closed.
    func close()
    /// Ends it, but for the connection that hurts: that stays open with nobody behind it.
    func letGo() -> Connection?
}

/// An Engine.IO session that is a WebSocket from the beginning.
final class WebSocketTransport: Transport, ConnectionOwner {
    weak var owner: (any TransportOwner)?
    private(set) var connection: Connection?
    private var isOpen = false
    private var random: Randomness

    init?(_ door: Door, random: Randomness) {
        self.random = random
        guard let connection = Connection(port: door.port, poller: door.poller) else { return nil }
        self.connection = connection
        connection.owner = self
        let request =
            door.head("GET /socket.io/?EIO=4&transport=websocket")
            + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        connection.send(Array(request.utf8))
    }

    func received(_ connection: Connection) {
        if !isOpen {
            guard let end = HTTPHead.end(of: connection.input) else { return }
            let head = HTTPHead(connection.input[..<end])
            guard head?.status == 101 else {
                return fail("refused with \(head.map { String($0.status) } ?? "nonsense")")
            }
            connection.consume(end)
            isOpen = true
        }
        takeFrames(connection.input[...])
    }

    /// Takes all whole frames of a server: not masked, not fragmented (ours never fragments).
    private func takeFrames(_ input: ArraySlice<UInt8>) {
        var rest = input
        while rest.count >= 2 {
            let start = rest.startIndex
            let (first, second) = (rest[start], rest[start + 1])
            var (length, headCount) = (Int(second), 2)
            if second == 126 || second == 127 {
                headCount = second == 126 ? 4 : 10
                guard rest.count >= headCount else { break }
                length = rest[(start + 2)..<(start + headCount)].reduce(0) { $0 << 8 | Int($1) }
            }
            guard second < 128, first & 0xF0 == 0x80 else { return fail("a malformed frame") }
            guard rest.count >= headCount + length else { break }
            let payload = rest[(start + headCount)..<(start + headCount + length)]
            rest = rest[(start + headCount + length)...]
            take(opcode: first & 0x0F, payload)
            // The owner may have ended it.
            if connection == nil { return }
        }
        connection?.consume(input.count - rest.count)
    }

    private func take(opcode: UInt8, _ payload: ArraySlice<UInt8>) {
        switch opcode {
        case 1: owner?.received(packet: payload)
        case 8:
            let code = payload.prefix(2).reduce(0) { $0 << 8 | Int($1) }
            fail("closed with \(code)")
        case 9: write(opcode: 10, Array(payload))
        default: fail("a frame of kind \(opcode)")
        }
    }

    func send(packet: [UInt8]) { write(opcode: 1, packet) }

    private func write(opcode: UInt8, _ payload: [UInt8]) {
        var frame: [UInt8] = [0x80 | opcode]
        if payload.count < 126 {
            frame.append(0x80 | UInt8(payload.count))
        } else {
            frame += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        }
        let key = maskingKey(random.next())
        frame += key
        for (index, byte) in payload.enumerated() { frame.append(byte ^ key[index & 3]) }
        connection?.send(frame)
    }

    private func maskingKey(_ number: UInt64) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }

    func ended(_ connection: Connection) { fail("the connection broke") }

    private func fail(_ reason: String) {
        guard connection != nil else { return }
        close()
        owner?.ended(reason)
    }

    func close() {
        connection?.close()
        connection = nil
    }

    func letGo() -> Connection? {
        defer { connection = nil }
        connection?.owner = nil
        return connection
    }
}

/// An Engine.IO session by long-polling: a GET that waits, and a POST for what is said.
final class PollingTransport: Transport {
    weak var owner: (any TransportOwner)?
    private let polls: HTTPWire
    private let posts: HTTPWire
    private var path = "/socket.io/?EIO=4&transport=polling"
    private var hasSession = false
    private var isPosting = false
    private var waiting: [[UInt8]] = []
    private var isOver = false

    var connection: Connection? { polls.connection }

    init(_ door: Door) {
        polls = HTTPWire(door)
        posts = HTTPWire(door)
        poll()
    }

    private func poll() {
        polls.request("GET", path) { [weak self] answer in self?.polled(answer) }
    }

    private func polled(_ answer: HTTPAnswer?) {
        guard !isOver else { return }
        guard let answer, answer.status == 200 else {
            return fail("a poll was answered \(answer.map { String($0.status) } ?? "not")")
        }
        for packet in answer.body.split(separator: 0x1E) {
            if !hasSession, let sid = EngineOpen(packet)?.sid {
                hasSession = true
                path += "&sid=\(sid)"
            }
            owner?.received(packet: packet)
            if isOver { return }
        }
        poll()
    }

    func send(packet: [UInt8]) {
        waiting.append(packet)
        post()
    }

    private func post() {
        guard !isPosting, !waiting.isEmpty, !isOver else { return }
        let body = Array(waiting.joined(separator: [0x1E]))
        waiting = []
        isPosting = true
        posts.request("POST", path, contentType: "text/plain;charset=UTF-8", body: body) {
            [weak self] answer in
            guard let self, !self.isOver else { return }
            self.isPosting = false
            guard answer?.status == 200 else { return self.fail("a POST was not taken") }
            self.post()
        }
    }

    private func fail(_ reason: String) {
        guard !isOver else { return }
        close()
        owner?.ended(reason)
    }

    func close() {
        isOver = true
        polls.close()
        posts.close()
    }

    func letGo() -> Connection? {
        isOver = true
        posts.close()
        return polls.letGo()
    }
}
