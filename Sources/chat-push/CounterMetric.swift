// SPDX-License-Identifier: Apache-2.0

import Figures
import SocketIO
import SocketIOServer

/// How the operator is told of what is counted: a metric of one number, or of some that a label tells apart.
struct CounterMetric: Sendable {
    /// Who counts.
    enum Source: Hashable, Sendable {
        case loop(LoopTally.Counter)
        case store(StoreTally.Counter)
        case server(Counters.Event)
    }

    let name: String
    let help: String
    let label: String?
    /// The label's values, and whose number each has; without a label there is one.
    let values: [(label: String, source: Source)]

    private init(_ name: String, _ help: String, _ source: Source) {
        (self.name, self.help, label) = (name, help, nil)
        values = [("", source)]
    }

    private init(_ name: String, _ help: String, by label: String, _ values: [(String, Source)]) {
        (self.name, self.help, self.label) = (name, help, label)
        self.values = values.map { (label: $0.0, source: $0.1) }
    }
}

extension CounterMetric {
    /// All that there are.
    static let all = sessions + events + messages + database

    /// Who came and went.
    static let sessions = [
        CounterMetric(
            "halls_push_sessions_opened_total", "Sessions that began.", .server(.sessionOpened)),
        CounterMetric(
            "halls_push_sessions_closed_total", "Sessions that ended, by reason.", by: "reason",
            DisconnectReason.allCases.map { ($0.rawValue, .server(.sessionClosed($0))) }),
        CounterMetric(
            "halls_push_refused_total", "Who was not let in, by reason.", by: "reason",
            Refusal.allCases.map { ($0.rawValue, .server(.refused($0))) } + [
                ("unauthenticated", .loop(.refusedUnauthenticated)),
                ("user_full", .loop(.refusedUserFull)), ("namespace", .loop(.refusedNamespace)),
            ]),
        CounterMetric(
            "halls_push_requests_broken_off_total", "Requests that were not read to their end.",
            by: "reason",
            [
                ("timed_out", .server(.requestTimedOut)), ("too_large", .server(.requestTooLarge)),
            ]),
    ]

    /// What clients did, and what went to them.
    static let events = [
        CounterMetric(
            "halls_push_events_total", "Events that clients sent.", by: "event",
            ChatApplication.events.map { ($0.name, .loop($0.counter)) }
                + [("unknown", .loop(.unknownEvents))]),
        CounterMetric(
            "halls_push_rate_limited_total",
            "Refused because there were too many; for packets of any kind, the session was closed.",
            by: "what",
            [
                ("send", .loop(.sendsLimited)), ("join", .loop(.joinsLimited)),
                ("mark", .loop(.marksLimited)),
                ("event", .server(.flooded)), ("person_event", .loop(.eventsLimited)),
            ]),
        CounterMetric(
            "halls_push_catch_ups_total",
            "Joins with a position: all that was missed, or the word to load afresh.",
            by: "result",
            [("whole", .loop(.catchUpsWhole)), ("partial", .loop(.catchUpsPartial))]),
        CounterMetric(
            "halls_push_deliveries_total", "Messages, each counted for every socket it went to.",
            .loop(.deliveries)),
    ]

    /// What became of messages.
    static let messages = [
        CounterMetric(
            "halls_push_messages_committed_total", "Messages that became durable here.",
            .store(.committed)),
        CounterMetric(
            "halls_push_messages_not_committed_total",
            "Messages that were refused where they are written, or were there already.",
            .store(.notCommitted)),
    ]

    /// What else the database was used for.
    static let database = [
        CounterMetric(
            "halls_push_busy_total", "What was refused because too much waited.", .loop(.busy)),
        CounterMetric(
            "halls_push_wake_ups_total", "Times that another process woke this one.",
            .store(.wakeUps)),
        CounterMetric(
            "halls_push_reads_total", "Reads of the database.", by: "what",
            [
                ("session", .store(.sessionsRead)), ("hall", .store(.hallsRead)),
                ("changes", .store(.changesRead)), ("log", .store(.logRead)),
            ]),
        CounterMetric(
            "halls_push_reads_abandoned_total",
            "Reads that were not done because who asked had gone.", .store(.readsAbandoned)),
        CounterMetric(
            "halls_push_log_entries_total", "Entries that were found there.", .store(.logEntries)),
        CounterMetric(
            "halls_push_log_torn_total", "Times that the log was pruned before it was read.",
            .store(.tornLogs)),
    ]
}

/// All that was counted up to a moment.
struct CounterTotals: Sendable {
    let loops: LoopTally
    let store: StoreTally
    let server: [Counters.Event: Int]

    subscript(source: CounterMetric.Source) -> Int {
        switch source {
        case .loop(let counter): loops[counter]
        case .store(let counter): store[counter]
        case .server(let event): server[event] ?? 0
        }
    }

    /// Writes metrics with their numbers.
    func write(_ metrics: [CounterMetric], to text: inout MetricsText) {
        for metric in metrics {
            let values = metric.values.map { ($0.label, self[$0.source]) }
            if let label = metric.label {
                text.counter(metric.name, metric.help, by: label, values)
            } else {
                for (_, value) in values { text.counter(metric.name, metric.help, value) }
            }
        }
    }
}
