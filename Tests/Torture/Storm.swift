// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CompactJSON

/// What the benchmarks of a crowd are asked: everybody is in one hall, hears what one of them says, and comes as a stock
/// client of Socket.IO does.
struct StormOptions: ParsableArguments {
    /// How the crowd reaches chat-push.
    enum Way: String, CaseIterable, ExpressibleByArgument {
        case nginx, direct
    }

    @Option(help: "How many clients.")
    var clients = 1_000

    @Option(help: "How they reach chat-push: nginx, or direct (by TCP).")
    var way = Way.nginx

    @Option(help: "Messages that are said in a second, each to all clients.")
    var rate = 2.0

    @Flag(help: "After each connect a client also loads its list of halls, as the page does.")
    var lists = false

    @Option(help: "New connections that chat-push takes in a second; its own default if not given.")
    var handshakesPerSecond: Int?

    func validate() throws {
        guard 2...18_000 ~= clients else { throw ValidationError("--clients: 2 to 18000.") }
        guard 0.1...100 ~= rate else { throw ValidationError("--rate: 0.1 to 100.") }
        guard 1...1_000_000 ~= handshakesPerSecond ?? 1 else {
            throw ValidationError("--handshakes-per-second: 1 to 1000000.")
        }
    }

    /// The flags of the daemons. All clients come from one address, and one of them says everything.
    var flags: [String] {
        [
            "connections-per-address-max=1000000", "sends-per-second=1000",
            "reads-per-second=1000000",
        ]
            + (handshakesPerSecond.map { ["handshakes-per-second=\($0)"] } ?? [])
    }
}

/// A crowd on a site, measured: what ``Jitter`` and ``Avalanche`` share.
final class Storm {
    /// Everybody comes in the beginning at no more than so many a second.
    private static let arrivalsPerSecond = 1_500

    let options: StormOptions
    let stage: Stage
    let stopwatch = Stopwatch()
    private let shared: SharedOptions
    private let seed: UInt64
    private let site: Site
    private var conductor: Conductor?

    var world: World { stage.world }
    /// When what is measured began.
    private(set) var began: Int64 = 0

    /// Makes the site and its people; nothing runs yet.
    init(_ options: StormOptions, _ shared: SharedOptions) throws {
        (self.options, self.shared) = (options, shared)
        seed = shared.chooseSeed()
        shared.takeSignals()
        site = try Site(root: Stage.root, programs: Stage.programs, flags: options.flags)
        let manners = Manners.stock(
            arrival: 1_000 + options.clients * 1_000 / Self.arrivalsPerSecond,
            loadsList: options.lists)
        let world = World(
            seed: seed, poller: try Poller(), history: History(mark: "s\(seed)"),
            thinkTime: Int(1_000 / options.rate), manners: manners)
        world.isSpeaking = false
        do {
            stage = try Stage(site, world, clients: options.clients, halls: 1)
        } catch {
            site.close(keepsFolder: false)
            throw error
        }
    }

    /// Starts the site, and waits until everybody is there. Then somebody begins to speak.
    func begin() throws {
        Stage.say("seed \(seed): \(options.clients) clients, \(options.way)")
        if shared.keep { Stage.say("the site's folder: \(site.folder)") }
        let kind: Client.Kind = options.way == .direct ? .direct : .webSocket
        try stage.open { person in
            Client.Part(kind: kind, usesREST: person == 0, speaks: person == 0)
        }
        let idle = Conductor(stage, plan: Plan())
        try stage.gather(idle)
        let there = world.clients.count(where: \.isSettled)
        Stage.say("\(there) clients are there")
        world.stopwatch = stopwatch
        world.history.forgetCounts()
        world.isSpeaking = true
        began = world.now
    }

    /// Makes what is planned happen while the condition holds.
    func turn(_ plan: Plan, while goesOn: (Conductor) -> Bool) throws {
        let conductor = Conductor(stage, plan: plan)
        self.conductor = conductor
        try stage.turn(conductor) { _ in goesOn(conductor) }
    }

    /// Waits until everybody has everything, holds it against the database, and ends the site.
    ///
    /// - Parameter figures: what else was measured; asked when chat-push has ended and said what it had to say.
    func end(figures: () -> [JSONValue.Member]) throws -> Report {
        let conductor = conductor ?? Conductor(stage, plan: Plan())
        let seconds = Int((world.now - began) / 1_000)
        try stage.settleDown(conductor)
        try stage.judge()
        return Report(
            seed: seed, seconds: seconds, clients: options.clients, halls: 1,
            history: world.history, faults: conductor.begun, skipped: conductor.skipped,
            longestTurn: world.longestTurn, figures: figures() + deliveries)
    }

    /// Of all pairs of a message and a member, how many were delivered, how often again, and how long that took.
    private var deliveries: [JSONValue.Member] {
        let messages = Int64(world.history.counts["messages kept"] ?? 0)
        let pairs = messages * Int64(options.clients)
        let delivered = stopwatch.live.count + stopwatch.replay.count + stopwatch.history.count
        return [
            .init(
                "pairs",
                [
                    "count": .integer(pairs), "delivered": .integer(delivered),
                    "repeated": .integer(world.history.counts["repeated"] ?? 0),
                ]),
            .init("live", stopwatch.live.figures()),
            .init("replayed", stopwatch.replay.figures()),
            .init("loaded", stopwatch.history.figures()),
        ]
    }

    func close() {
        world.close()
        site.close(keepsFolder: shared.keep)
    }
}
