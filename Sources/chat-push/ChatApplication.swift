// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatOptions
import CompactJSON
import NIOCore
import SocketIO
import SocketIOServer

/// The chat on one event loop: who is on its sockets, which halls they are in, and what they send. Used on that loop
/// alone. What it knows of halls it could lose at any time: the database has it.
final class ChatApplication: SocketIOApplication {
    let loop: ServerLoop
    let store: ChatStore
    let settings: ChatSettings
    var online = OnlineUsers()
    /// The halls in which somebody on this loop is: hall -> state. The sockets themselves are in the loop's room.
    var halls: [Int64: HallState] = [:]
    /// The last ticket that was given to who waits for a read; none is given twice.
    var lastTicket = 0
    /// What happened here, in numbers.
    var tally = LoopTally()
    /// How many packets one that asks for the namespace counts as.
    private static let signInWork = 100
    /// Jobs of this turn of the loop: handed over in one piece.
    private var jobs: [StoreJob] = []

    init(loop: ServerLoop, store: ChatStore, settings: ChatSettings) {
        self.loop = loop
        self.store = store
        self.settings = settings
        let second = TimeAmount.seconds(1)
        loop.eventLoop.scheduleRepeatedTask(initialDelay: second, delay: second) { _ in
            (loop.application as? ChatApplication)?.endExpiredSessions()
        }
    }

