// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Sockets
import Synchronization

/// Answers `GET /metrics` and `GET /health` at an address of its own, for the operator's eyes: not the one that nginx
/// forwards to. It has a thread of its own, so that it answers also when the event loops do not.
final class MetricsListener: Sendable {
    /// So many connections at once are enough for those who watch.
    private static let connectionsMax = 32

    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let channel: any Channel
    private let file: UnixSocket.File?
    private let places = Places(connectionsMax)

    /// Listens.
    init(
        at address: ListenAddress, socketMode: UInt32, metrics: Metrics, logger: Logger
    ) throws {
        let socket = try address.listen(mode: socketMode)
        file = socket.file
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
                }
            }
            .childChannelInitializer { [places] channel in
                channel.eventLoop.makeCompletedFuture {
                    try places.take(until: channel.closeFuture)
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: false)
                    try pipeline.addHandler(MetricsHandler(metrics))
                }
            }
        channel = try bootstrap.withBoundSocket(socket.descriptor).wait()
        logger.info("metrics", metadata: ["address": "\(address)"])
    }

    /// The port, for TCP.
    var port: Int? { channel.localAddress?.port }

    /// Stops answering.
    func close() throws {
        try? channel.close().wait()
        file?.remove()
        try group.syncShutdownGracefully()
    }
}

/// Bounds how many there are at once.
private final class Places: Sendable {
    struct Full: Error {}

    private let free: Atomic<Int>

    init(_ count: Int) { free = Atomic(count) }

    /// Takes a place until something is over.
    ///
    /// - Throws: ``Full``.
    func take(until end: EventLoopFuture<Void>) throws {
        let left = free.subtract(1, ordering: .relaxed).newValue
        end.whenComplete { _ in self.free.add(1, ordering: .relaxed) }
        if left < 0 { throw Full() }
    }
}
