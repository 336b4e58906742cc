// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import NIOCore
import NIOHTTP1
import SocketIO

/// An Engine.IO session with the Socket.IO client in it: what stays when the transport changes. Confined to its loop.
final class EngineSession: Timed {
    /// What carries the packets.
    enum Transport {
        case polling(PollingTransport)
        case webSocket(WebSocketConnection)
    }

    let id: SessionID
    let loop: ServerLoop
    /// What the application put down at the beginning.
    let context: AnyObject?
    /// The client's address, as far as it counts.
    let address: String
    var transport: Transport
    /// A WebSocket that may take over, while it is tried, and whether it has shown that it works.
    var probe: (peer: WebSocketConnection, works: Bool)?
    private(set) var sockets: [Socket] = []
    private var unfinished: UnfinishedPacket?
    private var work = WorkMeter()
    /// The tick of the next ping, or, while a pong is awaited, the tick at which it is too late for that.
    private var beatTick: Int64
    private var isPongAwaited = false
    /// The tick until which the client must be in a namespace; `nil` once it is.
    private var connectTick: Int64?
    /// Whether the loop knows that a poll is to be answered.
    private var willAnswer = false
    /// Why the session is over; `nil` while it is not.
    private(set) var closeReason: DisconnectReason?

    var isClosed: Bool { closeReason != nil }

    /// Whether the client is in a namespace.
    var isSignedIn: Bool { connectTick == nil }

    /// The most bytes in the client's next message.
    var payloadBytesMax: Int {
        let configuration = loop.configuration
        return isSignedIn
            ? configuration.payloadBytesMax
            : min(configuration.earlyPayloadBytesMax, configuration.payloadBytesMax)
    }

    /// The WebSocket that carries the packets, if that is the transport.
    var webSocket: WebSocketConnection? {
        if case .webSocket(let peer) = transport { peer } else { nil }
    }

    // MARK: The beginning

    /// Begins a session with polling.
    ///
    /// - Returns: the session, and the body that answers the first request.
    static func polling(
        _ handshake: Handshake, on loop: ServerLoop
    ) -> (session: EngineSession, body: [UInt8]) {
        let polling = PollingTransport(
            ByteHold(of: loop.admission.backlog, for: handshake.address))
        let session = EngineSession(handshake, transport: .polling(polling), on: loop)
        loop.register(session)
        return (session, session.handshakePacket(upgrades: ["websocket"]))
    }

    /// Begins a session on a WebSocket.
    static func webSocket(
        _ handshake: Handshake, _ peer: WebSocketConnection, on loop: ServerLoop
    ) -> EngineSession {
        let session = EngineSession(handshake, transport: .webSocket(peer), on: loop)
        session.send(text: session.handshakePacket(upgrades: []))
        return session
    }

    private init(_ handshake: Handshake, transport: Transport, on loop: ServerLoop) {
        id = .random(loop: loop.index)
        self.loop = loop
        self.transport = transport
        address = handshake.address
        context = loop.application?.sessionContext(for: handshake)
        beatTick = loop.tick(after: loop.configuration.pingInterval)
        if !loop.echoesMessages {
            connectTick = loop.tick(after: loop.configuration.connectTimeout)
        }
        super.init()
        loop.counters.count(.sessionOpened)
        setDeadline()
    }

    private func handshakePacket(upgrades: [String]) -> [UInt8] {
        EngineIOHandshake(
            sid: id.text, upgrades: upgrades, pingInterval: loop.configuration.pingInterval,
            pingTimeout: loop.configuration.pingTimeout,
            maxPayload: loop.configuration.payloadBytesMax
        ).packet
    }

    // MARK: Sending

    /// Sends an Engine.IO packet in text.
    func send(text: [UInt8]) {
        guard !isClosed else { return }
        switch transport {
        case .polling(let polling): polling.queue.append(text)
        case .webSocket(let peer): peer.write(webSocketFrame(.text, text))
        }
        wrote()
    }

