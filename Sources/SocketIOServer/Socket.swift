// SPDX-License-Identifier: Apache-2.0

public import CompactJSON
public import SocketIO
import Synchronization

/// A client in a namespace. Belongs to the event loop of its session: it may be carried to other threads, but its
/// members are used on ``loop`` alone.
public final class Socket: @unchecked Sendable {
    /// Where a socket stands.
    enum State {
        /// The client asked for the namespace; the application has not yet answered.
        case asking
        /// The client is in the namespace.
        case connected
        /// It is not, or no longer.
        case ended
    }

    /// The namespace; `/` is the default one.
    public let namespace: String
    /// What the application keeps for this socket.
    public var context: AnyObject?
    private(set) var state = State.asking
    private let isGone = Atomic(false)
    /// The rooms it is in, with its place in each.
    var rooms: [RoomPlace] = []
    /// The session, until the socket is over. Not weak: that would make every use of the session slower.
    private(set) var session: EngineSession?
    /// Where the socket lives.
    public let loop: ServerLoop

    init(namespace: String, session: EngineSession) {
        self.namespace = namespace
        self.session = session
        loop = session.loop
    }

    /// Whether the client waits to be let in.
    public var isWaiting: Bool { state == .asking }

    /// Whether the client is in the namespace.
    public var isConnected: Bool { state == .connected }

    /// Whether the client has left the namespace, or was never let in; may be asked from any thread.
    public var isOver: Bool { isGone.load(ordering: .relaxed) }

    /// The client's address, as far as it counts; empty when the session is over.
    public var address: String { session?.address ?? "" }

    /// What the application put down when the session began.
    public var sessionContext: AnyObject? { session?.context }

    // MARK: Answering the wish for the namespace

    /// Lets the client into the namespace.
    public func accept() {
        guard state == .asking else { return }
        state = .connected
        session?.accepted()
        send(
            SocketIOPacket(
                .connect, namespace: namespace,
                data: ["sid": .string(SessionID.randomSocketID())]))
    }

    /// Refuses the namespace; the client sees a `connect_error` with this message and data.
    public func refuse(message: String, data: JSONValue? = nil) {
        guard state == .asking else { return }
        state = .ended
        var payload: [JSONValue.Member] = [.init("message", .string(message))]
        if let data { payload.append(.init("data", data)) }
        send(SocketIOPacket(.connectError, namespace: namespace, data: .object(payload)))
        session?.forget(self)
    }

    // MARK: Sending

    /// Sends an event.
    ///
    /// - Parameter attachments: binary messages, for which `{"_placeholder":true,"num":N}` stands in the arguments.
    public func emit(_ name: String, _ arguments: [JSONValue], attachments: [[UInt8]] = []) {
        guard isConnected else { return }
        send(
            SocketIOPacket(
                .event, namespace: namespace, data: .array([.string(name)] + arguments),
                attachmentCount: attachments.count), attachments: attachments)
    }

    /// Sends packets that were encoded for many; only for the default namespace.
    public func send(_ packets: EncodedPackets) {
        guard isConnected else { return }
        session?.send(packets)
    }

    /// Ends the client's stay in the namespace. Stock clients do not come back by themselves from this.
    public func disconnect() {
        guard state != .ended else { return }
        send(SocketIOPacket(.disconnect, namespace: namespace))
        end(.serverDisconnect)
        session?.forget(self)
    }

    /// Counts what the client asks for as so many packets, where that costs more than a packet does.
    ///
    /// - Returns: whether it may have that; if not, its session is closed.
    public func mayWork(_ packets: Int) -> Bool {
        session?.mayWork(packets: packets, bytes: 0) ?? false
    }

    /// Closes the whole session, for a reason of the application's.
    public func closeSession(_ reason: DisconnectReason) {
        session?.close(reason)
    }

    func acknowledge(_ id: Int64, _ arguments: [JSONValue], attachments: [[UInt8]]) {
        guard isConnected else { return }
        send(
            SocketIOPacket(
                .ack, namespace: namespace, id: id, data: .array(arguments),
                attachmentCount: attachments.count), attachments: attachments)
    }

    func acknowledge(_ id: Int64, capacity: Int, argument: (inout JSONWriter) -> Void) {
        guard isConnected else { return }
        session?.send(
            EncodedPackets(capacity: capacity + 32) { writer in
                writer.raw("4")
                SocketIOPacket.writeHead(.ack, namespace: namespace, id: id, to: &writer)
                writer.raw("[")
                argument(&writer)
                writer.raw("]")
            })
    }

    private func send(_ packet: SocketIOPacket, attachments: [[UInt8]] = []) {
        session?.send(text: [EngineIOPacketType.message] + packet.text)
        for attachment in attachments { session?.send(binary: attachment) }
    }

    // MARK: The session's side

    /// Leaves all rooms and tells the application.
    func end(_ reason: DisconnectReason) {
        guard state != .ended else { return }
        let wasConnected = state == .connected
        state = .ended
        let left = loop.leaveAllRooms(self)
        if wasConnected { loop.application?.disconnected(self, from: left, reason: reason) }
        context = nil
    }

    /// The socket is over and nothing more is sent to it: it lets go of the session.
    func detach() {
        session = nil
        isGone.store(true, ordering: .relaxed)
    }

    func received(_ assembled: SocketIOPacketAssembler.Assembled) {
        guard isConnected, case .array(let elements) = assembled.packet.data,
            let name = elements.first?.string
        else { return }
        loop.application?.received(
            IncomingEvent(
                name: name, arguments: Array(elements.dropFirst()),
                attachments: assembled.attachments,
                hasLoneSurrogate: assembled.packet.hasLoneSurrogate,
                acknowledgement: assembled.packet.id.map { Acknowledgement(socket: self, id: $0) }),
            from: self)
    }
}

/// An event that a client sent.
public struct IncomingEvent {
    /// Its name.
    public let name: String
    /// Its arguments; `{"_placeholder":true,"num":N}` stands for the N-th attachment.
    public let arguments: [JSONValue]
    /// Its binary attachments.
    public let attachments: [[UInt8]]
    /// Whether a text in it is none: U+FFFD stands for half of a surrogate pair.
    public let hasLoneSurrogate: Bool
    /// How to answer it, if the client asked for an answer.
    public let acknowledgement: Acknowledgement?
}

/// The answer that a client waits for. May be carried to other threads, but is used on the socket's event loop.
public struct Acknowledgement: Sendable {
    let socket: Socket
    let id: Int64

    /// Answers with any arguments.
    public func callAsFunction(_ arguments: [JSONValue], attachments: [[UInt8]] = []) {
        socket.acknowledge(id, arguments, attachments: attachments)
    }

    /// Answers with one argument that is written as JSON by hand.
    ///
    /// - Parameter capacity: about how many bytes it has.
    public func callAsFunction(capacity: Int = 64, argument: (inout JSONWriter) -> Void) {
        socket.acknowledge(id, capacity: capacity, argument: argument)
    }
}

/// The type bytes that the server itself sends.
enum EngineIOPacketType {
    static let close = UInt8(ascii: "1")
    static let ping = UInt8(ascii: "2")
    static let pong = UInt8(ascii: "3")
    static let message = UInt8(ascii: "4")
    static let noop = UInt8(ascii: "6")
}
