// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// A client as docs/protocol.md describes one: it keeps a position for each hall, comes back by itself, and asks for what
/// it missed. What it says is in `Client+Sending.swift`, what it hears in `Client+Receiving.swift`.
final class Client: TransportOwner {
    /// How it reaches the site.
    enum Kind: String, CaseIterable {
        case webSocket, direct, polling
    }

    enum Phase: Equatable {
        case away(until: Int64)
        /// From the connection to the answer of the namespace.
        case signingIn(deadline: Int64)
        case online
    }

    /// What an acknowledgement is waited for.
    enum Question {
        /// `known` is `nil` where it was not asked for changes.
        case join(ClientHall, since: Int64, known: Int64?, asked: Int64)
        case errand(Errand)
    }

    /// What it is in a run.
    struct Part {
        var kind = Kind.webSocket
        /// Whether it says by REST what it has to say.
        var usesREST = false
        /// Whether it has anything to say.
        var speaks = true
    }

    let person: Int
    let kind: Kind
    let usesREST: Bool
    let world: World
    private let door: Door
    var random: Randomness
    var halls: [Int64: ClientHall] = [:]
    private(set) var phase = Phase.away(until: 0)
    private(set) var transport: (any Transport)?
    private var attempts = 0
    private var terms: EngineOpen?
    private var heard: Int64 = 0
    private var asleepUntil: Int64?
    private var slowUntil: Int64?
    private var nextSip: Int64 = 0
    /// When it last slept or read slowly: what it hears then is old.
    var impaired: Int64 = 0
    private var lastQuestion: Int64 = 0
    private var questions: [Int64: (question: Question, deadline: Int64)] = [:]
    var speech = Speech()
    /// What it has said, as far as it was acknowledged.
    var said: [Int] = []
    /// For what it says by REST, and for histories.
    let posts: HTTPWire
    let loads: HTTPWire
    /// For what it asks of people.
    let people: HTTPWire
    var acquaintances = Acquaintances()
    /// When to load the list of halls; `nil` if it is as the server has it.
    var listAt: Int64?

    init(person: Int, as part: Part, in world: World, door: Door, restDoor: Door) {
        (self.person, kind, usesREST, self.world) = (person, part.kind, part.usesREST, world)
        self.door = door
        random = Randomness(seed: world.seed, part: "client \(person)")
        posts = HTTPWire(restDoor)
        loads = HTTPWire(restDoor, keepsConnection: world.manners.keepsConnections)
        people = HTTPWire(restDoor)
        phase = .away(until: world.now + random.milliseconds(0...world.manners.arrival))
        speech.nextAt = world.now + random.milliseconds(1_000...1_000 + world.thinkTime)
        if !part.speaks { speech.nextAt = .max }
    }

    /// Whether nothing is on its way: connected, in all its halls, with nothing to say.
    var isSettled: Bool { restlessness == nil }

    /// What is still to come, in words.
    var restlessness: String? {
        guard phase == .online else { return "is not connected (\(phase))" }
        if asleepUntil != nil || slowUntil != nil { return "is asleep" }
        if let errand = speech.current { return "has not had an answer to \(errand)" }
        for id in world.halls where world.membership.isIn(person, id) {
            guard let hall = halls[id], hall.isIn else { return "is not in hall \(id)" }
            if hall.load != nil { return "loads the history of hall \(id)" }
        }
        if acquaintances.wish != nil { return "waits for its name" }
        if acquaintances.askAt != nil { return "has not asked for people" }
        return nil
    }

    // MARK: Time passes

    func tick() {
        let now = world.now
        if let until = asleepUntil {
            impaired = now
            if now >= until { wake() }
            return
        }
        sipIfSlow(now)
        switch phase {
        case .away(let until): if now >= until { connect() }
        case .signingIn(let deadline): if now >= deadline { leave("nobody answered") }
        case .online: attend(now)
        }
        speak(now)
        load(now)
        attendPeople(now)
    }

    private func attend(_ now: Int64) {
        if let terms, now > heard + terms.pingInterval + terms.pingTimeout + 500 {
            world.history.count("silences")
            return leave("no ping came")
        }
        for (id, entry) in questions where now >= entry.deadline {
            questions[id] = nil
            switch entry.question {
            case .errand(let errand): unanswered(errand)
            case .join: return leave("a join was not answered")
            }
        }
        for hall in halls.values {
            if let at = hall.askAt, now >= at { join(hall) }
        }
    }

    // MARK: Coming and going

    private func connect() {
        world.history.count("connections")
        if kind == .polling {
            transport = PollingTransport(door)
        } else {
            transport = WebSocketTransport(door, random: random)
            _ = random.next()
        }
        guard let transport else { return goAway() }
        transport.owner = self
        phase = .signingIn(deadline: world.now + world.manners.patience)
    }

    /// Leaves a connection that is of no use.
    private func leave(_ reason: String) {
        transport?.close()
        ended(reason)
    }

    func ended(_ reason: String) {
        guard transport != nil else { return }
        if phase == .online { world.history.count("disconnections") }
        world.history.count("ended: \(reason)")
        transport = nil
        terms = nil
        slowUntil = nil
        let unanswered = questions
        questions = [:]
        listAt = nil
        (acquaintances.since, acquaintances.askAt, acquaintances.heard) = (nil, nil, [:])
        for hall in halls.values { hall.disconnect() }
        goAway()
        for case .errand(let errand) in unanswered.values.map(\.question) {
            self.unanswered(errand)
        }
        world.plant?.forget(self)
    }

