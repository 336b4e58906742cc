// SPDX-License-Identifier: Apache-2.0

import ChatOptions
import Figures
import NIOCore
import SocketIOServer

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

    /// Asks all event loops.
    func loops(on eventLoop: any EventLoop) -> EventLoopFuture<[LoopFigures]> {
        let asked = NIODeadline.now()
        let answers = server.loops.map { loop in
            loop.eventLoop.submit {
                let application = loop.application as? ChatApplication
                return LoopFigures(
                    tally: application?.tally ?? LoopTally(),
                    clients: application?.online.count ?? 0, halls: application?.halls.count ?? 0,
                    lag: Double((NIODeadline.now() - asked).nanoseconds) / 1e9)
            }
        }
        return EventLoopFuture.whenAllSucceed(answers, on: eventLoop)
    }

    /// What is wrong with the store, in a sentence; `nil` if nothing is.
    var storeProblem: String? {
        let store = store.figures
        if store.isFailing { return "The database takes nothing." }
        return store.tally.turnedAt.duration(to: .now) > .seconds(20)
            ? "The database does not answer." : nil
    }

    /// All figures, as text for Prometheus.
    func text(_ loops: [LoopFigures]) -> String {
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
