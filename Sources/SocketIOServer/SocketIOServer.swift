// SPDX-License-Identifier: Apache-2.0

import Glibc
public import Logging
import NIOCore
import Synchronization
public import Sockets

/// A server for Socket.IO v5 over Engine.IO v4, by WebSocket and HTTP long-polling.
///
/// It knows sessions, namespaces, rooms and events; what they mean is the business of a ``SocketIOApplication``.
public final class SocketIOServer: Sendable {
    /// The parts of the server, one for each event loop.
    public var loops: [ServerLoop] { parts.loops }
    /// What happened so far.
    public let counters: Counters
    private let parts: ServerLoops
    private let socketLoops: [SocketLoop]
    private let http: HTTPConnections
    private let listeners = Mutex<[Listener]>([])
    private let configuration: ServerConfiguration
    private let logger: Logger
    private let admission: Admission

    /// Starts the event loops; nothing is listened to yet.
    ///
    /// - Parameters:
    ///   - threads: how many event loops; at most 255.
    ///   - rawWebSocketPath: where plain WebSocket messages are echoed, for suites that test RFC 6455; off in products.
    ///   - echoesMessages: whether messages of Engine.IO go back as they come, for the suite of that protocol, in the place
    ///     of Socket.IO; off in products.
    ///   - makeApplication: makes the application's object for each loop; called on that loop.
    public init(
        configuration: ServerConfiguration, threads: Int,
        logger: Logger = Logger(label: "socketio"),
        rawWebSocketPath: String? = nil, echoesMessages: Bool = false,
        makeApplication: @escaping @Sendable (ServerLoop) -> any SocketIOApplication
    ) throws {
        self.configuration = configuration
        self.logger = logger
        let threads = min(max(threads, 1), 255)
        let admission = Admission(configuration)
        let counters = Counters()
        self.admission = admission
        self.counters = counters
        socketLoops = try (0..<threads).map { try SocketLoop(name: "sockets-\($0)") }
        let loops = socketLoops.enumerated().map { index, eventLoop in
            ServerLoop(
                eventLoop: eventLoop, poll: eventLoop.poll, index: index,
                configuration: configuration, admission: admission, counters: counters,
                echoesMessages: echoesMessages)
        }
        http = HTTPConnections()
        parts = ServerLoops(
            loops: loops, http: http, logger: logger, rawWebSocketPath: rawWebSocketPath)
        for loop in loops {
            try loop.eventLoop.submit {
                loop.application = makeApplication(loop)
                loop.startTimers()
            }.wait()
        }
    }

    /// The sessions at the moment.
    public var sessionCount: Int { admission.count }

    /// What clients make the server keep at the moment, in bytes, and how often there would have been too much.
    public var bytesHeld: BytesHeld {
        BytesHeld(
            unfinished: admission.unfinished.bytes, backlog: admission.backlog.bytes,
            unfinishedRefusals: admission.unfinished.refusalCount,
            backlogRefusals: admission.backlog.refusalCount)
    }

    /// Runs something on each of the server's threads, one after the other, and waits for it; for care that a thread has to
    /// take itself.
    public func onEachThread(_ body: @escaping @Sendable () -> Void) {
        for loop in loops { try? loop.eventLoop.submit(body).wait() }
        http.onThread(body)
    }

    /// Listens at an address.
    ///
    /// - Parameter socketMode: the permissions of a unix socket: the proxy is often another user.
    /// - Returns: the port, for TCP.
    /// - Throws: `ListenError`, or the system's error.
    public func listen(at address: ListenAddress, socketMode: UInt32 = 0o660) throws -> Int? {
        let loop = loops[0]
        let listener = try Listener(
            at: address, socketMode: socketMode, server: parts, loop: loop)
        try loop.eventLoop.submit { try listener.start() }.wait()
        listeners.withLock { $0.append(listener) }
        logger.info("listening", metadata: ["address": "\(address)"])
        return listener.port
    }

    /// Stops listening, tells every client that the server goes away, and ends the event loops.
    public func shutDown() throws {
        for listener in listeners.withLock({ $0 }) {
            try loops[0].eventLoop.submit { listener.stop() }.wait()
        }
        for loop in loops { try loop.eventLoop.submit { loop.shutDown() }.wait() }
        // The goodbyes are on their way; who answers them is gone at once, and nobody is waited for longer than this.
        let end = NIODeadline.now() + .milliseconds(500)
        while admission.connectionCount > 0, NIODeadline.now() < end { usleep(5_000) }
        try http.shutDown()
        for loop in socketLoops { loop.stop() }
    }
}