    private func goAway() {
        phase = .away(until: world.now + world.manners.pause(attempts, &random))
        attempts += 1
    }

    func received(packet: ArraySlice<UInt8>) {
        heard = world.now
        switch packet.first {
        case UInt8(ascii: "0"):
            terms = EngineOpen(packet)
            transport?.send(packet: Array("40".utf8))
        case UInt8(ascii: "1"): leave("the server said goodbye")
        case UInt8(ascii: "2"): transport?.send(packet: [UInt8(ascii: "3")])
        case UInt8(ascii: "4"): received(message: packet.dropFirst())
        case UInt8(ascii: "6"): break
        default: world.history.breach(.forged, "an unknown packet from the server")
        }
    }

    private func received(message: ArraySlice<UInt8>) {
        switch message.first {
        case UInt8(ascii: "0"): welcomed()
        case UInt8(ascii: "2"): received(event: message.dropFirst())
        case UInt8(ascii: "3"): received(answer: message.dropFirst())
        default:
            let text = String(decoding: message.prefix(120), as: UTF8.self)
            world.history.breach(.away, "\(name) was sent away: \(text)")
            leave("sent away")
        }
    }

    var name: String { world.history.people[person].name }

    private func welcomed() {
        phase = .online
        attempts = 0
        // Whoever was away did not hear into which halls it was brought.
        if world.manners.loadsList { listAt = world.now }
        // Also those that it was taken out of: it may be in again.
        for hall in halls.values.sorted(by: { $0.id < $1.id }) {
            // As a client of before there were changes, which is told no old texts either.
            join(hall, asksForChanges: world.changePercent == 0 || !random.isTrue(oneIn: 3))
        }
    }

    /// Asks with an acknowledgement.
    func ask(_ event: String, _ argument: JSONValue, _ question: Question, within: Int64) {
        lastQuestion += 1
        questions[lastQuestion] = (question, world.now + within)
        let payload: JSONValue = [.string(event), argument]
        transport?.send(packet: Array("42\(lastQuestion)".utf8) + payload.bytes)
    }

    private func received(answer: ArraySlice<UInt8>) {
        let digits = answer.prefix { $0 != UInt8(ascii: "[") }
        guard let id = Int64(String(decoding: digits, as: UTF8.self)),
            let payload = (try? JSONValue(parsing: answer.dropFirst(digits.count)))?.array?.first
        else { return world.history.breach(.forged, "an answer that is none") }
        // One that is no longer waited for has been given up, and is still true.
        switch questions.removeValue(forKey: id)?.question {
        case .join(let hall, let since, let known, let asked)?:
            let answer = world.plant?.pass(payload, to: self) ?? payload
            joined(hall, since, known, asked, answer)
        case .errand(let errand)?: answered(errand, payload)
        case nil: world.history.count("late answers")
        }
    }

    // MARK: What is done to it

    /// Its connection is cut, with a reset or without anybody hearing of it.
    ///
    /// - Parameter awayFor: for how many milliseconds there is no network; if not given it comes back as it does by itself.
    func cut(silently: Bool, awayFor milliseconds: Int64? = nil) {
        guard asleepUntil == nil, let transport, let connection = transport.connection else {
            return
        }
        if silently {
            if let left = transport.letGo() {
                left.freeze()
                world.leaveBehind(left)
            }
        } else {
            connection.reset()
            transport.close()
        }
        ended("cut")
        if let milliseconds { phase = .away(until: world.now + milliseconds) }
    }

    /// The machine sleeps: nothing is read, nothing said, and no time passes.
    func sleep(milliseconds: Int64) {
        guard asleepUntil == nil, slowUntil == nil else { return }
        asleepUntil = world.now + milliseconds
        for connection in connections {
            connection?.freeze()
        }
    }

    /// Reads so little that what is said to it piles up.
    func slowDown(milliseconds: Int64) {
        guard asleepUntil == nil, phase == .online, kind != .polling else { return }
        slowUntil = world.now + milliseconds
        transport?.connection?.freeze()
    }

    private var connections: [Connection?] {
        [transport?.connection, posts.connection, loads.connection, people.connection]
    }

    private func sipIfSlow(_ now: Int64) {
        guard let until = slowUntil else { return }
        impaired = now
        if now >= until {
            slowUntil = nil
            transport?.connection?.thaw()
        } else if now >= nextSip {
            nextSip = now + 100
            transport?.connection?.sip(1_500)
        }
    }

    func wake() {
        guard asleepUntil != nil else { return }
        asleepUntil = nil
        // For itself no time has passed.
        heard = world.now
        for id in questions.keys { questions[id]?.deadline = world.now + 5_000 }
        for connection in connections {
            connection?.thaw()
        }
    }

    /// Ends sleep and slowness, for the end of a run.
    func recover() {
        wake()
        if slowUntil != nil { slowUntil = world.now }
    }

    func close() {
        transport?.close()
        posts.close()
        loads.close()
        people.close()
    }
}
