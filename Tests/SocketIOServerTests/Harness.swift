// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import Glibc
import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import SocketIO
import Synchronization
import Testing

@testable import SocketIOServer

/// A server with one event loop whose clock and sockets the test turns; its clients are at the other ends of socket pairs.
final class Harness {
    let eventLoop = EmbeddedEventLoop()
    let application = RecordingApplication()
    let loop: ServerLoop
    let server: ServerLoops
    let http = TestHTTP()
    /// The clients' ends: they stay open until they hang up, or the test is over.
    fileprivate var clients: Set<Int32> = []

    init(
        rawWebSocketPath: String? = nil, echoesMessages: Bool = false,
        logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        _ configure: (inout ServerConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = ServerConfiguration()
        configure(&configuration)
        loop = ServerLoop(
            eventLoop: eventLoop, poll: try EventPoll(), index: 0, configuration: configuration,
            admission: Admission(configuration), counters: Counters(),
            echoesMessages: echoesMessages)
        server = ServerLoops(
            loops: [loop], http: http, logger: logger, rawWebSocketPath: rawWebSocketPath)
        http.eventLoop = eventLoop
        loop.application = application
        loop.startTimers()
    }

    deinit { for client in clients { Glibc.close(client) } }

    fileprivate func close(_ client: Int32) {
        guard clients.remove(client) != nil else { return }
        // Closing alone says nothing as long as a program that is just started has the socket too.
        shutdown(client, Int32(SHUT_RDWR))
        Glibc.close(client)
    }

    var sessions: Int { loop.admission.count }

    func count(_ event: Counters.Event) -> Int { loop.counters.all[event] ?? 0 }

    /// Lets everything happen that can happen now.
    func run() {
        var isBusy = true
        while isBusy {
            isBusy = loop.poll.wait(milliseconds: 0) > 0
            eventLoop.run()
            if http.pump() { isBusy = true }
        }
    }

    func advance(_ milliseconds: Int64) {
        eventLoop.advanceTime(by: .milliseconds(milliseconds))
        run()
    }

    /// A new connection.
    func connect(bufferBytes: Int32? = nil) throws -> TestConnection {
        try TestConnection(self, bufferBytes: bufferBytes)
    }

    /// A new session that polls: the connection, and the target of its requests.
    func poller() throws -> (connection: TestConnection, target: String) {
        let connection = try connect()
        let answer = try connection.get("/socket.io/?EIO=4&transport=polling")
        let handshake = try JSONValue(parsing: Array(answer.body.utf8.dropFirst()))
        let sid = try #require(handshake["sid"]?.string)
        return (connection, "/socket.io/?EIO=4&transport=polling&sid=" + sid)
    }

    /// A new session on a WebSocket, its handshake read, and in the default namespace if wanted.
    func webSocket(joining: Bool = true, bufferBytes: Int32? = nil) throws -> TestConnection {
        let connection = try connect(bufferBytes: bufferBytes)
        try connection.upgrade("/socket.io/?EIO=4&transport=websocket")
        #expect(try connection.text().hasPrefix("0{"))
        guard joining else { return connection }
        try connection.send("40")
        #expect(try connection.text().hasPrefix(#"40{"sid":""#))
        return connection
    }
}

/// What a test's client sees of an answer.
struct Answer {
    var status: Int
    var headers: [String: String]
    var body: String
}

/// The connections of a test that speak HTTP: channels without a network, whose bytes are carried to and fro.
final class TestHTTP: HTTPSide, @unchecked Sendable {
    fileprivate(set) var eventLoop = EmbeddedEventLoop()
    private var channels: [(descriptor: Int32, channel: EmbeddedChannel)] = []

    /// The channels that are open.
    var open: [EmbeddedChannel] { channels.map(\.channel) }

    func take(_ descriptor: Int32, _ bytes: [UInt8], for server: ServerLoops) {
        let channel = EmbeddedChannel(loop: eventLoop)
        let admission = server.loops[0].admission
        channel.closeFuture.whenComplete { _ in admission.closeConnection() }
        channels.append((descriptor, channel))
        do {
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 9)).wait()
            try server.configure(channel)
            try channel.writeInbound(ByteBuffer(bytes: bytes))
        } catch {
            // What a handler throws it has dealt with.
        }
    }

    func descriptor(of channel: any Channel) -> Int32? {
        channels.first { $0.channel === channel }.map { dup($0.descriptor) }
    }

    /// - Returns: whether something was carried.
    func pump() -> Bool {
        var isBusy = false
        for (descriptor, channel) in channels {
            var bytes = [UInt8](repeating: 0, count: 65_536)
            let count = channel.isActive ? unsafe recv(descriptor, &bytes, bytes.count, 0) : -1
            if count > 0 {
                isBusy = true
                _ = try? channel.writeInbound(ByteBuffer(bytes: bytes[..<count]))
            }
            eventLoop.run()
            while let answer = try? channel.readOutbound(as: ByteBuffer.self) {
                let answer = Array(answer.readableBytesView)
                _ = unsafe send(descriptor, answer, answer.count, Int32(MSG_NOSIGNAL))
            }
            guard count == 0 || !channel.isActive else { continue }
            isBusy = true
            _ = try? channel.finish(acceptAlreadyClosed: true)
            channels.removeAll { $0.channel === channel }
            close(descriptor)
        }
        return isBusy
    }
}

