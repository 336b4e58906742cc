// SPDX-License-Identifier: Apache-2.0

import ChatOptions
import Dispatch
import Figures
import NIOCore
import SocketIOServer
import Sockets
import Synchronization

/// What the daemon tells of itself: gathered when somebody asks, each figure where it is kept.
struct Metrics: Sendable {
    let server: SocketIOServer
    let store: ChatStore
    let process: ProcessFigures
    /// Whether the front end has to say a secret.
    var isFrontEndKnown = true

    /// What an event loop says when it is asked.
    struct LoopFigures: Sendable {
        var tally: LoopTally
        /// Sockets that are signed in.
        var clients: Int
        /// Halls with somebody on this loop.
        var halls: Int
        /// How many seconds the question waited.
        var lag: Double
    }

    /// What the event loops have to say something.
    private static let patience = DispatchTimeInterval.seconds(2)

    /// Asks all event loops, and waits for them: not on one of them.
    private func loops() throws(StatusProblem) -> [LoopFigures] {
        let (answers, asked) = (LoopAnswers(), NIODeadline.now())
        for loop in server.loops {
            loop.execute {
                let application = loop.application as? ChatApplication
                answers.add(
                    LoopFigures(
                        tally: application?.tally ?? LoopTally(),
                        clients: application?.online.count ?? 0,
                        halls: application?.halls.count ?? 0,
                        lag: Double((NIODeadline.now() - asked).nanoseconds) / 1e9),
                    of: loop.index)
            }
        }
        guard let loops = answers.all(server.loops.count, within: Self.patience) else {
            throw StatusProblem("An event loop does not answer.")
        }
        return loops
    }

    /// That all is well, and what the operator should know all the same.
    func health() throws(StatusProblem) -> String {
        _ = try loops()
        if let problem = storeProblem { throw StatusProblem(problem) }
        return isFrontEndKnown ? "ok\n" : "ok\n\(FrontEndPolicy.warning)\n"
    }

    /// What is wrong with the store, in a sentence; `nil` if nothing is.
    private var storeProblem: String? {
        let store = store.figures
        if store.isFailing { return "The database takes nothing." }
        return store.tally.turnedAt.duration(to: .now) > .seconds(20)
            ? "The database does not answer." : nil
    }

    /// All figures, as text for Prometheus.
    func text() throws(StatusProblem) -> String {
        let loops = try loops()
        var text = MetricsText()
        let tally = loops.reduce(into: LoopTally()) { $0 += $1.tally }
        let store = self.store.figures
        let totals = CounterTotals(loops: tally, store: store.tally, server: server.counters.all)
        writeConnections(loops, to: &text)
        totals.write(CounterMetric.sessions, to: &text)
        writeBytes(to: &text)
        totals.write(CounterMetric.events, to: &text)
        text.histogram(
            "halls_push_broadcast_sockets",
            "For how many sockets of an event loop a broadcast was.",
            tally.audiences)
        totals.write(CounterMetric.messages, to: &text)
        writeCommits(store, to: &text)
        totals.write(CounterMetric.database, to: &text)
        text.gauge(
            "halls_push_build_info", "The version that runs.", by: "version",
            [(Release.version, 1)])
        process.now().write(to: &text)
        return text.text
    }

    private func writeConnections(_ loops: [LoopFigures], to text: inout MetricsText) {
        func perLoop(_ value: (LoopFigures) -> Double) -> [(String, Double)] {
            loops.enumerated().map { ("\($0.offset)", value($0.element)) }
        }
        text.gauge(
            "halls_push_connections", "Sessions at the moment.", Double(server.sessionCount))
        text.gauge(
            "halls_push_clients", "Signed-in clients at the moment.", by: "loop",
            perLoop { Double($0.clients) })
        text.gauge(
            "halls_push_halls", "Halls with somebody on this event loop.", by: "loop",
            perLoop { Double($0.halls) })
        text.gauge(
            "halls_push_loop_lag_seconds", "How long this event loop let this question wait.",
            by: "loop", perLoop(\.lag))
    }

    private func writeBytes(to text: inout MetricsText) {
        let held = server.bytesHeld
        text.gauge(
            "halls_push_bytes_held", "What clients make it keep at the moment.", by: "what",
            [("unfinished", Double(held.unfinished)), ("backlog", Double(held.backlog))])
        text.counter(
            "halls_push_bytes_refused_total",
            "Times that this was too much for all, or for one address.", by: "what",
            [("unfinished", held.unfinishedRefusals), ("backlog", held.backlogRefusals)])
    }

    private func writeCommits(_ store: ChatStore.Figures, to text: inout MetricsText) {
        text.histogram(
            "halls_push_commit_messages", "Messages in one transaction.", store.tally.groupSizes)
        text.histogram(
            "halls_push_commit_seconds", "How long one transaction took.",
            store.tally.commitSeconds)
        text.gauge(
            "halls_push_waiting", "What waits for the database.", by: "what",
            [("send", Double(store.sendsWaiting)), ("read", Double(store.readsWaiting))])
    }
}

/// What the event loops answer, as they come to it.
private final class LoopAnswers: Sendable {
    private let figures = Mutex<[Int: Metrics.LoopFigures]>([:])
    private let came = DispatchSemaphore(value: 0)

    func add(_ answer: Metrics.LoopFigures, of loop: Int) {
        figures.withLock { $0[loop] = answer }
        came.signal()
    }

    /// All of them in the order of the loops; `nil` if one has not come in time.
    func all(_ count: Int, within patience: DispatchTimeInterval) -> [Metrics.LoopFigures]? {
        let end = DispatchTime.now() + patience
        for _ in 0..<count {
            guard came.wait(timeout: end) == .success else { return nil }
        }
        return figures.withLock { figures in
            figures.sorted { $0.key < $1.key }.map(\.value)
        }
    }
}
