// SPDX-License-Identifier: Apache-2.0

import NIOCore
import SocketIO
import Synchronization

/// A connection after its upgrade: the only handler left in its pipeline. It reads frames and writes those that are made
/// elsewhere, and keeps no buffer while nothing is under way.
///
/// Its session may live on another event loop, when the client's upgrade came in here. What stands under "The session's
/// side" is called from there; everything else is used on the connection's own loop.
final class WebSocketHandler: ChannelDuplexHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Whose messages come in here.
    private enum Purpose {
        /// Nobody's yet.
        case none
        /// A session's.
        case serving(SessionHandle)
        /// Those of a WebSocket that may take over a session.
        case probing(SessionHandle)
        /// The sender's own: every message goes back (a suite for RFC 6455 can be pointed at that).
        case echoing
        /// Nobody's any more. Whether it still listens: for the other side's goodbye, unless it broke the protocol.
        case closing(listens: Bool)
    }

    /// What a suite may echo in one piece.
    private static let echoBytesMax = 16 << 20

    // What each frame needs comes first, so that it lies together: a thousand connections do not fit into a core's cache.

    /// The short way to the socket, while nothing waits in the channel; `nil` once the connection ends.
    private var direct: DirectWriter?
    /// How many writes the channel has that the system has not yet taken: others have to queue behind them.
    private var backlog = 0
    private let queueBytesMax: Int
    /// Whether the session's loop knows that something is to be flushed; used there alone.
    var willFlush = false
    /// Whether the session lives on another loop.
    private var isRemote = false

    private let eventLoop: any EventLoop
    private let upgradeTimeout: Int64
    private var payloadMax: Int
    private var purpose = Purpose.none
    private var context: ChannelHandlerContext?
    private var channel: (any Channel)?
    private var reader = WebSocketMessageReader()
    /// The beginning of a frame whose end has not come.
    private var partial: ByteBuffer?

    /// Messages of this read for a session on another loop.
    private var incoming: [WebSocketMessage] = []
    /// Whether nothing is read until somebody has caught up: the session on its loop, or the one who is echoed to.
    private var isPaused = false
    private var wantsRead = false

    /// Frames that a session on another loop has written since its last flush; used there alone.
    private var outgoing: [ByteBuffer] = []
    private var outgoingBytes = 0
    /// What was handed over to this loop and not yet written.
    private let bytesUnderway = Atomic(0)

    init(eventLoop: any EventLoop, configuration: ServerConfiguration) {
        self.eventLoop = eventLoop
        payloadMax = configuration.payloadBytesMax
        queueBytesMax = configuration.queueBytesMax
        upgradeTimeout = configuration.upgradeTimeout
    }

    // MARK: What it is for

    func serve(_ session: SessionHandle) { purpose = .serving(session) }

    /// Waits for `2probe` and `5`, for a while.
    func probe(_ session: SessionHandle) {
        purpose = .probing(session)
        isRemote = session.here == nil
        later(.milliseconds(upgradeTimeout)) {
            if case .probing = $0.purpose { $0.fail(.transportClose) }
        }
    }

    func echo() {
        purpose = .echoing
        payloadMax = Self.echoBytesMax
    }

    // MARK: The channel's side

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        channel = context.channel
        direct = DirectWriter(context.channel)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        if case .closing(listens: false) = purpose { return }
        if var earlier = partial {
            partial = nil
            earlier.writeBuffer(&buffer)
            buffer = earlier
        }
        do {
            while let message = try reader.next(from: &buffer, payloadMax: payloadMax) {
                receive(message)
            }
        } catch {
            switch error {
            case .protocolError: fail(.protocolError)
            case .invalidText: fail(.invalidText)
            case .tooLarge: fail(.tooLarge)
            }
        }
        handOver()
        keep(&buffer)
        if case .echoing = purpose { flushFrames() }
    }

    /// Keeps the beginning of a frame, and not the large buffer that it may have come in.
    private func keep(_ buffer: inout ByteBuffer) {
        if case .closing(listens: false) = purpose { return }
        guard buffer.readableBytes > 0 else { return }
        if buffer.readableBytes < buffer.capacity / 4 {
            partial = ByteBuffer(bytes: buffer.readableBytesView)
        } else {
            buffer.discardReadBytes()
            partial = buffer
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if case .echoing = purpose, context.channel.isWritable { goOn() }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        direct = nil
        ended(.transportClose)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        direct = nil
        ended(.transportError)
        context.close(promise: nil)
    }

    /// The channel would read on.
    func read(context: ChannelHandlerContext) {
        if case .echoing = purpose, !context.channel.isWritable { isPaused = true }
        if isPaused { wantsRead = true } else { context.read() }
    }

    private func goOn() {
        isPaused = false
        guard wantsRead else { return }
        wantsRead = false
        context?.read()
    }

    // MARK: Messages

    private func receive(_ message: WebSocketMessage) {
        if case .closing(let listens) = purpose {
            // What was under way when we said goodbye is dropped; the other side's own ends it.
            if listens, case .close = message { context?.close(promise: nil) }
            return
        }
        switch message {
        case .text, .binary: receive(data: message)
        case .ping(let payload): answer(ping: payload)
        case .pong: break
        case .close(let code):
            ended(.transportClose)
            // RFC 6455 §5.5.1: the answer carries the same code. §7.1.1: the server closes the connection first.
            sayGoodbye(code)?.whenComplete { [weak self] _ in self?.context?.close(promise: nil) }
            closeLater()
        }
    }

    private func receive(data message: WebSocketMessage) {
        switch (purpose, message) {
        case (.serving(let session), _):
            if let session = session.here {
                session.receive(message, from: self)
            } else {
                // All of one read goes over in one piece, below.
                incoming.append(message)
            }
        case (.probing(let session), .text(let text)): receive(probe: text, session)
        case (.probing, _): fail(.protocolError)
        case (.echoing, .text(let text)): put(.webSocketFrame(.text, text))
        case (.echoing, .binary(let bytes)): put(.webSocketFrame(.binary, bytes))
        default: break
        }
    }

    /// Hands what came to the session's loop, and reads on when it is done with that: what waits there stays bounded.
    private func handOver() {
        guard !incoming.isEmpty, case .serving(let session) = purpose else { return }
        let messages = incoming
        incoming = []
        isPaused = true
        session.perform { session in
            for message in messages { session.receive(message, from: self) }
            self.eventLoop.execute { self.goOn() }
        }
    }

    private func answer(ping payload: [UInt8]) {
        put(.webSocketFrame(.pong, payload))
        if case .echoing = purpose { return }
        flushFrames()
        // Who pings and reads nothing would fill our memory with pongs.
        if isCongested { fail(.tooSlow) }
    }

    /// `2probe` asks whether this WebSocket works, `5` makes it the session's.
    private func receive(probe text: [UInt8], _ session: SessionHandle) {
        switch try? EngineIOPacket(text: text[...]) {
        case .ping(let payload) where payload.elementsEqual("probe".utf8):
            session.perform { if !$0.tryUpgrade(to: self) { self.close(.protocolError) } }
        case .upgrade:
            purpose = .serving(session)
            session.perform { $0.completeUpgrade(to: self) }
        default: fail(.protocolError)
        }
    }

    /// Nothing comes in any more: the session learns it.
    private func ended(_ reason: DisconnectReason) {
        handOver()
        let purpose = purpose
        self.purpose = .closing(listens: false)
        partial = nil
        switch purpose {
        case .serving(let session), .probing(let session):
            session.perform { $0.webSocketClosed(self, reason) }
        case .none, .echoing, .closing: break
        }
    }

    // MARK: The session's side

    /// Takes frames that go to many, if they can go the short way: without a look at the channel.
    ///
    /// - Returns: whether they leave with the next flush; if not, they have to be sent as anything else.
    func take(broadcast frames: ByteBuffer) -> Bool {
        guard !isRemote, backlog == 0 else { return false }
        return direct?.put(frames, bytesMax: queueBytesMax) ?? false
    }

    /// Whether less waits for the client than may wait.
    var isWithinBounds: Bool {
        if isRemote {
            return outgoingBytes + bytesUnderway.load(ordering: .relaxed) <= queueBytesMax
                && channel?.isWritable ?? true
        }
        return (direct?.bytes ?? 0) <= queueBytesMax && !isCongested
    }

    /// Writes whole frames; they leave with the next flush.
    func write(_ frames: ByteBuffer) {
        guard isRemote else { return put(frames) }
        outgoing.append(frames)
        outgoingBytes += frames.readableBytes
    }

    func flush() {
        willFlush = false
        guard isRemote else { return flushFrames() }
        guard !outgoing.isEmpty else { return }
        let (frames, bytes) = (outgoing, outgoingBytes)
        (outgoing, outgoingBytes) = ([], 0)
        bytesUnderway.add(bytes, ordering: .relaxed)
        eventLoop.execute {
            self.bytesUnderway.subtract(bytes, ordering: .relaxed)
            for frame in frames { self.put(frame) }
            self.flushFrames()
        }
    }

    /// Says goodbye with a reason, and closes.
    func close(_ reason: DisconnectReason) {
        if eventLoop.inEventLoop { return goodbye(reason) }
        flush()
        eventLoop.execute { self.goodbye(reason) }
    }

    // MARK: Writing

    /// Whether more waits for the client in the channel than may wait.
    private var isCongested: Bool {
        (backlog > 0 || direct == nil) && channel?.isWritable == false
    }

    private func put(_ frames: ByteBuffer) {
        // RFC 6455 §5.5.1: nothing follows a close frame.
        if case .closing = purpose { return }
        if backlog > 0 || direct?.put(frames) == nil { writeToChannel(frames) }
    }

    private func writeToChannel(_ frames: ByteBuffer) {
        guard let context else { return }
        guard direct != nil else { return context.write(wrapOutboundOut(frames), promise: nil) }
        backlog += 1
        context.write(wrapOutboundOut(frames)).assumeIsolated().whenComplete { [weak self] _ in
            self?.backlog -= 1
        }
    }

    /// Sends off what was put, in one piece.
    private func flushFrames() {
        guard backlog == 0, direct != nil else {
            context?.flush()
            return
        }
        guard let rest = direct?.flush() else { return }
        writeToChannel(rest)
        context?.flush()
    }

    @discardableResult
    private func sayGoodbye(_ code: UInt16?) -> EventLoopFuture<Void>? {
        let payload = code.map { [UInt8($0 >> 8), UInt8($0 & 255)] } ?? []
        flushFrames()
        return context?.writeAndFlush(wrapOutboundOut(.webSocketFrame(.close, payload)))
    }

    /// RFC 6455 §7.1.2: says goodbye, waits a moment for the other side's, and closes.
    private func goodbye(_ reason: DisconnectReason) {
        if case .closing = purpose { return }
        purpose = .closing(listens: true)
        // Who reads nothing will not read a goodbye either.
        guard !isCongested else {
            context?.close(promise: nil)
            return
        }
        sayGoodbye(reason.closeCode)
        closeLater()
    }

    /// RFC 6455 §7.1.7: the other side broke the protocol. It is told so, and not listened to any more; but what it still
    /// sends is read and dropped, for else the system would throw away our goodbye.
    private func fail(_ reason: DisconnectReason) {
        if case .closing = purpose {
            context?.close(promise: nil)
            return
        }
        ended(reason)
        guard !isCongested else {
            context?.close(promise: nil)
            return
        }
        sayGoodbye(reason.closeCode)
        context?.close(mode: .output, promise: nil)
        closeLater()
    }

    private func closeLater() {
        goOn()
        later(.seconds(2)) { $0.context?.close(promise: nil) }
    }

    private func later(_ time: TimeAmount, _ body: @escaping (WebSocketHandler) -> Void) {
        eventLoop.assumeIsolated().scheduleTask(in: time) { [weak self] in
            if let self { body(self) }
        }
    }
}
