// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatTesting
import CompactJSON
import Figures
import Foundation
import Glibc
import NIOCore
import SocketIOServer
import Sockets
import Testing

@testable import chat_push

/// What the daemon tells of itself.
@Suite struct MetricsTests {
    @Test func `whatever is counted is told, once`() {
        let sources = CounterMetric.all.flatMap { $0.values.map(\.source) }
        let counted =
            LoopTally.Counter.allCases.map(CounterMetric.Source.loop)
            + StoreTally.Counter.allCases.map(CounterMetric.Source.store)
        for source in counted { #expect(sources.count { $0 == source } == 1, "\(source)") }
        #expect(Set(sources).count == sources.count)

        #expect(Set(CounterMetric.all.map(\.name)).count == CounterMetric.all.count)
        for metric in CounterMetric.all {
            #expect(Set(metric.values.map(\.label)).count == metric.values.count)
        }
    }

    @Test func `what the loops and the store count is added and written`() {
        var (one, other, store) = (LoopTally(), LoopTally(), StoreTally())
        one.count(.refusedNamespace)
        other.count(.refusedNamespace)
        other.broadcast(3, to: 2)
        one += other
        store.count(.tornLogs, 5)
        let totals = CounterTotals(loops: one, store: store, server: [.refused(.full): 7])

        var text = MetricsText()
        totals.write(CounterMetric.all, to: &text)

        let grown = text.text.split(separator: "\n").filter {
            !$0.hasPrefix("#") && !$0.hasSuffix(" 0")
        }
        #expect(
            grown == [
                #"halls_push_refused_total{reason="full"} 7"#,
                #"halls_push_refused_total{reason="namespace"} 2"#,
                "halls_push_deliveries_total 6", "halls_push_log_torn_total 5",
            ])
    }

    @Test func `what happens is counted`() throws {
        try withSite(PushSite(sends: Rate(perSecond: 1, burst: 2))) { site in
            let watch = try Watch(site)
            defer { watch.end() }
            let ana = try site.client(site.ana)
            let bea = try site.client(site.join("bea"))
            let hall: JSONValue = ["hall_id": .integer(site.hall.id)]
            for client in [ana, bea] { _ = try client.call("join_hall", hall) }
            for content in ["one", "two", "three"] {
                _ = try ana.call(
                    "send_message",
                    ["hall_id": .integer(site.hall.id), "content": .string(content)])
            }
            _ = try bea.nextEvent("new_message")
            _ = try bea.nextEvent("new_message")
            _ = try bea.call("join_hall", ["hall_id": .integer(site.hall.id), "since_rev": 1])
            _ = try bea.call("join_hall", ["hall_id": .integer(site.hall.id), "since_rev": 99])
            _ = try bea.call("sing", .null)
            bea.send("1")

            #expect(try eventually { try watch["connections"] == 1 })
            let told: [(String, Double)] = [
                ("sessions_opened_total", 2),
                (#"sessions_closed_total{reason="transport_close"}"#, 1),
                (#"events_total{event="send_message"}"#, 3),
                (#"events_total{event="join_hall"}"#, 4),
                (#"events_total{event="unknown"}"#, 1),
                (#"rate_limited_total{what="send"}"#, 1),
                (#"catch_ups_total{result="whole"}"#, 1),
                (#"catch_ups_total{result="partial"}"#, 1),
                ("messages_committed_total", 2), ("deliveries_total", 4),
                ("commit_messages_sum", 2), ("commit_seconds_count", 2),
                (#"waiting{what="send"}"#, 0),
            ]
            for (name, value) in told { #expect(try watch[name] == value, "\(name)") }
        }
    }

    @Test func `who is not let in is counted by the reason`() throws {
        try withSite(PushSite(connectionsPerUserMax: 1)) { site in
            let watch = try Watch(site)
            defer { watch.end() }
            let first = try site.client(site.ana)
            let second = try PushClient.early(site, site.ana)
            second.send("40")
            _ = try second.next()
            let stranger = try PushClient(
                site.folder.file("push"), header: "Cookie: halls_session=nobody")
            stranger.send("40")
            _ = try stranger.next()
            let elsewhere = try PushClient(site.folder.file("push"), header: "X: y")
            elsewhere.send("40/elsewhere,")
            #expect(
                try eventually { try watch[#"refused_total{reason="namespace"}"#] == 1 })
            #expect(try watch[#"refused_total{reason="user_full"}"#] == 1)
            #expect(try watch[#"refused_total{reason="unauthenticated"}"#] == 1)
            withExtendedLifetime(first) {}
        }
    }

    @Test func `health is the state of the loops and of the database`() throws {
        try withSite(PushSite()) { site in
            let watch = try Watch(site)
            defer { watch.end() }
            #expect(try watch.get("/health").hasPrefix("HTTP/1.1 200"))

            let mayGoOn = DispatchSemaphore(value: 0)
            site.server.loops[0].execute { mayGoOn.wait() }
            let answer = Result { try watch.get("/health") }
            mayGoOn.signal()
            #expect(try answer.get().hasPrefix("HTTP/1.1 503"))
            #expect(try watch.get("/health").hasPrefix("HTTP/1.1 200"))
        }
    }
}

/// Somebody who watches a site.
private final class Watch {
    private let listener: StatusListener
    private let path: String

    init(_ site: PushSite) throws {
        path = site.folder.file("metrics")
        let metrics = Metrics(server: site.server, store: site.store, process: ProcessFigures())
        listener = try StatusListener(
            at: .unix(path: path), mode: 0o600, metrics: metrics.text, health: metrics.health)
    }

    func end() { listener.close() }

    /// A figure by its name without `halls_push_`.
    subscript(name: String) -> Double? {
        get throws {
            try get("/metrics").split(separator: "\n").lazy
                .first { $0.hasPrefix("halls_push_\(name) ") }
                .flatMap { $0.split(separator: " ").last.flatMap { Double($0) } }
        }
    }

    func get(_ target: String) throws -> String {
        try ask("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n")
    }

    /// The whole answer to a request.
    func ask(_ request: String) throws -> String {
        let descriptor = try unixConnection(to: path)
        defer { close(descriptor) }
        let sent = unsafe send(descriptor, request, request.utf8.count, Int32(MSG_NOSIGNAL))
        try #require(sent == request.utf8.count)
        var answer: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while case let count = unsafe recv(descriptor, &part, part.count, 0), count > 0 {
            answer += part[..<count]
        }
        return String(decoding: answer, as: UTF8.self)
    }
}
