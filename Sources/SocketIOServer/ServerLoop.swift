// SPDX-License-Identifier: Apache-2.0

import CLinux
public import NIOCore
import NIOHTTP1
import SocketIO
import Sockets
import Synchronization

/// The server's part on one event loop: its sessions, rooms and timers, and the application's object for it. All of it
/// is used on that loop alone, so nothing is locked; other threads only hand work over with ``execute(_:)``.
public final class ServerLoop: @unchecked Sendable {
    /// The event loop.
    public let eventLoop: any EventLoop
    /// Where its sockets are watched.
    let poll: EventPoll
    /// What its sockets are read into.
    var receiveBuffer = ReceiveBuffer()
    /// The application's object for this loop.
    public internal(set) var application: (any SocketIOApplication)?
    /// Its number among the server's loops, from 0.
    public let index: Int
    let configuration: ServerConfiguration
    let admission: Admission
    let counters: Counters
    /// Whether there is no Socket.IO, and every message of Engine.IO goes back to its sender; for that protocol's suite.
    let echoesMessages: Bool
    /// Sessions that began with polling: only they are ever asked for by id.
    private var sessions: [SessionID: EngineSession] = [:]
    private var rooms = Rooms()
    private var wheel: TimerWheel
    private var wheelStart: NIODeadline
    private var wheelTask: RepeatedTask?
    /// WebSockets with something written that was not yet handed to the system.
    private var unflushed: [WebSocketConnection] = []
    /// Sessions with something to say to who polls.
    private var unanswered: [EngineSession] = []
    private var turnEndIsScheduled = false
    private let isEnding = Atomic(false)
    /// Whether nobody new is taken; may be asked from anywhere.
    var isShuttingDown: Bool { isEnding.load(ordering: .relaxed) }

    init(
        eventLoop: any EventLoop, poll: EventPoll, index: Int, configuration: ServerConfiguration,
        admission: Admission, counters: Counters, echoesMessages: Bool = false
    ) {
        self.eventLoop = eventLoop
        self.poll = poll
        self.echoesMessages = echoesMessages
        wheelStart = eventLoop.now
        self.index = index
        self.configuration = configuration
        self.admission = admission
        self.counters = counters
        let shortest = min(configuration.pingTimeout, configuration.pingInterval)
        let tick = min(max(shortest / 100, 2), 250)
        wheel = TimerWheel(
            tick: tick, span: max(configuration.pingInterval, configuration.pingTimeout))
    }

    /// Runs something on this loop, after all that was handed over before.
    public func execute(_ body: @escaping @Sendable () -> Void) {
        eventLoop.execute(body)
    }

    /// Runs something on this loop; at once, if that is where we are.
    func perform(_ body: @escaping @Sendable () -> Void) {
        if eventLoop.inEventLoop { body() } else { execute(body) }
    }

    // MARK: Rooms

    /// Brings a socket into a room.
    public func join(_ room: RoomID, _ socket: Socket) {
        guard socket.isConnected else { return }
        _ = rooms.join(room, socket)
    }

    /// Takes a socket out of a room.
    public func leave(_ room: RoomID, _ socket: Socket) {
        _ = rooms.leave(room, socket)
    }

    /// The sockets in a room that live on this loop, in no order.
    public func sockets(in room: RoomID) -> [Socket] { rooms[room].map(\.socket) }

    /// How many sockets that live on this loop are in a room.
    public func count(in room: RoomID) -> Int { rooms[room].count }

    /// Sends packets to all sockets in a room that live on this loop: all that there is for the room in this turn.
    ///
    /// They leave at once, together with what waits for each socket; where more may come for a socket by another room,
    /// with the end of the turn, in one piece with all of it.
    ///
    /// - Parameter isLast: whether nothing is sent to other rooms in this turn.
    /// - Returns: how many sockets there are.
    @discardableResult
    public func broadcast(
        _ packets: EncodedPackets, to room: RoomID, isLast: Bool = false
    ) -> Int {
        // A socket that is ended meanwhile changes the room, not what we go through. By their places: so that nothing of
        // a member is touched but its WebSocket, which is fetched from memory while the one before is written to.
        let members = rooms[room]
        for place in members.indices {
            if place + 1 < members.count, let next = members[place + 1].webSocket {
                unsafe halls_prefetch(Unmanaged.passUnretained(next).toOpaque())
            }
            if let webSocket = members[place].webSocket,
                webSocket.take(
                    broadcast: packets.frames, isLast: isLast || members[place].isNowhereElse)
            {
                continue
            }
            members[place].socket.send(packets)
        }
        return members.count
    }

    /// Another transport carries a socket's packets.
    func transportChanged(_ socket: Socket) { rooms.transportChanged(socket) }

    func leaveAllRooms(_ socket: Socket) -> [RoomID] {
        let left = socket.rooms.map(\.room)
        for room in left.reversed() { _ = rooms.leave(room, socket) }
        return left
    }

    // MARK: Sessions

    /// The session that a request names. Whose time is over is gone, even if the timer comes late.
    func session(_ id: SessionID) -> EngineSession? {
        turnWheel()
        return sessions[id]
    }

    func register(_ session: EngineSession) {
        sessions[session.id] = session
    }

