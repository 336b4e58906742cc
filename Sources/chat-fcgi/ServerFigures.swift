// SPDX-License-Identifier: Apache-2.0

import ChatOptions
import Figures

/// What the daemon tells of itself: gathered when somebody asks, each figure where it is kept.
struct ServerFigures: Sendable {
    /// Those of all threads.
    let tallies: [RequestTally]
    let site: Site
    let process: ProcessFigures
    /// How many connections front ends have open.
    var connectionCount: @Sendable () -> Int = { 0 }

    /// All figures, as text for Prometheus.
    var text: String {
        var text = MetricsText()
        writeRequests(to: &text)
        writePasswords(to: &text)
        text.gauge(
            "halls_fcgi_connections", "Connections that web servers have open.",
            Double(connectionCount()))
        text.gauge("halls_fcgi_threads", "Requests that fit at once.", Double(tallies.count))
        text.gauge(
            "halls_fcgi_threads_busy", "Threads that are at a request.",
            Double(tallies.count(where: \.isBusy)))
        text.gauge(
            "halls_fcgi_writing_fails", "1 while the database is locked or full.",
            site.outage.isNoted ? 1 : 0)
        text.gauge(
            "halls_fcgi_build_info", "The version that runs.", by: "version",
            [(Release.version, 1)])
        process.now().write(to: &text)
        return text.text
    }

    private func writeRequests(to text: inout MetricsText) {
        var sum = RequestTally.Counts()
        for counts in tallies.map(\.counts) {
            sum.answers.merge(counts.answers, uniquingKeysWith: +)
            sum.seconds += counts.seconds
        }
        text.counter(
            "halls_fcgi_requests_total", "Requests that were answered.", by: ("route", "status"),
            sum.answers.sorted { $0.key < $1.key }
                .map { ($0.key.route, String($0.key.status), $0.value) })
        text.histogram(
            "halls_fcgi_request_seconds", "From a request that is read to its answer.", sum.seconds)
    }

    private func writePasswords(to text: inout MetricsText) {
        let passwords = site.passwords.counts
        text.counter(
            "halls_fcgi_passwords_total",
            "Passwords that were looked at or made, and those for which there was no place.",
            by: "result",
            [
                ("passed", passwords.passed), ("full", passwords.full),
                ("account_busy", passwords.accountBusy), ("address_busy", passwords.addressBusy),
            ])
    }
}
