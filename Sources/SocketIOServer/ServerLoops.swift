// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// What the connections of all event loops share: the loops themselves, and where to find a session.
final class ServerLoops: Sendable {
    let loops: [ServerLoop]
    let rawWebSocketPath: String?
    let refusedOrigins: RefusedOrigins
    let listeners = Mutex<[(channel: any Channel, address: SocketIOServer.Address)]>([])
    private let openChannels = Mutex(0)

    init(loops: [ServerLoop], logger: Logger, rawWebSocketPath: String? = nil) {
        self.loops = loops
        refusedOrigins = RefusedOrigins(logger)
        self.rawWebSocketPath = rawWebSocketPath
    }

    /// Puts the handlers of a new connection in place; on the connection's event loop.
    func configure(_ channel: any Channel) throws {
        guard let loop = loops.first(where: { $0.eventLoop === channel.eventLoop }) else {
            preconditionFailure("a connection on an event loop that is not the server's")
        }
        let open = openChannels.withLock { open in
            open += 1
            return open
        }
        channel.closeFuture.whenComplete { _ in self.openChannels.withLock { $0 -= 1 } }
        // A session has two connections while it polls; and some are of no session yet.
        guard open <= 2 * loop.configuration.connectionsMax + 1_000 else {
            loop.counters.count(.refused(.connections))
            throw TooManyConnections()
        }
        let pipeline = channel.pipeline.syncOperations
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = 16_384
        limits.maxHeaderListSize = 32_768
        limits.maxHeaderFieldCount = 100
        // The buffer's bound is for what none of these counts: an endless target, frames behind a wish for an upgrade.
        try pipeline.addHandler(
            ByteToMessageHandler(
                HTTPRequestDecoder(
                    leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits),
                maximumBufferSize: 131_072))
        try pipeline.addHandler(HTTPHandler(server: self, loop: loop))
    }

    /// Waits until every connection is closed, or for so long.
    func waitUntilEmpty(for patience: TimeAmount) {
        let end = NIODeadline.now() + patience
        while openChannels.withLock({ $0 }) > 0, NIODeadline.now() < end { usleep(5_000) }
    }
}

/// More connections than the sessions that there may be can need.
struct TooManyConnections: Error {}

extension ServerLoop {
    /// Runs something on this loop; at once, if that is where we are.
    func perform(_ body: @escaping @Sendable () -> Void) {
        if eventLoop.inEventLoop { body() } else { execute(body) }
    }
}