/// A client's connection, as bytes.
final class TestConnection {
    private let harness: Harness
    private let descriptor: Int32
    /// The server's end; only to be looked at.
    let serverEnd: Int32
    private var received = ByteBuffer()

    /// - Parameter bufferBytes: how much the system keeps for a client that does not read.
    init(_ harness: Harness, bufferBytes: Int32? = nil) throws {
        self.harness = harness
        var ends: [Int32] = [-1, -1]
        let kind = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        try #require(unsafe socketpair(AF_UNIX, Int32(kind), 0, &ends) == 0)
        descriptor = ends[0]
        serverEnd = ends[1]
        harness.clients.insert(descriptor)
        if var bufferBytes {
            unsafe setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &bufferBytes, 4)
        }
        Arrival.take(ends[1], server: harness.server, loop: harness.loop)
        harness.run()
    }

    /// Whether the server has not closed the connection.
    var isOpen: Bool {
        harness.run()
        return !hasHappened(POLLHUP, within: 0)
    }

    /// Whether the server has closed the connection.
    var isClosed: Bool {
        harness.run()
        return hasHappened(POLLHUP, within: Self.patience)
    }

    /// Whether the server has said that it sends no more, and all is read.
    var isEnded: Bool {
        harness.run()
        var byte: UInt8 = 0
        guard hasHappened(POLLIN, within: Self.patience) else { return false }
        return unsafe recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT)) == 0
    }

    /// Whether something has come that was not read, without letting anything happen.
    var hasUnread: Bool { hasHappened(POLLIN, within: 0) }

    /// Milliseconds. A program that a test of another suite starts has our sockets too, for the moment until it is itself:
    /// what the server has closed is then not yet closed for the system.
    private static let patience: Int32 = 20_000

    private func hasHappened(_ event: Int32, within milliseconds: Int32) -> Bool {
        var poll = pollfd(fd: descriptor, events: Int16(event), revents: 0)
        return unsafe Glibc.poll(&poll, 1, milliseconds) == 1
            && poll.revents & Int16(event) != 0
    }

    /// All frames that come, the last of them a close frame, and whether nothing comes behind.
    func expectLastWords(_ code: UInt16, behind count: Int) throws {
        for _ in 0..<count { #expect(try frame()?.opcode == .text) }
        try expectClose(code)
        #expect(isEnded)
    }

    /// The client goes away without a word.
    func hangUp() throws {
        harness.close(descriptor)
        harness.run()
    }

    // MARK: Bytes

    func write(_ text: String) throws { try write(Array(text.utf8)) }

    func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = Array(rest)
            let count = unsafe Glibc.send(descriptor, piece, piece.count, Int32(MSG_NOSIGNAL))
            guard count > 0 else { throw IOError(errnoCode: errno, reason: "send") }
            rest = rest.dropFirst(count)
            harness.run()
        }
    }

    private func fill() throws {
        harness.run()
        var bytes = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe recv(descriptor, &bytes, bytes.count, 0)
            guard count > 0 else { return }
            received.writeBytes(bytes[..<count])
            harness.run()
        }
    }

    /// All that came and was not yet looked at.
    func all() throws -> String {
        try fill()
        return received.readString(length: received.readableBytes) ?? ""
    }

    // MARK: HTTP

    func request(
        _ method: String, _ target: String, body: String? = nil, _ headers: [String: String] = [:]
    ) throws {
        var text = "\(method) \(target) HTTP/1.1\r\n"
        for (name, value) in ["Host": "chat.example"].merging(headers, uniquingKeysWith: { $1 }) {
            text += "\(name): \(value)\r\n"
        }
        if let body { text += "Content-Length: \(body.utf8.count)\r\n" }
        try write(text + "\r\n" + (body ?? ""))
    }

    /// The next answer, if there is one.
    func answer() throws -> Answer? {
        let text = try all()
        guard !text.isEmpty else { return nil }
        let end = try #require(text.firstRange(of: "\r\n\r\n"))
        var lines = text[..<end.lowerBound].split(separator: "\r\n")
        let status = try #require(Int(lines.removeFirst().split(separator: " ")[1]))
        var headers: [String: String] = [:]
        for line in lines {
            let parts = line.split(separator: ": ", maxSplits: 1)
            headers[parts[0].lowercased()] = String(parts[1])
        }
        let body = String(text[end.upperBound...])
        #expect(status == 101 || body.utf8.count == Int(headers["content-length"] ?? "0"))
        return Answer(status: status, headers: headers, body: body)
    }

    func get(_ target: String, _ headers: [String: String] = [:]) throws -> Answer {
        try request("GET", target, headers)
        return try #require(try answer())
    }

    func post(_ target: String, _ body: String) throws -> Answer {
        try request("POST", target, body: body)
        return try #require(try answer())
    }

    // MARK: WebSocket

    static let upgradeHeaders = [
        "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    ]

    func upgrade(_ target: String) throws {
        try request("GET", target, Self.upgradeHeaders)
        try fill()
        let head = """
            HTTP/1.1 101 Switching Protocols\r
            Upgrade: websocket\r
            Connection: Upgrade\r
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r
            \r\n
            """
        #expect(received.readString(length: head.utf8.count) == head)
    }

    func send(_ text: String) throws { try write(clientFrame(.text, Array(text.utf8))) }

    func send(binary: [UInt8]) throws { try write(clientFrame(.binary, binary)) }

    /// The next frame, if there is one.
    func frame() throws -> (opcode: WebSocketFrame.Opcode, payload: [UInt8])? {
        try fill()
        guard let first = received.readInteger(as: UInt8.self) else { return nil }
        let opcode = try #require(WebSocketFrame.Opcode(rawValue: first & 0x0F))
        #expect(first & 0xF0 == 0x80)
        var length = Int(received.readInteger(as: UInt8.self) ?? 0)
        if length == 126 { length = Int(received.readInteger(as: UInt16.self) ?? 0) }
        if length == 127 { length = Int(received.readInteger(as: UInt64.self) ?? 0) }
        let payload = received.readBytes(length: length)
        return (opcode, try #require(payload))
    }

    /// The next frame, which is text.
    func text() throws -> String {
        let frame = try #require(try frame())
        #expect(frame.opcode == .text)
        return String(decoding: frame.payload, as: UTF8.self)
    }

    /// Expects that the other side said goodbye with a code, and nothing behind.
    func expectClose(_ code: UInt16) throws {
        let frame = try #require(try frame())
        #expect(frame.opcode == .close)
        #expect(frame.payload == [UInt8(code >> 8), UInt8(code & 255)])
        #expect(try self.frame() == nil)
    }
}

/// A frame as a client sends it.
func clientFrame(
    _ opcode: WebSocketFrame.Opcode, _ payload: [UInt8], isFinal: Bool = true
) -> [UInt8] {
    let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
    var frame = [(isFinal ? 0x80 : 0) | opcode.rawValue]
    switch payload.count {
    case ...125: frame.append(0x80 | UInt8(payload.count))
    case ...0xFFFF: frame += [0xFE, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
    default:
        frame.append(0xFF)
        for shift in stride(from: 56, through: 0, by: -8) {
            frame.append(UInt8(payload.count >> shift & 255))
        }
    }
    return frame + key + payload.enumerated().map { $1 ^ key[$0 & 3] }
}

/// Lets everybody in, answers `echo`, and writes down what happens.
final class RecordingApplication: SocketIOApplication {
    var connected: [Socket] = []
    var ended: [DisconnectReason] = []
    var events: [String] = []
    var turns = 0
    var onEvent: ((IncomingEvent, Socket) -> Void)?
    var onEnd: ((Socket) -> Void)?

    func connect(_ socket: Socket, auth: JSONValue?) {
        if socket.namespace == "/closed" { return socket.refuse(message: "No", data: ["code": 7]) }
        connected.append(socket)
        if socket.namespace == "/later" { return }
        socket.accept()
    }

    func received(_ event: IncomingEvent, from socket: Socket) {
        events.append(event.name)
        if let onEvent { return onEvent(event, socket) }
        if let acknowledgement = event.acknowledgement {
            acknowledgement(event.arguments, attachments: event.attachments)
        } else {
            socket.emit("back", event.arguments, attachments: event.attachments)
        }
    }

    func disconnected(_ socket: Socket, from rooms: [RoomID], reason: DisconnectReason) {
        ended.append(reason)
        connected.removeAll { $0 === socket }
        onEnd?(socket)
    }

    func turnEnded() { turns += 1 }
}

/// Keeps what is logged: each message with the values of its metadata.
final class RecordingLog: LogHandler, Sendable {
    private let written = Mutex<[String]>([])

    var lines: [String] { written.withLock { $0 } }

    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) {
        let values = (event.metadata ?? [:]).values.map { "\($0)" }.sorted()
        written.withLock { $0.append((["\(event.message)"] + values).joined(separator: " ")) }
    }
}
