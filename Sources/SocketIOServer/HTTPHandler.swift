// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import NIOHTTP1
import SocketIO
import Sockets

/// The HTTP side of a connection: handshakes, polls, posts, and the way to a WebSocket. One request at a time; after an
/// upgrade it is gone. Used on its event loop alone; the closures that carry it elsewhere only bring it back there.
final class HTTPHandler: ChannelInboundHandler, RemovableChannelHandler, @unchecked Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = ByteBuffer

    private let server: ServerLoops
    private let loop: ServerLoop
    private var context: ChannelHandlerContext?
    private var head: HTTPRequestHead?
    private var body = RequestBody()
    /// The request that waits for its answer; no other one may come before that.
    private var exchange: HTTPExchange?
    /// That request, if it asks to become a WebSocket.
    private var upgradeRequest: UpgradeRequest?
    /// The session whose poll waits here.
    private var polled: SessionID?
    private var deadline: Scheduled<Void>?
    private var keepsAlive = true
    /// Whether the last answer was given: what still comes is read and dropped.
    private var isClosing = false
    /// Who waits for the answer, as far as it counts.
    private var asker = ""
    /// An origin other than the site's own that may see the answer.
    private var corsOrigin: String?

    init(server: ServerLoops, loop: ServerLoop) {
        self.server = server
        self.loop = loop
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        startDeadline(loop.configuration.requestTimeout)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        self.context = nil
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosing else { return }
        switch unwrapInboundIn(data) {
        case .head(let head): begin(head, context: context)
        case .body(let bytes):
            guard let head else { return }
            guard mayHave(body.bytes.count + bytes.readableBytes, head) else {
                loop.counters.count(.requestTooLarge)
                return refuse(.payloadTooLarge)
            }
            let fits = body.append(bytes) {
                ByteHold(of: loop.admission.unfinished, for: address(head, context))
            }
            if !fits { refuse(.serviceUnavailable) }
        case .end:
            guard let head else { return }
            let body = body.bytes
            self.head = nil
            self.body = RequestBody()
            deadline?.cancel()
            asker = address(head, context)
            let exchange = HTTPExchange(handler: self, eventLoop: context.eventLoop)
            self.exchange = exchange
            route(head, body, exchange, context: context)
        }
    }

    private func begin(_ head: HTTPRequestHead, context: ChannelHandlerContext) {
        // A second request before the answer to the first, or while that is not taken: nobody whom we serve does so.
        guard exchange == nil, context.channel.isWritable else { return close(context) }
        // The time for a request counts from its head; what is dripped behind that does not win any.
        startDeadline(loop.configuration.requestTimeout)
        corsOrigin = nil
        // RFC 9112 §3.2.
        guard head.headers["host"].count < 2 else { return refuse(.badRequest) }
        // After a wish for an upgrade the decoder reads no further request.
        keepsAlive =
            head.isKeepAlive && head.method != .HEAD && !head.headers.contains(name: "upgrade")
        if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }),
            !mayHave(length, head)
        {
            loop.counters.count(.requestTooLarge)
            return refuse(.payloadTooLarge)
        }
        self.head = head
    }

    /// Whether a request may have a body of so many bytes: many only for a session that is in a namespace.
    private func mayHave(_ count: Int, _ head: HTTPRequestHead) -> Bool {
        let configuration = loop.configuration
        if count > configuration.payloadBytesMax { return false }
        if count <= configuration.earlyPayloadBytesMax || loop.echoesMessages { return true }
        guard let id = RequestTarget(head.uri)["sid"].flatMap(server.sessionID) else {
            return false
        }
        return loop.admission.isSignedIn(id)
    }

    /// Who asks, as far as it counts.
    private func address(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) -> String {
        loop.address(
            ToldByFrontEnd(head.headers),
            peer: context.remoteAddress?.ipAddress ?? "")
    }

    /// Answers a request that is not even read to its end.
    private func refuse(_ status: HTTPResponseStatus) {
        abandonPoll()
        head = nil
        body = RequestBody()
        exchange = nil
        keepsAlive = false
        write(status, body: [], contentType: "text/plain")
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isClosing else { return }
        switch error {
        case HTTPParserError.headerOverflow: refuse(.requestHeaderFieldsTooLarge)
        case is HTTPParserError: refuse(.badRequest)
        default: close(context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        abandonPoll()
        context.fireChannelInactive()
    }

    /// The client gave up its poll.
    private func abandonPoll() {
        guard let id = polled, let exchange else { return }
        polled = nil
        let loop = server.loops[id.loop]
        loop.perform { loop.session(id)?.pollCancelled(exchange) }
    }

    private func close(_ context: ChannelHandlerContext) {
        abandonPoll()
        isClosing = true
        context.close(promise: nil)
    }

    /// Who does not say in time what it wants gives its place to others.
    private func startDeadline(_ milliseconds: Int64) {
        deadline?.cancel()
        deadline = context?.eventLoop.assumeIsolated().scheduleTask(
            in: .milliseconds(milliseconds)
        ) { [weak self] in
            guard let self, let context = self.context else { return }
            if !self.isClosing { self.loop.counters.count(.requestTimedOut) }
            self.close(context)
        }
    }

    // MARK: Routing

    private func route(
        _ head: HTTPRequestHead, _ body: [UInt8], _ exchange: HTTPExchange,
        context: ChannelHandlerContext
    ) {
        let target = RequestTarget(head.uri)
        if target.path == "/health" {
            return exchange.respond(.ok, body: Array("ok".utf8))
        }
        if let echo = server.rawWebSocketPath, target.path == echo {
            guard let request = UpgradeRequest(head) else {
                return exchange.respond(head.webSocketRefusal ?? .badRequest, body: [])
            }
            return depart(request) { connection, _ in connection.echo() }
        }
        guard server.isOurs(target.path) else { return exchange.respond(.notFound, body: []) }
        guard admitOrigin(head) else {
            loop.counters.count(.refused(.origin))
            server.reportRefused(
                origin: head.headers.joined("origin") ?? "",
                host: head.headers.joined("host") ?? "")
            return exchange.refuse(.forbidden)
        }
        if head.method == .OPTIONS { return exchange.respond(.noContent, body: []) }
        guard target["EIO"] == "4" else { return exchange.refuse(.unsupportedVersion) }
        let isWebSocket = target["transport"] == "websocket"
        guard isWebSocket || target["transport"] == "polling" else {
            return exchange.refuse(.unknownTransport)
        }
        // JSONP is a way of loading scripts from elsewhere; nobody needs it any more.
        guard target["j"] == nil else { return exchange.refuse(.badRequest) }
        let sid = target["sid"]
        guard isWebSocket else {
            guard let sid else { return beginPolling(head, exchange, context: context) }
            return proceed(with: sid, head.method, body, exchange)
        }
        guard head.method == .GET else {
            return exchange.refuse(sid == nil ? .badHandshakeMethod : .badRequest)
        }
        guard let request = UpgradeRequest(head) else {
            return exchange.respond(head.webSocketRefusal ?? .badRequest, body: [])
        }
        if let sid {
            probe(sid, request, exchange)
        } else {
            beginWebSocket(request, exchange, context: context)
        }
    }

    /// A poll or a post of a session.
    private func proceed(
        with sid: String, _ method: HTTPMethod, _ body: [UInt8], _ exchange: HTTPExchange
    ) {
        guard let id = server.sessionID(sid) else { return exchange.refuse(.unknownSession) }
        if method == .GET { polled = id }
        let loop = server.loops[id.loop]
        loop.perform {
            guard let session = loop.session(id) else { return exchange.refuse(.unknownSession) }
            switch method {
            case .GET: session.poll(exchange)
            case .POST: session.post(body, exchange)
            default: exchange.refuse(.badRequest)
            }
        }
    }

    /// A WebSocket for a session that polls.
    private func probe(_ sid: String, _ request: UpgradeRequest, _ exchange: HTTPExchange) {
        guard let id = server.sessionID(sid) else { return exchange.refuse(.unknownSession) }
        upgradeRequest = request
        let loop = server.loops[id.loop]
        loop.perform {
            guard loop.session(id) != nil else { return exchange.refuse(.unknownSession) }
            exchange.upgrade(probing: id)
        }
    }

    /// The first request of a session that polls.
    private func beginPolling(
        _ head: HTTPRequestHead, _ exchange: HTTPExchange, context: ChannelHandlerContext
    ) {
        guard head.method == .GET else { return exchange.refuse(.badHandshakeMethod) }
        let handshake = loop.handshake(
            ToldByFrontEnd(head.headers),
            peer: context.remoteAddress?.ipAddress ?? "",
            cookie: head.headers.joined("cookie", by: "; "))
        guard admit(handshake, exchange) else { return }
        loop.perform { [loop] in
            exchange.respond(.ok, body: EngineSession.polling(handshake, on: loop).body)
        }
    }

    /// The first request of a session on a WebSocket.
    private func beginWebSocket(
        _ request: UpgradeRequest, _ exchange: HTTPExchange, context: ChannelHandlerContext
    ) {
        let handshake = loop.handshake(request, peer: context.remoteAddress?.ipAddress ?? "")
        guard admit(handshake, exchange) else { return }
        depart(request, orElse: { [loop] in loop.admission.end(address: handshake.address) }) {
            connection, loop in
            connection.serve(EngineSession.webSocket(handshake, connection, on: loop))
        }
    }

    /// Whether a session may begin; if not, that is answered.
    private func admit(_ handshake: Handshake, _ exchange: HTTPExchange) -> Bool {
        guard let refusal = loop.refusal(of: handshake) else { return true }
        if handshake.isForged { server.reportForged() }
        keepsAlive = false
        exchange.respond(refusal, body: [])
        return false
    }

    private func admitOrigin(_ head: HTTPRequestHead) -> Bool {
        let origin = head.headers.joined("origin")
        if let origin = origin?.lowercased(), server.origins.allows(foreign: origin) {
            corsOrigin = origin
        }
        return server.admits(
            origin, head.headers.joined("host"), head.headers.joined("x-forwarded-proto"))
    }

    // MARK: Answering

    /// Answers a request, unless it is no longer the one that waits here.
    func answer(
        _ answered: HTTPExchange, _ status: HTTPResponseStatus, body: [UInt8],
        contentType: StaticString
    ) {
        guard answered === exchange else { return }
        exchange = nil
        polled = nil
        upgradeRequest = nil
        if loop.isShuttingDown { keepsAlive = false }
        write(status, body: body, contentType: contentType)
    }

    private func write(_ status: HTTPResponseStatus, body: [UInt8], contentType: StaticString) {
        guard let context else { return }
        let answer = HTTPAnswer(
            status, body: body, contentType: contentType, corsOrigin: corsOrigin,
            keepsAlive: keepsAlive)
        guard let isOut = counting(answer.body.count, context) else { return close(context) }
        context.writeAndFlush(
            wrapOutboundOut(ByteBuffer(bytes: answer.bytes)), promise: isOut.promise)
        if keepsAlive {
            startDeadline(loop.configuration.keepAliveTimeout)
        } else {
            closeGently(context)
        }
    }

    /// Counts an answer until the client's system has it.
    ///
    /// - Returns: the promise to write it with, if that is to be told; `nil` if too much waits already.
    private func counting(
        _ count: Int, _ context: ChannelHandlerContext
    ) -> (promise: EventLoopPromise<Void>?, Void)? {
        guard count > RequestBody.countedMin else { return (nil, ()) }
        let hold = ByteHold(of: loop.admission.backlog, for: asker)
        guard hold.set(count) else { return nil }
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in withExtendedLifetime(hold) {} }
        return (promise, ())
    }

    /// RFC 9112 §9.6: when the client's system has the answer, what it still sends is read for a moment; a connection that
    /// is closed with something unread loses the answer.
    private func closeGently(_ context: ChannelHandlerContext) {
        isClosing = true
        startDeadline(loop.configuration.keepAliveTimeout)
        let isOut = context.eventLoop.makePromise(of: Void.self)
        isOut.futureResult.assumeIsolated().whenComplete { _ in
            self.startDeadline(min(1_000, self.loop.configuration.requestTimeout))
        }
        context.close(mode: .output, promise: isOut)
    }

    // MARK: The way to a WebSocket

    /// Goes on with a request that asked for a WebSocket: it is tried for the session.
    func upgrade(_ asked: HTTPExchange, probing id: SessionID) {
        guard asked === exchange, let request = upgradeRequest else { return }
        depart(request, to: server.loops[id.loop]) { connection, loop in
            connection.probe(loop.session(id))
        }
    }

    /// Ends the channel, and lets its socket go on as a WebSocket.
    ///
    /// - Parameters:
    ///   - home: the loop on which it goes on; ours where it is all the same.
    ///   - orElse: called if it cannot.
    ///   - begin: says there what the connection is for.
    private func depart(
        _ request: UpgradeRequest, to home: ServerLoop? = nil,
        orElse: @escaping @Sendable () -> Void = {},
        _ begin: @escaping @Sendable (WebSocketConnection, ServerLoop) -> Void
    ) {
        exchange = nil
        upgradeRequest = nil
        guard let context else { return orElse() }
        let (channel, home, http) = (context.channel, home ?? loop, server.http)
        guard let departure = try? Departure.replace(context) else {
            close(context)
            return orElse()
        }
        // The decoder gives that when it is done with the request that we are in.
        channel.eventLoop.assumeIsolated().execute {
            let (descriptor, rest) = (http.descriptor(of: channel), departure.bytes)
            channel.close(promise: nil)
            guard let descriptor else { return orElse() }
            guard home.admission.openConnection() else {
                home.counters.count(.refused(.connections))
                _ = Glibc.close(descriptor)
                return orElse()
            }
            channel.closeFuture.whenComplete { _ in
                home.perform {
                    WebSocketConnection.open(descriptor, on: home, answer: request.answer, rest) {
                        begin($0, home)
                    }
                }
            }
        }
    }
}
