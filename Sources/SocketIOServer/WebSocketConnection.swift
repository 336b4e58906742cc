// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import SocketIO

/// A WebSocket (RFC 6455) on its socket: it reads frames and writes those that are made elsewhere, and keeps no buffer
/// while nothing is under way. Confined to the loop of its session.
final class WebSocketConnection: Timed, DescriptorWatcher {
    /// Whose messages come in here.
    private enum Purpose {
        /// Nobody's yet.
        case none
        /// A session's.
        case serving(EngineSession)
        /// Those of a WebSocket that may take over a session.
        case probing(EngineSession)
        /// The sender's own: every message goes back (a suite for RFC 6455 can be pointed at that).
        case echoing
        /// Nobody's any more. Whether it still listens: for the other side's goodbye, unless it broke the protocol.
        case closing(listens: Bool)
    }

    /// What a suite may echo in one piece.
    private static let echoBytesMax = 16 << 20
    /// How long the other side's goodbye is waited for, in milliseconds.
    private static let goodbyePatience: Int64 = 2_000

    // What each frame needs comes first, so that it lies together: a thousand connections do not fit into a core's cache.

    /// The socket; -1 once it is closed.
    private var descriptor: Int32
    /// Whether the loop knows that something is to be flushed.
    var willFlush = false
    /// Whether the system tells when the socket takes more.
    private var waitsToWrite = false
    /// Whether the connection ends with what is sent last.
    private var closesWhenSent = false
    private var queue = SendQueue()
    private var purpose = Purpose.none
    private let loop: ServerLoop
    /// What has begun to come; `nil` most of the time.
    private var unfinished: UnfinishedMessage?
    /// Counts what the client has not yet read; `nil` most of the time.
    private var backlog: ByteHold?

    /// Takes over a socket whose opening handshake was read.
    ///
    /// - Parameter answer: what the handshake is answered with. It leaves with the first flush: for a new session in one
    ///   piece with the first packet.
    init(_ descriptor: Int32, on loop: ServerLoop, answer: [UInt8]) {
        self.descriptor = descriptor
        self.loop = loop
        super.init()
        queue.put(answer)
    }

    /// Takes over a socket that is watched nowhere yet, and takes what the client has sent behind its request.
    ///
    /// - Parameter begin: says what the connection is for.
    static func open(
        _ descriptor: Int32, on loop: ServerLoop, answer: [UInt8], _ rest: [UInt8],
        _ begin: (WebSocketConnection) -> Void
    ) {
        let connection = WebSocketConnection(descriptor, on: loop, answer: answer)
        do {
            try loop.poll.add(descriptor, connection)
        } catch {
            // The system has no room to watch it.
            begin(connection)
            return connection.lose(.transportError)
        }
        begin(connection)
        connection.take(rest, rest.count)
    }

    // MARK: What it is for

    func serve(_ session: EngineSession) { purpose = .serving(session) }

    /// Waits for `2probe` and `5`, for a while. Where there is no session that takes it, it says goodbye.
    func probe(_ session: EngineSession?) {
        flush()
        guard let session, session.takeUpgrade(to: self) else { return close(.protocolError) }
        purpose = .probing(session)
        setDeadline(in: loop.configuration.upgradeTimeout)
    }

    func echo() {
        flush()
        purpose = .echoing
    }

    // MARK: The socket's side

    func readable() {
        switch loop.receiveBuffer.receive(from: descriptor) {
        case .bytes(let count): take(loop.receiveBuffer.bytes, count)
        case .nothing: break
        case .end: lose(.transportClose)
        case .failed: lose(.transportError)
        }
    }

    func writable() {
        sent(queue.resume(to: descriptor))
    }

    /// Takes the first bytes of a buffer as what came.
    func take(_ received: [UInt8], _ count: Int) {
        if case .closing(listens: false) = purpose { return }
        var (reader, partial) = (WebSocketMessageReader(), [UInt8]())
        unfinished?.give(&reader, &partial)
        if partial.isEmpty {
            let end = receive(from: received, count, &reader)
            if end < count || unfinished != nil || reader.bytesHeld != nil {
                keep(Array(received[end..<count]), reader)
            }
        } else {
            partial.append(contentsOf: received[..<count])
            let end = receive(from: partial, partial.count, &reader)
            keep(end == 0 ? partial : Array(partial[end...]), reader)
        }
        if case .echoing = purpose { flush() }
    }

