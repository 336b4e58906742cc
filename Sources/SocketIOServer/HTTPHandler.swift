// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import SocketIO

/// The HTTP side of a connection: handshakes, polls, posts, and the way to a WebSocket. One request at a time; after an
/// upgrade it is gone. Used on its event loop alone; the closures that carry it elsewhere only bring it back there.
final class HTTPHandler: ChannelInboundHandler, RemovableChannelHandler, @unchecked Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = ByteBuffer

    private let server: ServerLoops
    private let loop: ServerLoop
    private var context: ChannelHandlerContext?
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    /// The request that waits for its answer; no other one may come before that.
    private var exchange: HTTPExchange?
    /// The head of that request, if it asks to become a WebSocket.
    private var upgradeHead: HTTPRequestHead?
    /// The session whose poll waits here.
    private var polled: SessionID?
    private var deadline: Scheduled<Void>?
    private var keepsAlive = true
    /// Whether the last answer was given: what still comes is read and dropped.
    private var isClosing = false
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
            guard head != nil else { return }
            guard body.count + bytes.readableBytes <= loop.configuration.payloadBytesMax else {
                loop.counters.count(.requestTooLarge)
                return refuse(.payloadTooLarge)
            }
            body.append(contentsOf: bytes.readableBytesView)
        case .end:
            guard let head else { return }
            let body = body
            self.head = nil
            self.body = []
            deadline?.cancel()
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
        // After a wish for an upgrade the decoder reads no further request.
        keepsAlive =
            head.isKeepAlive && head.method != .HEAD && !head.headers.contains(name: "upgrade")
        if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }),
            length > loop.configuration.payloadBytesMax
        {
            loop.counters.count(.requestTooLarge)
            return refuse(.payloadTooLarge)
        }
        self.head = head
    }

    /// Answers a request that is not even read to its end.
    private func refuse(_ status: HTTPResponseStatus) {
        abandonPoll()
        head = nil
        body = []
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
            if let refusal = head.webSocketRefusal { return exchange.respond(refusal, body: []) }
            let webSocket = becomeWebSocket(head, context: context)
            webSocket?.flush()
            webSocket?.echo()
            return
        }
        guard target.path == loop.configuration.path || target.path + "/" == loop.configuration.path
        else { return exchange.respond(.notFound, body: []) }
        guard admitOrigin(head) else {
            loop.counters.count(.refused(.origin))
            server.refusedOrigins.report(
                head.headers.first(name: "origin") ?? "",
                host: head.headers.first(name: "host") ?? "")
            return exchange.refuse(.forbidden)
        }
        if head.method == .OPTIONS { return exchange.respond(.noContent, body: []) }
        let query = target.query
        guard query["EIO"] == "4" else { return exchange.refuse(.unsupportedVersion) }
        let isWebSocket = query["transport"] == "websocket"
        guard isWebSocket || query["transport"] == "polling" else {
            return exchange.refuse(.unknownTransport)
        }
        // JSONP is a way of loading scripts from elsewhere; nobody needs it any more.
        guard query["j"] == nil else { return exchange.refuse(.badRequest) }
        if isWebSocket, head.method == .GET, let refusal = head.webSocketRefusal {
            return exchange.respond(refusal, body: [])
        }
        switch (query["sid"], isWebSocket) {
        case (nil, _): begin(head, exchange, isWebSocket: isWebSocket, context: context)
        case (let sid?, true): probe(sid, head, exchange)
        case (let sid?, false): proceed(with: sid, head.method, body, exchange)
        }
    }

    /// A poll or a post of a session.
    private func proceed(
        with sid: String, _ method: HTTPMethod, _ body: [UInt8], _ exchange: HTTPExchange
    ) {
        guard let id = SessionID(text: sid), id.loop < server.loops.count else {
            return exchange.refuse(.unknownSession)
        }
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
    private func probe(_ sid: String, _ head: HTTPRequestHead, _ exchange: HTTPExchange) {
        guard head.method == .GET, let id = SessionID(text: sid), id.loop < server.loops.count
        else { return exchange.refuse(head.method == .GET ? .unknownSession : .badRequest) }
        upgradeHead = head
        let loop = server.loops[id.loop]
        loop.perform {
            guard let session = loop.session(id) else { return exchange.refuse(.unknownSession) }
            exchange.upgrade(probing: session.takesUpgrade ? SessionHandle(session) : nil)
        }
    }

    /// The first request of a session.
    private func begin(
        _ head: HTTPRequestHead, _ exchange: HTTPExchange, isWebSocket: Bool,
        context: ChannelHandlerContext
    ) {
        guard head.method == .GET else { return exchange.refuse(.badHandshakeMethod) }
        let handshake = handshake(head, context: context)
        if loop.isShuttingDown { return exchange.respond(.serviceUnavailable, body: []) }
        if let refusal = loop.admission.begin(address: handshake.address, now: loop.eventLoop.now) {
            loop.counters.count(.refused(refusal))
            keepsAlive = false
            return exchange.respond(
                refusal == .addressFull ? .tooManyRequests : .serviceUnavailable, body: [])
        }
        guard isWebSocket else {
            return exchange.respond(.ok, body: EngineSession.polling(handshake, on: loop).body)
        }
        guard let peer = becomeWebSocket(head, context: context) else {
            return loop.admission.end(address: handshake.address)
        }
        let session = EngineSession.webSocket(handshake, peer, on: loop)
        peer.serve(SessionHandle(session))
    }

    private func handshake(_ head: HTTPRequestHead, context: ChannelHandlerContext) -> Handshake {
        let peer = context.remoteAddress?.ipAddress ?? ""
        let told = loop.configuration.trustsProxy ? head.headers.first(name: "x-real-ip") : nil
        return Handshake(
            address: String((told ?? peer).prefix(64)), cookie: head.headers.first(name: "cookie"),
            remoteUser: head.headers.first(name: "x-remote-user"))
    }

    /// Whether the page that asks may: a foreign one could use its visitors' cookies. What is no page sends no origin.
    private func admitOrigin(_ head: HTTPRequestHead) -> Bool {
        guard let origin = head.headers.first(name: "origin")?.lowercased() else { return true }
        if loop.configuration.allowedOrigins.contains(origin) {
            corsOrigin = origin
            return true
        }
        guard let host = head.headers.first(name: "host")?.lowercased() else { return false }
        let scheme = head.headers.first(name: "x-forwarded-proto")?.lowercased()
        return Origin(origin)?.isSame(asHost: host, scheme: scheme) ?? false
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
        upgradeHead = nil
        if loop.isShuttingDown { keepsAlive = false }
        write(status, body: body, contentType: contentType)
    }

    private func write(_ status: HTTPResponseStatus, body: [UInt8], contentType: StaticString) {
        guard let context else { return }
        var buffer = context.channel.allocator.buffer(capacity: body.count + 256)
        buffer.writeString("HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\n")
        if status != .noContent {
            buffer.writeString("Content-Type: \(contentType)\r\nContent-Length: \(body.count)\r\n")
        }
        if status == .upgradeRequired { buffer.writeString("Sec-WebSocket-Version: 13\r\n") }
        if status == .serviceUnavailable || status == .tooManyRequests {
            buffer.writeString("Retry-After: 2\r\n")
        }
        if let corsOrigin {
            buffer.writeString(
                """
                Access-Control-Allow-Origin: \(corsOrigin)\r
                Access-Control-Allow-Credentials: true\r
                Access-Control-Allow-Headers: Content-Type\r
                Access-Control-Allow-Methods: GET, POST\r
                Vary: Origin\r\n
                """)
        }
        buffer.writeString("Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n")
        buffer.writeString(keepsAlive ? "\r\n" : "Connection: close\r\n\r\n")
        buffer.writeBytes(body)
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        if keepsAlive {
            startDeadline(loop.configuration.keepAliveTimeout)
        } else {
            closeGently(context)
        }
    }

    /// RFC 9112 §9.6: what the client still sends is read for a moment; a connection that is closed with something unread
    /// loses the answer.
    private func closeGently(_ context: ChannelHandlerContext) {
        isClosing = true
        context.close(mode: .output, promise: nil)
        startDeadline(min(1_000, loop.configuration.requestTimeout))
    }

    // MARK: The way to a WebSocket

    /// Goes on with a request that asked for a WebSocket: it is tried for the session, or said goodbye to.
    func upgrade(_ asked: HTTPExchange, probing session: SessionHandle?) {
        guard asked === exchange, let context, let head = upgradeHead else { return }
        let webSocket = becomeWebSocket(head, context: context)
        webSocket?.flush()
        if let session { webSocket?.probe(session) } else { webSocket?.close(.protocolError) }
    }

    /// Puts the WebSocket in the place of all that speaks HTTP. Its answer to the opening handshake leaves with its first
    /// flush: for a new session in one piece with the first packet.
    private func becomeWebSocket(
        _ head: HTTPRequestHead, context: ChannelHandlerContext
    ) -> WebSocketHandler? {
        exchange = nil
        upgradeHead = nil
        let webSocket = WebSocketHandler(
            eventLoop: context.eventLoop, configuration: loop.configuration)
        let pipeline = context.pipeline.syncOperations
        do {
            let decoder = try pipeline.context(
                handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self)
            try pipeline.addHandler(webSocket, position: .after(self))
            var buffer = context.channel.allocator.buffer(capacity: 160)
            buffer.writeString(
                """
                HTTP/1.1 101 Switching Protocols\r
                Upgrade: websocket\r
                Connection: Upgrade\r
                Sec-WebSocket-Accept: \(head.webSocketAccept ?? "")\r
                \r\n
                """)
            webSocket.write(buffer)
            // First this one: what the decoder has left over is for the WebSocket.
            pipeline.removeHandler(context: context, promise: nil)
            pipeline.removeHandler(context: decoder, promise: nil)
            return webSocket
        } catch {
            close(context)
            return nil
        }
    }
}

extension HTTPRequestHead {
    /// The answer to a WebSocket's opening handshake; `nil` without a key.
    fileprivate var webSocketAccept: String? {
        headers.first(name: "sec-websocket-key").flatMap { WebSocketAccept.value(for: $0) }
    }

    /// With what a request is refused that is no opening handshake (RFC 6455 §4.2.1, §4.2.2); `nil` if it is one.
    fileprivate var webSocketRefusal: HTTPResponseStatus? {
        guard method == .GET, version.major == 1, version.minor >= 1, webSocketAccept != nil,
            headers[canonicalForm: "connection"].contains(where: { $0.lowercased() == "upgrade" }),
            headers[canonicalForm: "upgrade"].contains(where: { $0.lowercased() == "websocket" })
        else { return .badRequest }
        return headers.first(name: "sec-websocket-version") == "13" ? nil : .upgradeRequired
    }
}