    /// Sends a binary message.
    func send(binary: [UInt8]) {
        guard !isClosed else { return }
        switch transport {
        case .polling(let polling): polling.queue.append(EngineIOPacket.binary(binary[...]).text)
        case .webSocket(let peer): peer.write(webSocketFrame(.binary, binary))
        }
        wrote()
    }

    /// Sends packets that were encoded for many.
    func send(_ packets: EncodedPackets) {
        guard !isClosed else { return }
        switch transport {
        case .polling(let polling):
            for packet in packets.packets() { polling.queue.append(packet) }
        case .webSocket(let peer): peer.write(packets.frames)
        }
        wrote()
    }

    /// Sees to it that what was written leaves with the end of the turn, unless too much waits already.
    private func wrote() {
        if !isWithinBounds {
            // Much was written in one turn: a client that reads takes it at once.
            flushTransport()
            guard isWithinBounds else { return close(.tooSlow) }
        }
        switch transport {
        case .webSocket(let peer): loop.willFlush(peer)
        case .polling(let polling):
            guard polling.count() else { return close(.tooSlow) }
            guard !willAnswer else { return }
            willAnswer = true
            loop.willAnswer(self)
        }
    }

    private var isWithinBounds: Bool {
        switch transport {
        case .polling(let polling): polling.queue.bytes <= loop.configuration.queueBytesMax
        case .webSocket(let peer): peer.isWithinBounds
        }
    }

    /// Hands over what was written to the waiting poll, or to what has taken its place.
    func answer() {
        willAnswer = false
        flushTransport()
    }

    private func flushTransport() {
        switch transport {
        case .polling(let polling): polling.answer()
        case .webSocket(let peer): peer.flush()
        }
    }

    // MARK: Receiving

    /// Whether the client may make us do so much more; if not, it is closed. It costs the same what a packet is: an event,
    /// an answer that nobody asked for, or nothing at all.
    func mayWork(packets: Int, bytes: Int) -> Bool {
        let (perSecond, now) = (loop.configuration.packetsPerSecond, NIODeadline.now())
        // Where few packets are allowed, nothing counts as more than a second of them.
        let isWithin = work.take(
            min(packets, perSecond) + bytes >> 10, perSecond: perSecond,
            now: Int64(now.uptimeNanoseconds))
        if isWithin { return true }
        loop.counters.count(.flooded)
        close(.policy)
        return false
    }

    /// A message of a WebSocket; dropped, if that is not the session's.
    func receive(_ message: WebSocketMessage, from peer: WebSocketConnection) {
        guard case .webSocket(let current) = transport, current === peer else { return }
        switch message {
        case .text(let text):
            guard let packet = try? EngineIOPacket(text: text[...]) else {
                return close(.parseError)
            }
            receive(packet)
        case .binary(let bytes): receive(.binary(bytes[...]))
        case .ping, .pong, .close: return
        }
        loop.scheduleTurnEnd()
    }

    func receive(_ packet: EngineIOPacket) {
        guard !isClosed else { return }
        switch packet {
        case .message(let text):
            if loop.echoesMessages { send(text: packet.text) } else { receive(message: text) }
        case .binary(let bytes):
            if loop.echoesMessages {
                send(binary: Array(bytes))
            } else {
                receive(attachment: bytes)
            }
        case .pong:
            guard isPongAwaited else { return }
            isPongAwaited = false
            beatTick = loop.tick(after: loop.configuration.pingInterval)
            setDeadline()
        case .close: close(.transportClose)
        case .upgrade, .noop: break
        // The server asks, the client answers: since revision 4 not the other way round.
        case .open, .ping: close(.parseError)
        }
    }

    private func receive(message text: ArraySlice<UInt8>) {
        do {
            let packet = try SocketIOPacket(decoding: text)
            guard unfinished == nil else { return close(.parseError) }
            var assembler = SocketIOPacketAssembler()
            // A packet that waits for its attachments is memory that the client holds.
            if packet.attachmentCount > 0 {
                guard text.count <= loop.configuration.waitingPacketBytesMax,
                    socket(in: packet.namespace)?.isConnected == true
                else { return close(.parseError) }
            }
            if let assembled = try assembler.take(
                packet, bytesMax: loop.configuration.payloadBytesMax)
            {
                receive(assembled)
            } else {
                begin(assembler, text.count)
            }
        } catch {
            close(.parseError)
        }
    }

