// SPDX-License-Identifier: Apache-2.0

import ChatOptions
import Figures
import NIOCore
import SocketIO
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
        writeConnections(loops, tally, to: &text)
        writeBytes(to: &text)
        writeEvents(tally, to: &text)
        writeStore(tally, to: &text)
        writeProcess(to: &text)
        return text.text
    }

    private func writeConnections(
        _ loops: [LoopFigures], _ tally: LoopTally, to text: inout MetricsText
    ) {
        let counts = server.counters.all
        func count(_ event: Counters.Event) -> Int { counts[event] ?? 0 }
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
        text.counter(
            "halls_push_sessions_opened_total", "Sessions that began.", count(.sessionOpened))
        text.counter(
            "halls_push_sessions_closed_total", "Sessions that ended, by reason.", by: "reason",
            DisconnectReason.allCases.map { ($0.rawValue, count(.sessionClosed($0))) })
        text.counter(
            "halls_push_refused_total", "Who was not let in, by reason.", by: "reason",
            Refusal.allCases.map { ($0.rawValue, count(.refused($0))) } + [
                ("unauthenticated", tally.refusedUnauthenticated),
                ("user_full", tally.refusedUserFull), ("namespace", tally.refusedNamespace),
            ])
        text.counter(
            "halls_push_requests_broken_off_total", "Requests that were not read to their end.",
            by: "reason",
            [("timed_out", count(.requestTimedOut)), ("too_large", count(.requestTooLarge))])
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

    private func writeEvents(_ tally: LoopTally, to text: inout MetricsText) {
        text.counter(
            "halls_push_events_total", "Events that clients sent.", by: "event",
            [
                ("send_message", tally.sends), ("join_hall", tally.joins),
                ("leave_hall", tally.leaves), ("unknown", tally.unknownEvents),
            ])
        text.counter(
            "halls_push_rate_limited_total",
            "Refused because there were too many; for packets of any kind, the session was closed.",
            by: "what",
            [
                ("send", tally.sendsLimited), ("join", tally.joinsLimited),
                ("event", server.counters.all[.flooded] ?? 0),
                ("person_event", tally.eventsLimited),
            ])
        text.counter(
            "halls_push_catch_ups_total",
            "Joins with a position: all that was missed, or the word to load afresh.",
            by: "result", [("whole", tally.catchUpsWhole), ("partial", tally.catchUpsPartial)])
        text.counter(
            "halls_push_deliveries_total", "Messages, each counted for every socket it went to.",
            tally.deliveries)
        text.histogram(
            "halls_push_broadcast_sockets",
            "For how many sockets of an event loop a broadcast was.",
            tally.audiences)
    }

    private func writeStore(_ tally: LoopTally, to text: inout MetricsText) {
        let store = self.store.figures
        text.counter(
            "halls_push_messages_committed_total", "Messages that became durable here.",
            store.tally.committed)
        text.counter(
            "halls_push_messages_not_committed_total",
            "Messages that were refused where they are written, or were there already.",
            store.tally.notCommitted)
        text.histogram(
            "halls_push_commit_messages", "Messages in one transaction.", store.tally.groupSizes)
        text.histogram(
            "halls_push_commit_seconds", "How long one transaction took.",
            store.tally.commitSeconds)
        text.gauge(
            "halls_push_waiting", "What waits for the database.", by: "what",
            [("send", Double(store.sendsWaiting)), ("read", Double(store.readsWaiting))])
        text.counter(
            "halls_push_busy_total", "What was refused because too much waited.", tally.busy)
        text.counter(
            "halls_push_wake_ups_total", "Times that another process woke this one.",
            store.tally.wakeUps)
        let reads = store.tally.reads
        text.counter(
            "halls_push_reads_total", "Reads of the database.", by: "what",
            [
                ("session", reads.sessions), ("hall", reads.halls), ("changes", reads.changes),
                ("log", reads.log),
            ])
        text.counter(
            "halls_push_reads_abandoned_total",
            "Reads that were not done because who asked had gone.", store.tally.readsAbandoned)
        text.counter(
            "halls_push_log_entries_total", "Entries that were found there.",
            store.tally.logEntries)
        text.counter(
            "halls_push_log_torn_total", "Times that the log was pruned before it was read.",
            store.tally.tornLogs)
    }

    private func writeProcess(to text: inout MetricsText) {
        text.gauge(
            "halls_push_build_info", "The version that runs.", by: "version",
            [(Release.version, 1)])
        process.now().write(to: &text)
    }
}
