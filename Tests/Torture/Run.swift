// SPDX-License-Identifier: Apache-2.0

import Foundation

/// One run of mixed faults.
struct Run {
    private static let pingInterval: Int64 = 2_000
    private static let pingTimeout: Int64 = 2_000
    private static let moversMax = 60

    let options: MixedFaults
    let seed: UInt64
    let kinds: Set<Fault.Kind>

    private var length: Int64 { Int64(options.minutes * 60_000) }

    private var plan: Plan {
        Plan(
            seed: seed, length: length, kinds: kinds,
            pingTime: Self.pingInterval + Self.pingTimeout)
    }

    /// Says what is to come: the same seed says the same.
    func announce() {
        Stage.say("seed \(seed): \(options.clientCount) clients, \(options.hallCount) halls")
        Stage.say("queue \(queueBytesMax) bytes; the plan:")
        for fault in plan.faults where fault.kind != .members && fault.kind != .people {
            Stage.say("  \(fault)")
        }
        Stage.say("  \(plan.faults.count { $0.kind == .members }) changes of members")
        Stage.say("  \(plan.faults.count { $0.kind == .people }) times people change")
    }

    /// How much may wait for a slow client; small ones make answers that are not whole.
    private var queueBytesMax: Int {
        var random = Randomness(seed: seed, part: "queue")
        return random.pick([20_000, 65_536, 1_048_576])
    }

    func run() throws -> Report {
        let site = try Site(root: Stage.root, programs: Stage.programs, flags: flags)
        defer { site.close(keepsFolder: options.shared.keep) }
        if options.shared.keep { Stage.say("the site's folder: \(site.folder)") }
        prepare(site)
        let world = World(
            seed: seed, poller: try Poller(), history: History(mark: "t\(seed)"),
            thinkTime: max(20, options.clientCount * 1_000 / options.rate))
        world.changePercent = options.changes
        defer { world.close() }
        let stage = try Stage(
            site, world, clients: options.clientCount, halls: options.hallCount)
        try stage.open(part: Self.part)
        if kinds.contains(.people) { world.choosePeople(Self.moversMax) }
        let conductor = Conductor(stage, plan: plan)
        makePlant(world)
        try stage.turn(conductor) { world.now < $0 + length }
        try stage.settleDown(conductor)
        try stage.judge()
        return Report(
            seed: seed, seconds: Int(length / 1_000), clients: options.clientCount,
            halls: options.hallCount, history: world.history, faults: conductor.begun,
            skipped: conductor.skipped, longestTurn: world.longestTurn)
    }

    private var flags: [String] {
        [
            "ping-interval=\(Self.pingInterval)", "ping-timeout=\(Self.pingTimeout)",
            "sends-per-second=1000000", "joins-per-second=1000000", "events-per-second=1000000",
            "reads-per-second=1000000",
            "connections-per-address-max=1000000", "handshakes-per-second=1000000",
            "queue-bytes-max=\(queueBytesMax)",
        ]
    }

    private func prepare(_ site: Site) {
        if kinds.contains(.disk), !site.useSmallDisk(megabytes: 64 + Int(options.minutes * 16)) {
            Stage.say("no small disk: mounting one needs root. The disk is not filled.")
        }
        if kinds.contains(.clock), !site.useClock() {
            Stage.say("no faketime: install the package faketime. The clock is not set.")
        }
    }

    /// Of each way to come there are some.
    private static func part(_ person: Int) -> Client.Part {
        let kind: Client.Kind =
            person % 10 == 3 ? .direct : person % 20 == 7 ? .polling : .webSocket
        return Client.Part(kind: kind, usesREST: person % 5 == 2)
    }

    private func makePlant(_ world: World) {
        guard let kind = options.plant else { return }
        world.plant = Plant(kind, from: world.now + length / 3, hallID: world.everybody)
    }
}
