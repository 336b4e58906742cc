// SPDX-License-Identifier: Apache-2.0

public import CompactJSON
import NIOHTTP1
public import SocketIO

/// What a client's first request said.
public struct Handshake: Sendable {
    /// The client's address, from the proxy where there is one.
    public var address: String
    /// The `Cookie` header.
    public var cookie: String?
    /// The user whom the proxy names (`X-Remote-User`).
    public var remoteUser: String?
    /// Until when that holds, as the proxy says it (`X-Halls-Expires`).
    public var expires: String?
    /// Whether somebody who is not the front end said who the client is, or where it comes from.
    var isForged = false

    /// Makes a handshake of its parts.
    public init(
        address: String, cookie: String? = nil, remoteUser: String? = nil, expires: String? = nil
    ) {
        self.address = address
        self.cookie = cookie
        self.remoteUser = remoteUser
        self.expires = expires
    }
}

/// What the front end says of a client: its own headers, which no client's get past.
struct ToldByFrontEnd: Equatable {
    /// What shows that it is the front end (`X-Halls-Secret`).
    var secret: String?
    /// The client's address (`X-Real-IP`).
    var realIP: String?
    /// The user (`X-Remote-User`).
    var remoteUser: String?
    /// Until when that holds (`X-Halls-Expires`).
    var expires: String?

    /// Whether there is anything that has to be believed.
    var saysAnything: Bool { realIP != nil || remoteUser != nil || expires != nil }
}

extension ToldByFrontEnd {
    init(_ headers: HTTPHeaders) {
        secret = headers.joined("x-halls-secret")
        realIP = headers.joined("x-real-ip")
        remoteUser = headers.joined("x-remote-user")
        expires = headers.joined("x-halls-expires")
    }
}

/// What is served: one object for each event loop, used on that loop alone.
public protocol SocketIOApplication: AnyObject {
    /// A session begins. What is returned is kept for it as ``Socket/sessionContext``.
    func sessionContext(for handshake: Handshake) -> AnyObject?

    /// A client asks for a namespace. Answer with ``Socket/accept()`` or ``Socket/refuse(message:data:)``, now or later.
    func connect(_ socket: Socket, auth: JSONValue?)

    /// A client sent an event.
    func received(_ event: IncomingEvent, from socket: Socket)

    /// A client is no longer in a namespace that it was in, nor in the rooms that it was in.
    func disconnected(_ socket: Socket, from rooms: [RoomID], reason: DisconnectReason)

    /// The end of a turn of the event loop in which events came: what was gathered can be handed on in one piece.
    func turnEnded()
}

extension SocketIOApplication {
    /// Keeps nothing.
    public func sessionContext(for handshake: Handshake) -> AnyObject? { nil }
    /// Does nothing.
    public func disconnected(_ socket: Socket, from rooms: [RoomID], reason: DisconnectReason) {}
    /// Does nothing.
    public func turnEnded() {}
}