    /// A packet came whose attachments are to come.
    private func begin(_ assembler: SocketIOPacketAssembler, _ count: Int) {
        let new = UnfinishedPacket(
            assembler, bytes: count, until: loop.tick(after: loop.configuration.requestTimeout),
            hold: ByteHold(of: loop.admission.unfinished, for: address))
        guard new.count() else { return close(.overloaded) }
        unfinished = new
        setDeadline()
    }

    private func socket(in namespace: String) -> Socket? {
        sockets.first { $0.namespace.isExactly(namespace) }
    }

    private func receive(attachment: ArraySlice<UInt8>) {
        guard let unfinished else { return close(.parseError) }
        do {
            if let assembled = try unfinished.take(attachment) {
                self.unfinished = nil
                receive(assembled)
            } else if !unfinished.count() {
                close(.overloaded)
            }
        } catch {
            close(.parseError)
        }
    }

    private func receive(_ assembled: SocketIOPacketAssembler.Assembled) {
        let packet = assembled.packet
        switch (packet.kind, socket(in: packet.namespace)) {
        case (.connect, nil): connect(packet)
        case (.disconnect, let socket?):
            socket.end(.transportClose)
            forget(socket)
        case (.event, let socket?): socket.received(assembled)
        // The server asks nothing of clients that would be acknowledged.
        case (.ack, _?): break
        default: close(.parseError)
        }
    }

    // MARK: Namespaces

    private func connect(_ packet: SocketIOPacket) {
        guard sockets.count < loop.configuration.namespacesPerSessionMax else {
            return close(.policy)
        }
        let socket = Socket(namespace: packet.namespace, session: self)
        sockets.append(socket)
        loop.application?.connect(socket, auth: packet.data)
    }

    /// A socket was let into its namespace.
    func accepted() {
        connectTick = nil
        if case .polling = transport { loop.admission.note(id, isSignedIn: true) }
    }

    /// A socket is over: its namespace may be asked for again. Who is in none has to ask in time, as at the beginning.
    func forget(_ socket: Socket) {
        sockets.removeAll { $0 === socket }
        socket.detach()
        guard !isClosed, connectTick == nil, !sockets.contains(where: \.isConnected) else { return }
        connectTick = loop.tick(after: loop.configuration.connectTimeout)
        if case .polling = transport { loop.admission.note(id, isSignedIn: false) }
        setDeadline()
    }

    // MARK: Time

    private func setDeadline() {
        loop.setDeadline(self, at: min(beatTick, connectTick ?? .max, unfinished?.tick ?? .max))
    }

    override func deadlineReached() {
        guard !isClosed else { return }
        if let connectTick, connectTick <= loop.tick { return close(.connectTimeout) }
        if let unfinished, unfinished.tick <= loop.tick { return close(.unfinished) }
        if beatTick <= loop.tick {
            if isPongAwaited { return close(.pingTimeout) }
            isPongAwaited = true
            beatTick = loop.tick(after: loop.configuration.pingTimeout)
            send(text: [EngineIOPacketType.ping])
        }
        if !isClosed { setDeadline() }
    }

    // MARK: The end

    /// Ends the session.
    func close(_ reason: DisconnectReason) {
        guard !isClosed else { return }
        closeReason = reason
        loop.unregister(self)
        loop.admission.end(address: address)
        loop.counters.count(.sessionClosed(reason))
        for socket in sockets {
            socket.end(reason)
            socket.detach()
        }
        sockets = []
        unfinished = nil
        probe?.peer.close(reason)
        switch transport {
        case .polling(let polling):
            let last = reason.staysAway ? EngineIOPacketType.close : EngineIOPacketType.noop
            polling.queue.append([last])
            polling.answer(withAll: true)
        case .webSocket(let peer): peer.close(reason)
        }
    }
}
