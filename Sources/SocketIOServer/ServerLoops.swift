// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import Glibc
import Logging
import NIOCore
import NIOHTTP1
import Sockets
import Synchronization

/// What the connections of all event loops share: the loops themselves, and where to find a session.
final class ServerLoops: Sendable {
    let loops: [ServerLoop]
    let http: any HTTPSide
    let rawWebSocketPath: String?
    let origins: OriginPolicy
    private let logger: Logger
    private let turn = Atomic(0)
    private let turnOfHTTP = Atomic(0)

    init(
        loops: [ServerLoop], http: any HTTPSide, logger: Logger, rawWebSocketPath: String? = nil
    ) {
        self.loops = loops
        self.http = http
        self.logger = logger
        origins = OriginPolicy(others: loops[0].configuration.allowedOrigins)
        self.rawWebSocketPath = rawWebSocketPath
    }

    /// The loop whose turn it is to have a new connection.
    var nextLoop: ServerLoop {
        loops[turn.add(1, ordering: .relaxed).oldValue % loops.count]
    }

    /// The loop whose turn it is to have the session that a connection with HTTP may begin: a turn of its own, for such a
    /// connection has had one already.
    private var nextHome: ServerLoop {
        loops[turnOfHTTP.add(1, ordering: .relaxed).oldValue % loops.count]
    }

    /// Puts the handlers of a connection that speaks HTTP in place; on the connection's event loop.
    func configure(_ channel: any Channel) throws {
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
        try pipeline.addHandler(HTTPHandler(server: self, loop: nextHome))
    }

    // MARK: Routing

    /// What a request to become a WebSocket is for.
    enum WebSocketRoute {
        /// A session begins.
        case begin
        /// It may take over a session that polls.
        case probe(SessionID)
        /// Its messages go back.
        case echo
    }

    /// What a request is for; `nil` if it is refused.
    func route(_ request: UpgradeRequest) -> WebSocketRoute? {
        let target = RequestTarget(request.target)
        if let echo = rawWebSocketPath, target.path == echo { return .echo }
        guard isOurs(target.path), admits(request.origin, request.host, request.forwardedProtocol),
            target["EIO"] == "4", target["transport"] == "websocket", target["j"] == nil
        else { return nil }
        guard let sid = target["sid"] else { return .begin }
        return sessionID(sid).map { .probe($0) }
    }

    /// The id that a client sent; `nil` if no session can have it.
    func sessionID(_ text: String) -> SessionID? {
        SessionID(text: text).flatMap { $0.loop < loops.count ? $0 : nil }
    }

    /// Whether a path is the server's; the slash at its end may be missing.
    func isOurs(_ path: some StringProtocol) -> Bool {
        let own = loops[0].configuration.path
        return path == own || own.dropLast() == path && own.last == "/"
    }

    /// Whether the page that asks may: a foreign one could use its visitors' cookies. What is no page sends no origin.
    func admits(_ origin: String?, _ host: String?, _ forwardedProtocol: String?) -> Bool {
        guard let origin else { return true }
        return origins.allows(
            origin, host: host ?? "",
            isSecure: forwardedProtocol?.lowercased().isExactly("https") ?? false)
    }

    /// Somebody was refused who is not the front end and speaks as if, which is told to the operator.
    func reportForged() {
        guard loops[0].configuration.frontEnd.isFirstRefusal() else { return }
        logger.warning(
            "refused: X-Real-IP, X-Remote-User or X-Halls-Expires without the front end's secret (--secret-file, own/secret.conf)"
        )
    }

    /// A page was refused, which is told to the operator.
    func reportRefused(origin: String, host: String) {
        guard let news = origins.firstRefusal(of: origin, host: host) else { return }
        logger.warning(
            "origin refused", metadata: ["origin": "\(news.origin)", "host": "\(news.host)"])
    }
}

/// Where connections go that do not begin as a WebSocket, and come from when they become one later.
protocol HTTPSide: Sendable {
    /// Takes a socket, with what it has sent so far.
    func take(_ descriptor: Int32, _ bytes: [UInt8], for server: ServerLoops)

    /// A descriptor for a channel's socket that stays when the channel is closed; `nil` if the system has none left.
    func descriptor(of channel: any Channel) -> Int32?
}
