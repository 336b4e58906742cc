// SPDX-License-Identifier: Apache-2.0

import ChatModels
import Foundation
import Synchronization

/// One run from the first process to the verdict. Each phase has an end, whatever the site does.
struct Run {
    private static let pingInterval: Int64 = 2_000
    private static let pingTimeout: Int64 = 2_000
    /// How long everybody may take to be back in the end.
    private static let returnMax: Int64 = 60_000
    private static let quiet: Int64 = 2_000

    let options: Torture
    let seed: UInt64
    let kinds: Set<Fault.Kind>

    private var length: Int64 { Int64(options.minutes * 60_000) }

    private var plan: Plan {
        Plan(
            seed: seed, length: length, kinds: kinds,
            pingTime: Self.pingInterval + Self.pingTimeout)
    }

    private func say(_ line: String) {
        FileHandle.standardError.write(Data((line + "\n").utf8))
    }

    /// Says what is to come: the same seed says the same.
    func announce() {
        say("seed \(seed): \(options.clientCount) clients, \(options.hallCount) halls")
        say("queue \(queueBytesMax) bytes; the plan:")
        for fault in plan.faults where fault.kind != .members { say("  \(fault)") }
        say("  \(plan.faults.count { $0.kind == .members }) changes of members")
    }

    /// How much may wait for a slow client; small ones make answers that are not whole.
    private var queueBytesMax: Int {
        var random = Randomness(seed: seed, part: "queue")
        return random.pick([20_000, 65_536, 1_048_576])
    }

    func run() throws -> Report {
        let site = try Site(root: Self.root, programs: Self.programs, flags: flags)
        defer { site.close(keepsFolder: options.keep) }
        if options.keep { say("the site's folder: \(site.folder)") }
        if kinds.contains(.disk), !site.useSmallDisk(megabytes: 64 + Int(options.minutes * 16)) {
            say("no small disk: mounting one needs root. The disk is not filled.")
        }
        if kinds.contains(.clock), !site.useClock() {
            say("no faketime: install the package faketime. The clock is not set.")
        }
        let poller = try Poller()
        let history = History(mark: "t\(seed)")
        history.onBreach = { say("  ! \($0)") }
        let world = World(
            seed: seed, poller: poller, history: history,
            thinkTime: max(20, options.clientCount * 1_000 / options.rate))
        defer { world.close() }
        let database = try ChatDatabase(path: site.databasePath, schema: .migrate)
        let judge = try settle(world, database)
        try site.start()
        try waitUntilReady(world, site)
        world.populate(judge.cookies, nginx: site.nginxPort, push: site.pushPort)
        let conductor = Conductor(world: world, site: site, database: database, plan: plan)
        makePlant(world)
        try turn(world, conductor) { world.now < $0 + length }
        try settleDown(world, conductor)
        try Judge(world: world, database: database, reader: judge.reader).judge()
        try database.close()
        sayGoodbye(site, history)
        return Report(
            seed: seed, seconds: Int(length / 1_000), clients: options.clientCount,
            halls: options.hallCount, history: history, faults: conductor.begun,
            skipped: conductor.skipped, longestTurn: world.longestTurn)
    }

    private var flags: [String] {
        [
            "ping-interval=\(Self.pingInterval)", "ping-timeout=\(Self.pingTimeout)",
            "sends-per-second=1000000", "joins-per-second=1000000", "events-per-second=1000000",
            "connections-per-address-max=1000000", "handshakes-per-second=1000000",
            "queue-bytes-max=\(queueBytesMax)",
        ]
    }

    /// The folder of the script `chat`: where one stands, or where this was built.
    private static var root: String {
        let here = FileManager.default.currentDirectoryPath
        if FileManager.default.fileExists(atPath: here + "/chat") { return here }
        return URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().path
    }

    private static var programs: String { Unix.variable("HALLS_BIN") ?? root + "/.build/release" }

    // MARK: Phases

    private func settle(
        _ world: World, _ database: ChatDatabase
    ) throws -> (cookies: [String], reader: Int64) {
        let cookies = try world.settle(
            database, people: options.clientCount, halls: options.hallCount)
        let reader = try database.siteUser(named: "reader").id
        for hall in world.halls { try database.setMember(reader, of: hall, as: .owner) }
        return (cookies, reader)
    }

    private func waitUntilReady(_ world: World, _ site: Site) throws {
        let wire = HTTPWire(Door(poller: world.poller, port: site.nginxPort, cookie: ""))
        defer { wire.close() }
        let deadline = milliseconds() + 20_000
        for path in ["/chat/health", "/socket.io/?EIO=4&transport=polling"] {
            var isReady = false
            while !isReady {
                guard milliseconds() < deadline else {
                    let words = Site.Part.allCases.map(site.lastWords).joined(separator: "\n")
                    throw UnixError(what: "the site does not answer: \(words)", number: ETIMEDOUT)
                }
                if !wire.isBusy {
                    wire.request("GET", path) { isReady = $0?.status == 200 }
                }
                world.turn()
            }
        }
    }

    private func makePlant(_ world: World) {
        guard let kind = options.plant else { return }
        world.plant = Plant(kind, from: world.now + length / 3, hallID: world.everybody)
    }

    private func turn(
        _ world: World, _ conductor: Conductor, while goesOn: (Int64) -> Bool
    ) throws {
        let began = world.now
        repeat {
            if isInterrupted.load(ordering: .relaxed) {
                throw UnixError(what: "stopped", number: EINTR)
            }
            world.turn()
            conductor.turn()
        } while goesOn(began)
    }

    /// Nothing goes wrong any more: everybody comes back, says what is left to say, and then it is quiet.
    private func settleDown(_ world: World, _ conductor: Conductor) throws {
        world.isSpeaking = false
        conductor.finish()
        let isSettled = { conductor.isCalm && world.clients.allSatisfy(\.isSettled) }
        try turn(world, conductor) { world.now < $0 + Self.returnMax && !isSettled() }
        try turn(world, conductor) { world.now < $0 + Self.quiet }
        for client in world.clients {
            guard let word = client.restlessness else { continue }
            world.history.breach(.away, "in the end \(client.name) (\(client.kind)) \(word)")
        }
        if let plant = world.plant, !plant.isDone {
            world.history.count("plants that found no place")
        }
    }

    /// SIGTERM ends each part by itself, with status 0.
    private func sayGoodbye(_ site: Site, _ history: History) {
        for part in Site.Part.allCases { site.signal(part, SIGTERM) }
        let deadline = milliseconds() + 15_000
        while !site.running.isEmpty, milliseconds() < deadline {
            for part in Site.Part.allCases {
                guard let ending = site.reap(part), ending != .exited(0) else { continue }
                history.breach(.crash, "\(part.rawValue) ended with \(ending) after SIGTERM")
            }
            usleep(10_000)
        }
        for part in site.running.keys {
            history.breach(.crash, "\(part.rawValue) did not end after SIGTERM")
        }
    }
}
