// SPDX-License-Identifier: Apache-2.0

import Figures
import NIOCore
import NIOHTTP1
import Sockets

/// One request about the daemon's state, and its answer.
final class MetricsHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// What a client has for its request and to take the answer.
    private static let patience = TimeAmount.seconds(10)
    /// What the event loops have to say something.
    private static let loopPatience = TimeAmount.seconds(2)

    private struct Answer {
        var status = HTTPResponseStatus.ok
        var type = "text/plain; charset=utf-8"
        var text: String
    }

    private let metrics: Metrics
    private var head: HTTPRequestHead?
    private var deadline: Scheduled<Void>?

    init(_ metrics: Metrics) {
        self.metrics = metrics
    }

    func handlerAdded(context: ChannelHandlerContext) {
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: Self.patience) {
            context.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard let head else { return }
            self.head = nil
            answer(head, context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard head.method == .GET else {
            return write(Answer(status: .methodNotAllowed, text: "Only GET.\n"), context)
        }
        let path = head.uri.prefix { $0 != "?" }
        guard path == "/metrics" || path == "/health" else {
            return write(Answer(status: .notFound, text: "/metrics or /health.\n"), context)
        }
        figures(context.eventLoop).assumeIsolated().whenComplete { [metrics] figures in
            let loops = try? figures.get()
            let problem = loops == nil ? "An event loop does not answer." : metrics.storeProblem
            if let loops, path == "/metrics" {
                self.write(
                    Answer(type: MetricsText.contentType, text: metrics.text(loops)), context)
            } else if let problem {
                self.write(Answer(status: .serviceUnavailable, text: problem + "\n"), context)
            } else {
                let warning = metrics.isFrontEndKnown ? "" : FrontEndPolicy.warning + "\n"
                self.write(Answer(text: "ok\n" + warning), context)
            }
        }
    }

    /// What the loops say, if they say it in time.
    private func figures(_ eventLoop: any EventLoop) -> EventLoopFuture<[Metrics.LoopFigures]> {
        let promise = eventLoop.makePromise(of: [Metrics.LoopFigures].self)
        eventLoop.scheduleTask(in: Self.loopPatience) { promise.fail(LoopsAreSilent()) }
        metrics.loops(on: eventLoop).cascade(to: promise)
        return promise.futureResult
    }

    private func write(_ answer: Answer, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        let body = ByteBuffer(string: answer.text)
        let headers: HTTPHeaders = [
            "Content-Type": answer.type, "Content-Length": "\(body.readableBytes)",
            "Cache-Control": "no-store", "Connection": "close",
        ]
        let head = HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { _ in
            context.close(promise: nil)
        }
    }
}

/// The event loops have said nothing for too long.
private struct LoopsAreSilent: Error {}
