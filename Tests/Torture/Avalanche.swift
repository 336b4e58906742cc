// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CompactJSON

/// A crowd whose push daemon is restarted: everybody is thrown out in one moment and wants to be back in the next.
struct Avalanche: ParsableCommand {
    /// How chat-push ends.
    enum Ending: String, CaseIterable, ExpressibleByArgument {
        case term, kill
    }

    static let configuration = CommandConfiguration(
        abstract: "A benchmark: chat-push restarts beneath everybody.")

    /// What goes before the restart, and what is waited for after it, in milliseconds.
    private static let before: Int64 = 3_000
    private static let returnMax: Int64 = 120_000
    /// As systemd starts it again after it was killed (packaging/).
    private static let killedFor: Int64 = 200

    @OptionGroup var shared: SharedOptions
    @OptionGroup var storm: StormOptions

    @Option(help: "How chat-push ends: term (SIGTERM) or kill (SIGKILL).")
    var ending = Ending.term

    func run() throws {
        let crowd = try Storm(storm, shared)
        defer { crowd.close() }
        try crowd.begin()
        let (world, stopwatch) = (crowd.world, crowd.stopwatch)
        let fault = Fault(
            kind: ending == .term ? .termPush : .killPush, begin: Self.before,
            end: Self.before + (ending == .term ? 0 : Self.killedFor))
        try crowd.turn(Plan([fault])) { conductor in
            if stopwatch.missing == 0, stopwatch.returns.count == 0, !conductor.begun.isEmpty {
                stopwatch.expectReturn(of: world.clients.count)
            }
            let isOver = stopwatch.missing == 0 && stopwatch.returns.count > 0
            return !isOver && world.now < crowd.began + Self.before + Self.returnMax
        }
        let share = Double(stopwatch.returns.count * 100) / Double(world.clients.count)
        let processorTime = crowd.stage.site.processorTime(.push)
        try shared.conclude(
            crowd.end {
                [
                    .init("back_percent", .number("\(share)")),
                    .init("back", stopwatch.returns.figures()),
                    .init("chat-push_cpu_ms", .integer(processorTime)),
                    .init("chat-push_reads", crowd.stage.site.figures(of: .push, named: "reads")),
                ]
            })
    }
}