    /// Takes all whole messages.
    ///
    /// - Returns: how many bytes they have.
    private func receive(
        from bytes: [UInt8], _ count: Int, _ reader: inout WebSocketMessageReader
    ) -> Int {
        var (place, paid) = (0, 0)
        do {
            while let message = try reader.next(
                from: bytes, at: &place, end: count, payloadMax: payloadMax)
            {
                guard mayWork(reader.takeFrameCount(), place - paid) else { return count }
                paid = place
                unfinished?.isTimed = unfinished?.isTimed == true && !message.isData
                receive(message)
                // RFC 6455 §5.5.1: what follows a close frame means nothing.
                if case .closing(listens: false) = purpose { return count }
            }
        } catch {
            switch error {
            case .protocolError: fail(.protocolError)
            case .invalidText: fail(.invalidText)
            // Who was told goodbye already is not cut off for what was under way.
            case .tooLarge: if isClosing { ended(.tooLarge) } else { fail(.tooLarge) }
            }
            return count
        }
        let frames = reader.takeFrameCount()
        return frames == 0 || mayWork(frames, place - paid) ? place : count
    }

    /// The most bytes in the next message.
    private var payloadMax: Int {
        switch purpose {
        case .serving(let session): session.payloadBytesMax
        case .echoing: Self.echoBytesMax
        case .none, .probing, .closing: loop.configuration.earlyPayloadBytesMax
        }
    }

    /// Whether the client may send so much more.
    private func mayWork(_ frames: Int, _ bytes: Int) -> Bool {
        session?.mayWork(packets: frames, bytes: bytes) ?? true
    }

    private var session: EngineSession? {
        switch purpose {
        case .serving(let session), .probing(let session): session
        case .none, .echoing, .closing: nil
        }
    }

    /// Keeps the beginning of a message until more comes; not for long, and not more than there is room for.
    private func keep(_ rest: [UInt8], _ reader: WebSocketMessageReader) {
        if case .closing(listens: false) = purpose { return }
        guard !rest.isEmpty || reader.bytesHeld != nil else {
            if unfinished?.isTimed == true, case .serving = purpose { loop.removeDeadline(self) }
            unfinished = nil
            return
        }
        let unfinished =
            self.unfinished
            ?? UnfinishedMessage(
                session.map { ByteHold(of: loop.admission.unfinished, for: $0.address) })
        self.unfinished = unfinished
        guard unfinished.take(reader, rest) else { return fail(.overloaded) }
        if !unfinished.isTimed, case .serving = purpose {
            unfinished.isTimed = true
            setDeadline(in: loop.configuration.requestTimeout)
        }
    }

    /// The connection is over.
    private func lose(_ reason: DisconnectReason) {
        ended(reason)
        closeSocket()
    }

    private func closeSocket() {
        guard descriptor >= 0 else { return }
        loop.poll.close(descriptor)
        loop.removeDeadline(self)
        loop.admission.closeConnection()
        descriptor = -1
        purpose = .closing(listens: false)
        queue = SendQueue()
        unfinished = nil
        backlog = nil
    }

    // MARK: Messages

    private func receive(_ message: WebSocketMessage) {
        switch (purpose, message) {
        case (.closing(let listens), _):
            // What was under way when we said goodbye is dropped; the other side's own ends it.
            if listens, case .close = message { closeSocket() }
        case (_, .ping(let payload)): answer(ping: payload)
        case (_, .pong): break
        case (_, .close(let code)):
            ended(.transportClose)
            // RFC 6455 §5.5.1: the answer carries the same code. §7.1.1: the server closes the connection first.
            sayGoodbye(code)
            guard !queue.isEmpty else { return closeSocket() }
            closesWhenSent = true
            setDeadline(in: Self.goodbyePatience)
        case (.serving(let session), _): session.receive(message, from: self)
        case (.probing(let session), .text(let text)): receive(probe: text, session)
        case (.probing, _): fail(.protocolError)
        case (.echoing, .text(let text)): write(webSocketFrame(.text, text))
        case (.echoing, .binary(let bytes)): write(webSocketFrame(.binary, bytes))
        case (.none, _): break
        }
    }

    private func answer(ping payload: [UInt8]) {
        write(webSocketFrame(.pong, payload))
        if case .echoing = purpose { return }
        // Ten thousand pings fit into one read: their pongs leave together.
        loop.willFlush(self)
        guard !isWithinBounds else { return }
        flush()
        // Who pings and reads nothing would fill our memory with pongs.
        if !isWithinBounds { fail(.tooSlow) }
    }

    /// `2probe` asks whether this WebSocket works, `5` makes it the session's.
    private func receive(probe text: [UInt8], _ session: EngineSession) {
        switch try? EngineIOPacket(text: text[...]) {
        case .ping(let payload) where payload.elementsEqual("probe".utf8):
            if !session.tryUpgrade(to: self) { close(.protocolError) }
        case .upgrade:
            loop.removeDeadline(self)
            purpose = .serving(session)
            session.completeUpgrade(to: self)
        default: fail(.protocolError)
        }
    }

