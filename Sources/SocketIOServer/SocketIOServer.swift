// SPDX-License-Identifier: Apache-2.0

import Glibc
public import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A server for Socket.IO v5 over Engine.IO v4, by WebSocket and HTTP long-polling.
///
/// It knows sessions, namespaces, rooms and events; what they mean is the business of a ``SocketIOApplication``.
public final class SocketIOServer: Sendable {
    /// The parts of the server, one for each event loop.
    public var loops: [ServerLoop] { parts.loops }
    /// What happened so far.
    public let counters: Counters
    private let parts: ServerLoops
    private let group: MultiThreadedEventLoopGroup
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
        group = MultiThreadedEventLoopGroup(numberOfThreads: min(max(threads, 1), 255))
        let admission = Admission(configuration)
        let counters = Counters()
        self.admission = admission
        self.counters = counters
        let loops = group.makeIterator().enumerated().map { index, eventLoop in
            ServerLoop(
                eventLoop: eventLoop, index: index, configuration: configuration,
                admission: admission, counters: counters, echoesMessages: echoesMessages)
        }
        parts = ServerLoops(
            loops: loops, logger: logger, rawWebSocketPath: rawWebSocketPath)
        for loop in loops {
            try loop.eventLoop.submit {
                loop.application = makeApplication(loop)
                loop.startTimers()
            }.wait()
        }
    }

    /// The sessions at the moment.
    public var sessionCount: Int { admission.count }

    /// Listens at an address.
    ///
    /// - Parameter socketMode: the permissions of a unix socket: the proxy is often another user.
    /// - Returns: the port, for TCP.
    /// - Throws: ``AddressInUse``, or the system's error.
    public func listen(at address: Address, socketMode: UInt32 = 0o660) throws -> Int? {
        let parts = parts
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 4_096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.maxMessagesPerRead, value: 64)
            // Out of file descriptors it waits for some, rather than asking for them in circles.
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
                }
            }
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try parts.configure(channel)
                }
            }
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.recvAllocator, value: ReceiveBufferSize())
            // Beyond the high mark a channel is not writable: that is the bound for slow readers.
            .childChannelOption(
                .writeBufferWaterMark,
                value: .init(
                    low: configuration.queueBytesMax / 2, high: configuration.queueBytesMax))
        let channel = try bootstrap.listen(at: address, socketMode: socketMode)
        parts.listeners.withLock { $0.append((channel, address)) }
        logger.info("listening", metadata: ["address": "\(address)"])
        return channel.localAddress?.port
    }

    /// Stops listening, tells every client that the server goes away, and ends the event loops.
    public func shutDown() throws {
        for (channel, address) in parts.listeners.withLock({ $0 }) {
            try? channel.close().wait()
            address.removeFile()
        }
        for loop in loops { try loop.eventLoop.submit { loop.shutDown() }.wait() }
        // The goodbyes are on their way; who answers them is gone at once, and nobody is waited for longer than this.
        parts.waitUntilEmpty(for: .milliseconds(500))
        try group.syncShutdownGracefully()
    }
}
