// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CompactJSON
import Glibc
import Synchronization

/// Whether somebody wants this to end: what was started is then ended first.
let isInterrupted = Atomic(false)

/// Proves or refutes that no acknowledged message is lost, doubled or out of order while everything goes wrong that may.
/// Run it by `./chat torture`; docs/delivery.md says what it checks.
@main
struct Torture: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "halls-torture",
        abstract: "Holds a whole site to its promises while its parts die and come back.",
        subcommands: [MixedFaults.self, Jitter.self, Avalanche.self],
        defaultSubcommand: MixedFaults.self)
}

/// What all kinds of runs are asked.
struct SharedOptions: ParsableArguments {
    @Option(help: "Decides what goes wrong and when; a random one if not given.")
    var seed: UInt64?

    @Flag(help: "Prints the result as one line of JSON.")
    var json = false

    @Flag(help: "Leaves the site's folder, with its logs, behind.")
    var keep = false

    /// Once for a run: a program that this becomes by `unshare` keeps the seed.
    func chooseSeed() -> UInt64 { seed ?? UInt64.random(in: 1...999_999) }

    /// Sees to it that a signal ends the run in order, and that a client that is gone is an error and not the end.
    func takeSignals() {
        signal(SIGPIPE, SIG_IGN)
        isInterrupted.store(false, ordering: .relaxed)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number) { _ in isInterrupted.store(true, ordering: .relaxed) }
        }
    }

    /// Prints the result; one that is not clean is a failure.
    func conclude(_ report: Report) throws {
        print(json ? String(decoding: report.json.bytes, as: UTF8.self) : report.text)
        if !report.isClean { throw ExitCode.failure }
    }
}
