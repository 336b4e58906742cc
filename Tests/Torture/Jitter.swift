// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CompactJSON

/// A crowd on a bad network: each connection breaks again and again, and what is said meanwhile has to reach everybody.
struct Jitter: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "A benchmark: connections that break again and again.")

    @OptionGroup var shared: SharedOptions
    @OptionGroup var storm: StormOptions

    @Option(help: "How long connections break, in seconds.")
    var seconds = 60.0

    @Option(
        help: "After how many seconds a connection breaks, about: by up to a fifth more or less.")
    var every = 15.0

    @Option(help: "For how many seconds its client is away, about.")
    var away = 2.0

    func validate() throws {
        guard 1...3_600 ~= seconds else { throw ValidationError("--seconds: 1 to 3600.") }
        guard 0.5...3_600 ~= every else { throw ValidationError("--every: 0.5 to 3600.") }
        guard 0...600 ~= away else { throw ValidationError("--away: 0 to 600.") }
    }

    func run() throws {
        let crowd = try Storm(storm, shared)
        defer { crowd.close() }
        try crowd.begin()
        var breaks = Breaks(crowd.world, every: every, away: away)
        try crowd.turn(Plan()) { _ in
            breaks.turn()
            return crowd.world.now < crowd.began + Int64(seconds * 1_000)
        }
        try shared.conclude(crowd.end { [.init("cuts", .integer(breaks.count))] })
    }
}

/// Cuts each connection after a while, without a goodbye.
private struct Breaks {
    private let world: World
    private let every: ClosedRange<Int>
    private let away: ClosedRange<Int>
    /// When the connection of each client breaks next; `nil` while there is none.
    private var due: [Int64?]
    private var random: Randomness
    private(set) var count = 0

    init(_ world: World, every: Double, away: Double) {
        self.world = world
        self.every = Int(every * 800)...Int(every * 1_200)
        self.away = Int(away * 800)...Int(away * 1_200)
        var random = Randomness(seed: world.seed, part: "breaks")
        // From the beginning on as many break in each second as later.
        due = world.clients.map { _ in world.now + random.milliseconds(0...Int(every * 1_000)) }
        self.random = random
    }

    mutating func turn() {
        for (person, client) in world.clients.enumerated() {
            guard client.phase == .online else {
                due[person] = nil
                continue
            }
            guard let moment = due[person] else {
                due[person] = world.now + random.milliseconds(every)
                continue
            }
            guard world.now >= moment else { continue }
            client.cut(silently: false, awayFor: random.milliseconds(away))
            count += 1
        }
    }
}