    /// Milliseconds of a clock that only goes forward.
    var now: Int64 { Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000) }

    /// Hands a job to the store at the end of the turn.
    func request(_ job: StoreJob) {
        jobs.append(job)
        loop.requestTurnEnd()
    }

    func turnEnded() {
        guard !jobs.isEmpty else { return }
        let refused = store.submit(jobs, from: loop)
        jobs.removeAll(keepingCapacity: true)
        for job in refused { refuse(job) }
    }

    /// Too much waits, or the daemon ends.
    func refuse(_ job: StoreJob) {
        tally.count(.busy)
        let busy = ChatError(.busy)
        switch job {
        case .write(_, let reply), .mark(_, let reply): reply.fail(busy)
        case .authenticate(_, let socket, _): authenticated(.failure(busy), socket)
        case .openHall(let hallID, _): hallOpened(hallID, .failure(busy))
        case .readChanges(let hallID, _, let ticket, _):
            changesRead(hallID, .failure(busy), ticket)
        }
    }

    /// Who asked for a read has gone: it is asked for by another who waits for it, if there is one.
    private func abandoned(_ job: StoreJob) {
        switch job {
        case .write, .mark, .authenticate: break
        case .openHall(let hallID, _): hallAbandoned(hallID)
        case .readChanges(let hallID, _, let ticket, _): changesAbandoned(hallID, ticket)
        }
    }

    // MARK: Clients come and go

    func sessionContext(for handshake: Handshake) -> AnyObject? {
        let (credentials, deadline): (Credentials, Timestamp?) =
            switch settings.auth {
            case .accounts:
                (Credentials(tokens: handshake.cookie.map(settings.cookie.tokens) ?? []), nil)
            case .site:
                settings.siteLogin.read(handshake, at: .now(), share: .random(in: 0...1))
            }
        return ClientConnection(
            credentials, until: deadline, at: handshake.address, settings: settings, now: now)
    }

    func connect(_ socket: Socket, auth: JSONValue?) {
        // It costs a look into the database, also for who is nobody.
        guard socket.mayWork(Self.signInWork) else { return }
        guard let connection = socket.sessionContext as? ClientConnection else {
            return socket.closeSession(.policy)
        }
        guard socket.namespace == "/" else {
            tally.count(.refusedNamespace)
            return socket.refuse(message: "Invalid namespace")
        }
        guard connection.credentials !== Credentials.untimely else {
            tally.count(.refusedUnauthenticated)
            return refuse(socket, ChatError(.invalidRequest, "The login's end is no time."))
        }
        request(.authenticate(connection.credentials, socket, address: socket.address))
    }

    func authenticated(_ result: Result<Identity, ChatError>, _ socket: Socket) {
        guard socket.isWaiting, let connection = socket.sessionContext as? ClientConnection else {
            return
        }
        let identity: Identity
        switch result {
        case .success(let known): identity = known
        // From a refusal a stock client does not come back by itself, from this it does.
        case .failure(let error) where error.code == .busy || error.code == .internalError:
            return socket.closeSession(.shutdown)
        case .failure(let error):
            tally.count(.refusedUnauthenticated)
            return refuse(socket, error)
        }
        if let deadline = connection.deadline, deadline <= .now() {
            return socket.closeSession(.reauthentication)
        }
        guard let person = settings.users.begin(identity.userID, now: now) else {
            tally.count(.refusedUserFull)
            return refuse(socket, ChatError(.rateLimited, "You have too many connections."))
        }
        let client = ChatClient(identity, person, on: connection)
        if settings.sharedAddress.begin(client.userID, at: connection.address) {
            settings.warnOfAddress(connection.address)
        }
        socket.context = client
        online.add(socket, client)
        socket.accept()
    }

    private func refuse(_ socket: Socket, _ error: ChatError) {
        socket.refuse(message: error.code.rawValue, data: .object(error.members))
    }

    func disconnected(_ socket: Socket, from rooms: [RoomID], reason: DisconnectReason) {
        guard let client = socket.context as? ChatClient else { return }
        online.remove(socket, client)
        client.person.end()
        settings.sharedAddress.end(client.userID, at: client.connection.address)
        for room in rooms {
            if let hall = halls[room.number] { forgetIfEmpty(hall) }
        }
    }

    // MARK: Events

    /// What clients may send, as docs/protocol.md says it. What is sent most comes first.
    static let events: [EventRoute] = [
        EventRoute(
            "send_message", counts: .sends, limit: .sends,
            reading: { try $0.newMessage($1) }, then: { $0.write($1, $2) }),
        EventRoute(
            "join_hall", counts: .joins, limit: .joins,
            reading: { try $0.wishToJoin($1) }, then: { $0.joinHall($1, $2) }),
        EventRoute(
            "leave_hall", counts: .leaves,
            reading: { try $0.hallToLeave($1) }, then: { $0.leaveHall($1, $2) }),
        EventRoute(
            "edit_message", counts: .edits, limit: .sends,
            reading: { try $0.messageEdit($1) }, then: { $0.write($1, $2) }),
        EventRoute(
            "delete_message", counts: .deletions, limit: .sends,
            reading: { try $0.messageDeletion($1) }, then: { $0.write($1, $2) }),
        EventRoute(
            "mark_read", counts: .marks, limit: .marks,
            reading: { try $0.readMark($1) }, then: { $0.mark($1, $2) }),
    ]

    func received(_ event: IncomingEvent, from socket: Socket) {
        guard let client = socket.context as? ChatClient else { return }
        guard client.person.takeEvent(now: now) else {
            tally.count(.eventsLimited)
            return socket.closeSession(.policy)
        }
        let reply = Reply(
            socket: socket, event: event.name, acknowledgement: event.acknowledgement)
        do {
            guard !event.hasLoneSurrogate else {
                throw ChatError(.invalidRequest, "A string has half of a surrogate pair.")
            }
            guard let route = EventRoute.named(event.name, in: Self.events) else {
                tally.count(.unknownEvents)
                throw ChatError(.invalidRequest, "There is no event of that name.")
            }
            try route.respond(
                self, EventCall(argument: event.arguments.first, client: client, reply: reply))
        } catch {
            reply.fail(ChatError(error))
        }
    }

    // MARK: What the store tells

    /// Takes what happened, in the log's order. What is said in a hall meanwhile goes out in one piece.
    func take(_ events: [StoreEvent]) {
        var speaking: [HallState] = []
        for event in events {
            switch event {
            case .message(let delivery):
                guard let hall = halls[delivery.hallID], hall.add(delivery) else { continue }
                speaking.append(hall)
            case .written(let result, let reply): written(result, reply)
            default:
                // Who joins or leaves does so between two messages.
                send(&speaking)
                take(event)
            }
        }
        send(&speaking)
    }

    private func send(_ speaking: inout [HallState]) {
        for hall in speaking {
            let (packets, count) = hall.takeUnsent()
            let sockets = loop.broadcast(
                packets, to: RoomID(hall.id), isLast: speaking.count == 1)
            tally.broadcast(count, to: sockets)
        }
        speaking.removeAll(keepingCapacity: true)
    }

    private func take(_ event: StoreEvent) {
        switch event {
        case .message, .written: break
        case .read(let mark, let socket): tell(mark, but: socket)
        case .marked(let result, let reply): marked(result, reply)
        case .messageChanged(let update): messageChanged(update)
        case .authenticated(let result, let socket): authenticated(result, socket)
        case .hallOpened(let hallID, let result): hallOpened(hallID, result)
        case .changesRead(let hallID, let result, let ticket): changesRead(hallID, result, ticket)
        case .abandoned(let job): abandoned(job)
        case .refused(let job): refuse(job)
        case .hallUpdated(let snapshot, let change): hallUpdated(snapshot, change)
        case .userUpdated(let update): userUpdated(update)
        case .changed(let change): changed(change)
        case .torn:
            halls = [:]
            for socket in loop.allSockets { socket.closeSession(.shutdown) }
        }
    }

    private func changed(_ change: LogEvent) {
        switch change {
        case .joined(let hallID, let userID, let role):
            halls[hallID]?.join(userID, role)
            tell(online[userID], hallID, "joined")
        case .left(let hallID, let userID):
            halls[hallID]?.leave(userID)
            for socket in online[userID] { loop.leave(RoomID(hallID), socket) }
            tell(online[userID], hallID, "left")
            if let hall = halls[hallID] { forgetIfEmpty(hall) }
        case .sessionEnded(let sessionID, let userID):
            for (socket, _) in clients(of: userID, in: sessionID) { endSession(socket) }
        case .sessionRenewed(let sessionID, let userID):
            let lifetime = settings.limits.sessionLifetimeSeconds
            for (_, client) in clients(of: userID, in: sessionID) {
                client.expiresAt = Timestamp.now().adding(seconds: lifetime)
            }
        case .userDisabled(let userID):
            for socket in online[userID] { endSession(socket) }
        case .banned, .banLifted, .messageCreated, .messageChanged, .hallChanged, .userChanged,
            .read:
            break
        }
    }

    private func clients(of userID: Int64, in sessionID: Int64) -> [(Socket, ChatClient)] {
        online[userID].compactMap { socket in
            guard let client = socket.context as? ChatClient, client.sessionID == sessionID else {
                return nil
            }
            return (socket, client)
        }
    }

    private func endExpiredSessions() {
        for socket in online.expired(at: .now()) {
            switch settings.auth {
            case .accounts: endSession(socket)
            // Only the site knows whether it prolonged what was to end: the client comes back, and the site is asked.
            case .site: socket.closeSession(.reauthentication)
            }
        }
    }

    /// The client is signed out: it is told, and does not come back by itself.
    private func endSession(_ socket: Socket) {
        let error = ChatError(.unauthenticated, "The session ended.")
        socket.emit("error", [.object(error.members)])
        socket.disconnect()
    }
}
