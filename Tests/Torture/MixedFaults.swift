// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

/// Many clients speak, and everything goes wrong at once, as a seed decides.
struct MixedFaults: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "faults",
        abstract: "Mixed faults: processes, disk, clock, connections and members.")

    @OptionGroup var shared: SharedOptions

    @Option(help: "How long things go wrong, in minutes.")
    var minutes = 1.0

    @Option(help: "How many clients; 200 up to a minute and 1000 beyond, if not given.")
    var clients: Int?

    @Option(help: "How many halls; a tenth of the clients if not given.")
    var halls: Int?

    @Option(help: "Messages that all clients together say in a second, about.")
    var rate = 100

    @Option(help: "How many of a hundred things that clients do are edits and deletions.")
    var changes = 30

    @Option(help: "What may go wrong: all, none, or names separated by commas.")
    var faults = "all"

    @Option(
        help: """
            Falsifies what one client receives, once: drop, double or swap of messages; untold, undead \
            or back of what becomes of them; alias or unheard of \
            people. Then this has to fail.
            """)
    var plant: Plant.Kind?

    @Flag(help: "Only prints the plan.")
    var dryRun = false

    func validate() throws {
        guard 0.05...600 ~= minutes else { throw ValidationError("--minutes: 0.05 to 600.") }
        guard 2...5_000 ~= clientCount else { throw ValidationError("--clients: 2 to 5000.") }
        guard 2...1_000 ~= hallCount else { throw ValidationError("--halls: 2 to 1000.") }
        guard 1...2_000 ~= rate else { throw ValidationError("--rate: 1 to 2000.") }
        guard 0...90 ~= changes else { throw ValidationError("--changes: 0 to 90.") }
        _ = try kinds()
    }

    var clientCount: Int { clients ?? (minutes > 1 ? 1_000 : 200) }
    var hallCount: Int { halls ?? max(4, clientCount / 10) }

    func kinds() throws -> Set<Fault.Kind> {
        switch faults {
        case "all": return Set(Fault.Kind.allCases)
        case "none": return []
        default:
            return Set(
                try faults.split(separator: ",").map { name in
                    guard let kind = Fault.Kind(name: String(name)) else {
                        let names = Fault.Kind.allCases.map(\.name).joined(separator: ", ")
                        throw ValidationError("--faults takes all, none or some of: \(names).")
                    }
                    return kind
                })
        }
    }

    func run() throws {
        let seed = shared.chooseSeed()
        shared.takeSignals()
        let kinds = try kinds()
        if kinds.contains(.disk), !dryRun { Self.takeMountsOfOurOwn(seed: seed) }
        let run = Run(options: self, seed: seed, kinds: kinds)
        run.announce()
        if dryRun { return }
        try shared.conclude(run.run())
    }

    /// Becomes the same program with mounts that nobody else sees, and that end with it, whatever ends it.
    private static func takeMountsOfOurOwn(seed: UInt64) {
        let unshare = ["unshare", "--mount", "--propagation", "private"]
        let mark = "TORTURE_MOUNTS=1"
        let files = FileManager.default
        guard geteuid() == 0, Unix.variable("TORTURE_MOUNTS") == nil,
            let program = try? files.destinationOfSymbolicLink(atPath: "/proc/self/exe"),
            (try? Unix.run(unshare + ["true"])) != nil
        else { return }
        var arguments = Array(CommandLine.arguments.dropFirst())
        if !arguments.contains(where: { $0.hasPrefix("--seed") }) {
            arguments += ["--seed", String(seed)]
        }
        Unix.become(["env", mark] + unshare + [program] + arguments)
    }
}

extension Plant.Kind: ExpressibleByArgument {}
