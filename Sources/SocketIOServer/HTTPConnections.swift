// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix

/// The connections that speak HTTP: polls, posts, and whatever is refused with an answer. They are channels of SwiftNIO's
/// on an event loop of their own; what they ask of a session is done on the session's. One loop for all of them: a client's
/// post must not overtake the poll that it sent before on another connection.
final class HTTPConnections: HTTPSide {
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    func take(_ descriptor: Int32, _ bytes: [UInt8], for server: ServerLoops) {
        let admission = server.loops[0].admission
        ClientBootstrap(group: group)
            .channelOption(.maxMessagesPerRead, value: 1)
            // While more than this waits of an answer no further request is taken.
            .channelOption(.writeBufferWaterMark, value: .init(low: 4_096, high: 16_384))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let first = FirstBytes(ByteBuffer(bytes: bytes))
                    try channel.pipeline.syncOperations.addHandler(first)
                    try server.configure(channel)
                }
            }
            .withConnectedSocket(descriptor)
            .whenComplete { result in
                switch result {
                case .success(let channel):
                    channel.closeFuture.whenComplete { _ in admission.closeConnection() }
                case .failure: admission.closeConnection()
                }
            }
    }

    func descriptor(of channel: any Channel) -> Int32? {
        let descriptor = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
            of: NIOBSDSocket.Handle.self
        ) { fcntl($0, F_DUPFD_CLOEXEC, 0) }
        guard let descriptor = descriptor ?? nil, descriptor >= 0 else { return nil }
        return descriptor
    }

    /// Runs something on the thread of the connections, and waits for it.
    func onThread(_ body: @escaping @Sendable () -> Void) {
        try? group.next().submit(body).wait()
    }

    /// Closes all connections and ends the event loops.
    func shutDown() throws { try group.syncShutdownGracefully() }
}

/// Puts what a connection has sent before it became a channel in front of what comes now.
private final class FirstBytes: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let bytes: ByteBuffer

    init(_ bytes: ByteBuffer) { self.bytes = bytes }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        context.fireChannelRead(wrapInboundOut(bytes))
        context.fireChannelReadComplete()
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }
}

/// Stands at the end of a connection that becomes a WebSocket: it gathers what the client has sent behind its request.
final class Departure: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private(set) var bytes: [UInt8] = []

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        bytes.append(contentsOf: unwrapInboundIn(data).readableBytesView)
    }

    /// Lets a handler of requests, and the decoder before it, leave their channel for this.
    static func replace(_ context: ChannelHandlerContext) throws -> Departure {
        let pipeline = context.pipeline.syncOperations
        let departure = Departure()
        let decoder = try pipeline.context(
            handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self)
        try pipeline.addHandler(departure, position: .after(context.handler))
        // First the handler: what the decoder has left over is for the WebSocket.
        pipeline.removeHandler(context: context, promise: nil)
        pipeline.removeHandler(context: decoder, promise: nil)
        return departure
    }
}
