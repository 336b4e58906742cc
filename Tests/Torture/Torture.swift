// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ChatModels
import CompactJSON
import Foundation
import Synchronization

/// Whether somebody wants this to end: what was started is then ended first.
let isInterrupted = Atomic(false)

/// Proves or refutes, for one seed, that no acknowledged message is lost, doubled or out of order while everything goes
/// wrong that may. Run it by `./chat torture`; docs/delivery.md says what it checks.
@main
struct Torture: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "halls-torture",
        abstract: "Holds a whole site to its promises while its parts die and come back.")

    @Option(help: "How long things go wrong, in minutes.")
    var minutes = 1.0

    @Option(help: "Decides what goes wrong and when; a random one if not given.")
    var seed: UInt64?

    @Option(help: "How many clients; 200 up to a minute and 1000 beyond, if not given.")
    var clients: Int?

    @Option(help: "How many halls; a tenth of the clients if not given.")
    var halls: Int?

    @Option(help: "Messages that all clients together say in a second, about.")
    var rate = 100

    @Option(help: "What may go wrong: all, none, or names separated by commas.")
    var faults = "all"

    @Option(
        help: """
            Falsifies what one client receives, once: drop, double or swap. Then this has to fail.
            """)
    var plant: Plant.Kind?

    @Flag(help: "Prints the result as one line of JSON.")
    var json = false

    @Flag(help: "Only prints the plan.")
    var dryRun = false

    @Flag(help: "Leaves the site's folder, with its logs, behind.")
    var keep = false

    func validate() throws {
        guard 0.05...600 ~= minutes else { throw ValidationError("--minutes: 0.05 to 600.") }
        guard 2...5_000 ~= clientCount else { throw ValidationError("--clients: 2 to 5000.") }
        guard 2...1_000 ~= hallCount else { throw ValidationError("--halls: 2 to 1000.") }
        guard 1...2_000 ~= rate else { throw ValidationError("--rate: 1 to 2000.") }
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

    mutating func run() throws {
        // Once: a program that this becomes by `unshare` keeps the seed.
        let seed = seed ?? UInt64.random(in: 1...999_999)
        // A client that is gone is an error here, not the end.
        signal(SIGPIPE, SIG_IGN)
        isInterrupted.store(false, ordering: .relaxed)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number) { _ in isInterrupted.store(true, ordering: .relaxed) }
        }
        let kinds = try kinds()
        if kinds.contains(.disk), !dryRun { Self.takeMountsOfOurOwn(seed: seed) }
        let run = Run(options: self, seed: seed, kinds: kinds)
        run.announce()
        if dryRun { return }
        let report = try run.run()
        print(json ? String(decoding: report.json.bytes, as: UTF8.self) : report.text)
        if !report.isClean { throw ExitCode.failure }
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
