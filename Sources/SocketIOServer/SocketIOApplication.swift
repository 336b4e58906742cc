// SPDX-License-Identifier: Apache-2.0

public import CompactJSON
public import SocketIO

/// What a client's first request said.
public struct Handshake: Sendable {
    /// The client's address, from the proxy where there is one.
    public var address: String
    /// The `Cookie` header.
    public var cookie: String?
    /// The user whom the proxy names (`X-Remote-User`).
    public var remoteUser: String?

    /// Makes a handshake of its parts.
    public init(address: String, cookie: String? = nil, remoteUser: String? = nil) {
        self.address = address
        self.cookie = cookie
        self.remoteUser = remoteUser
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
