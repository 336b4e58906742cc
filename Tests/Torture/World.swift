// SPDX-License-Identifier: Apache-2.0

import ChatModels

/// The people of a run and what they share. Everything happens on one thread, in turns: the descriptors that have
/// something, then the faults that are due, then each client's own time.
final class World {
    let seed: UInt64
    let poller: Poller
    let history: History
    let membership = Membership()
    private(set) var clients: [Client] = []
    private(set) var now = milliseconds()
    /// How long a client thinks between two things to say, on the average.
    let thinkTime: Int
    let manners: Manners
    /// Who measures; `nil` where nothing is measured.
    var stopwatch: Stopwatch?
    /// How many of a hundred things that clients do are edits and deletions.
    var changePercent = 0
    /// Whether anything new is said.
    var isSpeaking = true
    var plant: Plant?
    /// Of whom something changes in this run, as indices into the people.
    private(set) var movers: [Int] = []
    /// The hall in which everybody is, always.
    private(set) var everybody: Int64 = 0
    private(set) var longestTurn: Int64 = 0
    private var leftBehind: [(connection: Connection, until: Int64)] = []
    private var nextTick: Int64 = 0
    private var ticks = 0

    init(
        seed: UInt64, poller: Poller, history: History, thinkTime: Int, manners: Manners = .eager
    ) {
        (self.seed, self.poller, self.history) = (seed, poller, history)
        (self.thinkTime, self.manners) = (thinkTime, manners)
    }

    /// Puts people, halls and memberships into the database.
    ///
    /// - Returns: the cookie of each.
    func settle(_ database: ChatDatabase, people: Int, halls: Int) throws -> [String] {
        var random = Randomness(seed: seed, part: "halls")
        var cookies: [String] = []
        for number in 0..<people {
            let user = try database.siteUser(named: "person\(number)")
            history.add(Person(id: user.id, name: user.username))
            cookies.append(try database.createSession(for: user).token)
        }
        for number in 0..<halls {
            let isEverybody = number == 0
            let hall = try database.createHall(
                named: isEverybody ? "Everybody" : "Hall \(number)", isPrivate: number % 2 == 1)
            if isEverybody { everybody = hall.id }
            // Each is in three of the others, more or less.
            let members =
                isEverybody
                ? Array(0..<people)
                : random.picks(max(2, 3 * people / max(1, halls - 1)), of: people).sorted()
            for person in members {
                try database.setMember(
                    history.people[person].id, of: hall.id,
                    as: Membership.role(of: person, in: hall.id))
                membership.set(person, in: hall.id, true, at: 0)
            }
            self.halls.append(hall.id)
        }
        now = milliseconds()
        return cookies
    }

    private(set) var halls: [Int64] = []

    /// Brings the clients into being; they connect before long.
    func populate(
        _ cookies: [String], nginx: UInt16, push: UInt16, part: (Int) -> Client.Part
    ) {
        now = milliseconds()
        for (person, cookie) in cookies.enumerated() {
            let part = part(person)
            let door = Door(
                poller: poller, port: part.kind == .direct ? push : nginx, cookie: cookie)
            let client = Client(
                person: person, as: part, in: self, door: door,
                restDoor: Door(poller: poller, port: nginx, cookie: cookie))
            for hall in halls where membership.isIn(person, hall) {
                client.halls[hall] = ClientHall(id: hall)
            }
            clients.append(client)
        }
    }

    /// One turn: what came, then what time brings.
    func turn() {
        poller.wait(milliseconds: 5)
        let before = now
        now = milliseconds()
        longestTurn = max(longestTurn, now - before)
        // Who was busy itself for so long must not call others late.
        if now - before > 300 { membership.disturbed = max(membership.disturbed, now) }
        guard now >= nextTick else { return }
        nextTick = now + 10
        // Of a crowd only every nth at a time: else asking each whether it has something to do would be all that is done.
        let crowd = 1 + clients.count / 2_000
        ticks += 1
        for index in stride(from: ticks % crowd, to: clients.count, by: crowd) {
            clients[index].tick()
        }
        plant?.turn()
        lookWhetherTold()
        if let first = leftBehind.first, now >= first.until {
            first.connection.close()
            leftBehind.removeFirst()
        }
    }

    /// So many people get other names, now and then; fewer than one request asks for.
    func choosePeople(_ count: Int) {
        var random = Randomness(seed: seed, part: "people")
        movers = random.picks(count, of: clients.count).sorted()
    }

    /// Some time after a change of a person everybody has heard of it.
    private func lookWhetherTold() {
        while let first = history.announcements.first,
            now >= first.acknowledged + Client.newsAgeMax
        {
            history.announcements.removeFirst()
            for client in clients { client.checkTold(first) }
        }
    }

    /// A connection stays open with nobody behind it, as after a cable was pulled.
    func leaveBehind(_ connection: Connection) {
        leftBehind.append((connection, now + 15_000))
    }

    func hallToSpeakIn(_ client: Client) -> Int64? {
        if client.random.isTrue(oneIn: 20) { return everybody }
        let mine = client.halls.keys.filter {
            $0 != everybody && membership.isIn(client.person, $0)
        }
        return mine.isEmpty ? everybody : client.random.pick(mine.sorted())
    }

    func close() {
        for client in clients { client.close() }
        for entry in leftBehind { entry.connection.close() }
    }
}