    func unregister(_ session: EngineSession) {
        if sessions.removeValue(forKey: session.id) != nil {
            admission.note(session.id, isSignedIn: false)
        }
        wheel.remove(session)
    }

    /// What a client's first request said, as far as it is believed.
    func handshake(
        _ told: ToldByFrontEnd, peer: @autoclosure () -> String, cookie: String?
    ) -> Handshake {
        let isBelieved = believes(told)
        var handshake = Handshake(address: address(told, peer: peer()), cookie: cookie)
        if isBelieved {
            (handshake.remoteUser, handshake.expires) = (told.remoteUser, told.expires)
        }
        handshake.isForged = told.saysAnything && !isBelieved
        return handshake
    }

    /// The address of a client, as far as it counts.
    func address(_ told: ToldByFrontEnd, peer: @autoclosure () -> String) -> String {
        let isBelieved = configuration.trustsProxy && believes(told)
        let address = (isBelieved ? told.realIP : nil) ?? peer()
        return configuration.countedAddress(String(address.unicodeScalars.prefix(64)))
    }

    private func believes(_ told: ToldByFrontEnd) -> Bool {
        configuration.frontEnd.believes(told.secret)
    }

    /// The same of a request for a WebSocket.
    func handshake(_ request: UpgradeRequest, peer: @autoclosure () -> String) -> Handshake {
        handshake(request.told, peer: peer(), cookie: request.cookie)
    }

    /// With what a session is refused; `nil` if it may begin, and then it is counted.
    func refusal(of handshake: Handshake) -> HTTPResponseStatus? {
        if isShuttingDown { return .serviceUnavailable }
        if handshake.isForged {
            counters.count(.refused(.frontEnd))
            return .forbidden
        }
        guard let refusal = admission.begin(address: handshake.address, now: eventLoop.now) else {
            return nil
        }
        counters.count(.refused(refusal))
        return refusal == .addressFull ? .tooManyRequests : .serviceUnavailable
    }

    /// All sockets on this loop.
    public var allSockets: [Socket] {
        wheel.entries.flatMap { ($0 as? EngineSession)?.sockets ?? [] }
    }

    // MARK: Turns

    /// Asks for ``SocketIOApplication/turnEnded()`` at the end of this turn.
    public func requestTurnEnd() { scheduleTurnEnd() }

    /// Something was written to a WebSocket: it leaves at the end of the turn, in one piece with what else is written.
    func willFlush(_ webSocket: WebSocketConnection) {
        guard !webSocket.willFlush else { return }
        webSocket.willFlush = true
        unflushed.append(webSocket)
        scheduleTurnEnd()
    }

    /// There is something to say to who polls: it is said at the end of the turn.
    func willAnswer(_ session: EngineSession) {
        unanswered.append(session)
        scheduleTurnEnd()
    }

    /// Events came: the application hears of the end of the turn.
    func scheduleTurnEnd() {
        guard !turnEndIsScheduled else { return }
        turnEndIsScheduled = true
        // What is executed from within a turn runs after the sockets that were ready have been read.
        eventLoop.assumeIsolated().execute { self.endTurn() }
    }

    private func endTurn() {
        turnEndIsScheduled = false
        application?.turnEnded()
        // A flush may end a session, and so write for others.
        while !unflushed.isEmpty || !unanswered.isEmpty {
            let (webSockets, sessions) = (unflushed, unanswered)
            (unflushed, unanswered) = ([], [])
            for webSocket in webSockets {
                webSocket.willFlush = false
                webSocket.flush()
            }
            for session in sessions { session.answer() }
        }
    }

    // MARK: Time

    /// By how many milliseconds the wheel may be late before that counts as standing still.
    private static let lateMax: Int64 = 1_000

    func startTimers() {
        wheelStart = eventLoop.now
        let tick = TimeAmount.milliseconds(wheel.tick)
        wheelTask = eventLoop.scheduleRepeatedTask(initialDelay: tick, delay: tick) { _ in
            self.turnWheel()
        }
    }

    /// The tick of the loop's clock at which we are.
    var tick: Int64 { wheel.now }

    /// The tick that comes so many milliseconds from now, or up to one tick earlier: a client's patience ends with the
    /// same clock.
    func tick(after milliseconds: Int64) -> Int64 { wheel.now + max(1, milliseconds / wheel.tick) }

    func setDeadline(_ entry: Timed, at tick: Int64) { wheel.set(entry, at: tick) }

    func removeDeadline(_ entry: Timed) { wheel.remove(entry) }

    private func turnWheel() {
        var elapsed = (eventLoop.now - wheelStart).nanoseconds / 1_000_000
        let late = elapsed - (wheel.now + 1) * wheel.tick
        if late > Self.lateMax {
            // Nobody's patience ends while the process stood still: what clients sent meanwhile has not been read.
            wheelStart = wheelStart + .milliseconds(late)
            elapsed -= late
        }
        while (wheel.now + 1) * wheel.tick <= elapsed {
            for entry in wheel.advance() { entry.deadlineReached() }
        }
    }

    // MARK: The end

    /// Ends all sessions: clients see that the server goes away, and come back.
    func shutDown() {
        isEnding.store(true, ordering: .relaxed)
        wheelTask?.cancel()
        // Every session has a deadline, always.
        for case let session as EngineSession in wheel.entries { session.close(.shutdown) }
        endTurn()
    }
}
