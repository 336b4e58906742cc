// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// Why an Engine.IO request is refused: the code and message of the protocol's reference.
enum EngineIORefusal {
    case unknownTransport
    case unknownSession
    case badHandshakeMethod
    case badRequest
    case forbidden
    case unsupportedVersion

    var status: HTTPResponseStatus {
        if case .forbidden = self { .forbidden } else { .badRequest }
    }

    var body: String {
        switch self {
        case .unknownTransport: #"{"code":0,"message":"Transport unknown"}"#
        case .unknownSession: #"{"code":1,"message":"Session ID unknown"}"#
        case .badHandshakeMethod: #"{"code":2,"message":"Bad handshake method"}"#
        case .badRequest: #"{"code":3,"message":"Bad request"}"#
        case .forbidden: #"{"code":4,"message":"Forbidden"}"#
        case .unsupportedVersion: #"{"code":5,"message":"Unsupported protocol version"}"#
        }
    }
}

/// A request that waits for its answer. The session that answers may live on another event loop than the connection.
final class HTTPExchange: @unchecked Sendable {
    private let eventLoop: any EventLoop
    /// Used on ``eventLoop`` alone.
    private weak var handler: HTTPHandler?

    init(handler: HTTPHandler, eventLoop: any EventLoop) {
        self.handler = handler
        self.eventLoop = eventLoop
    }

    /// Answers with text.
    func respond(
        _ status: HTTPResponseStatus, body: [UInt8],
        contentType: StaticString = "text/plain; charset=UTF-8"
    ) {
        onLoop { $0.answer($1, status, body: body, contentType: contentType) }
    }

    /// Refuses the request.
    func refuse(_ refusal: EngineIORefusal) {
        respond(refusal.status, body: Array(refusal.body.utf8), contentType: "application/json")
    }

    /// Lets the connection become a WebSocket, to be tried for a session that polls.
    func upgrade(probing id: SessionID) {
        onLoop { $0.upgrade($1, probing: id) }
    }

    private func onLoop(_ body: @escaping @Sendable (HTTPHandler, HTTPExchange) -> Void) {
        if eventLoop.inEventLoop {
            if let handler { body(handler, self) }
        } else {
            eventLoop.execute { if let handler = self.handler { body(handler, self) } }
        }
    }
}