    /// Nothing comes in any more: the session learns it.
    private func ended(_ reason: DisconnectReason) {
        let purpose = purpose
        self.purpose = .closing(listens: false)
        unfinished = nil
        switch purpose {
        case .serving(let session), .probing(let session): session.webSocketClosed(self, reason)
        case .none, .echoing, .closing: break
        }
    }

    // MARK: Writing

    /// Whether less waits for the client than may wait.
    var isWithinBounds: Bool { queue.bytes <= loop.configuration.queueBytesMax }

    /// Takes frames that go to many.
    ///
    /// - Parameter isLast: whether they are sent at once, with what was written before; else they leave with the next flush.
    /// - Returns: whether it did; if not, because more waits than may, they have to be written as anything else.
    func take(broadcast frames: [UInt8], isLast: Bool) -> Bool {
        guard !isClosing else { return true }
        if isLast, queue.isEmpty {
            sent(queue.sendNow(frames, to: descriptor))
            return true
        }
        guard queue.bytes <= loop.configuration.queueBytesMax - frames.count else { return false }
        queue.put(frames)
        if isLast { flush() } else { loop.willFlush(self) }
        return true
    }

    private var isClosing: Bool { if case .closing = purpose { true } else { false } }

    /// Writes whole frames; they leave with the next flush.
    func write(_ frames: [UInt8]) {
        // RFC 6455 §5.5.1: nothing follows a close frame.
        if !isClosing { queue.put(frames) }
    }

    /// Sends off what was written, in one piece.
    func flush() {
        guard descriptor >= 0 else { return }
        sent(queue.flush(to: descriptor))
    }

    private func sent(_ outcome: SendQueue.Outcome) {
        switch outcome {
        case .sent:
            if backlog != nil { backlog = nil }
            if closesWhenSent { return closeSocket() }
            if case .closing(listens: false) = purpose { shutdown(descriptor, Int32(SHUT_WR)) }
            if waitsToWrite { wait(toWrite: false) }
        case .waits:
            if !waitsToWrite { wait(toWrite: true) }
            countBacklog()
        // Who reads finds the end, and deals with it: not here, in the midst of who knows what.
        case .failed: shutdown(descriptor, Int32(SHUT_RDWR))
        }
    }

    /// Counts what the client has not read. If that is too much for all, or for its address, it is closed: not here, in the
    /// midst of who knows what.
    private func countBacklog() {
        if backlog == nil, let session {
            backlog = ByteHold(of: loop.admission.backlog, for: session.address)
        }
        guard let backlog, !backlog.set(queue.bytes) else { return }
        loop.eventLoop.assumeIsolated().execute { self.lose(.tooSlow) }
    }

    /// Who is echoed to and does not read is not read from.
    private func wait(toWrite: Bool) {
        waitsToWrite = toWrite
        let reads = if case .echoing = purpose { !toWrite } else { true }
        loop.poll.wait(for: descriptor, toRead: reads, toWrite: toWrite)
    }

    // MARK: The end

    private func sayGoodbye(_ code: UInt16?) {
        let payload = code.map { [UInt8($0 >> 8), UInt8($0 & 255)] } ?? []
        queue.put(webSocketFrame(.close, payload))
        flush()
    }

    /// RFC 6455 §7.1.2: says goodbye with a reason, waits a moment for the other side's, and closes.
    func close(_ reason: DisconnectReason) {
        if isClosing { return }
        if case .probing(let session) = purpose { session.webSocketClosed(self, reason) }
        purpose = .closing(listens: true)
        unfinished = nil
        // Who reads nothing will not read a goodbye either.
        guard isWithinBounds else { return closeSocket() }
        sayGoodbye(reason.closeCode)
        setDeadline(in: Self.goodbyePatience)
    }

    /// RFC 6455 §7.1.7: the other side broke the protocol. It is told so, and not listened to any more; but what it still
    /// sends is read and dropped, for else the system would throw away our goodbye.
    private func fail(_ reason: DisconnectReason) {
        if isClosing { return closeSocket() }
        ended(reason)
        guard isWithinBounds else { return closeSocket() }
        sayGoodbye(reason.closeCode)
        setDeadline(in: Self.goodbyePatience)
    }

    private func setDeadline(in milliseconds: Int64) {
        guard descriptor >= 0 else { return }
        loop.setDeadline(self, at: loop.tick(after: milliseconds))
    }

    override func deadlineReached() {
        switch purpose {
        case .serving: fail(.unfinished)
        case .probing: fail(.transportClose)
        case .none, .echoing, .closing: closeSocket()
        }
    }
}
