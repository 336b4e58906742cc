// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// What a run was and what came of it.
struct Report {
    var seed: UInt64
    var seconds: Int
    var clients: Int
    var halls: Int
    var history: History
    var faults: [String: Int]
    var skipped: [String: Int]
    var longestTurn: Int64
    /// What was measured, in the order in which it is shown.
    var figures: [JSONValue.Member] = []

    var isClean: Bool { history.breaches.isEmpty }

    private static let totals = [
        "sends", "retries", "given up", "acknowledged", "messages kept",
        "kept without an acknowledgement", "receipts", "replayed", "loaded", "incomplete answers",
        "connections", "disconnections", "edits", "edits again", "edits acknowledged",
        "edits refused", "acknowledged edits lost", "deletions", "deletions again",
        "deletions acknowledged", "deletions refused", "acknowledged deletions lost",
        "changes heard", "changes told again", "changes replayed", "changes loaded",
        "too many changes", "changed messages kept", "states held by members",
        "states missed by members", "renames", "renames acknowledged", "names",
        "names acknowledged", "names by the operator", "people heard of", "people learned of",
        "people told of in time", "usernames held against newer ones", "old usernames seen",
    ]

    var text: String {
        var lines = ["", "seed \(seed), \(seconds) s, \(clients) clients in \(halls) halls"]
        lines += Self.totals.map { "  \(padded($0)) \(history.counts[$0] ?? 0)" }
        let others = history.counts.keys.filter { !Self.totals.contains($0) }.sorted()
        lines += others.map { "  \(padded($0)) \(history.counts[$0] ?? 0)" }
        lines.append("  \(padded("longest turn of the checker")) \(longestTurn) ms")
        lines += figures.map { "\($0.name): \(Self.text($0.value))" }
        lines.append("faults: " + Self.list(faults))
        if !skipped.isEmpty { lines.append("not made: " + Self.list(skipped)) }
        if isClean {
            lines.append(
                """
                verdict: clean. No acknowledged message, edit or deletion lost, doubled or out of \
                order; nobody called by an old username.
                """)
        } else {
            lines += history.findings.prefix(20).map { "  ! \($0)" }
            let kinds = history.breaches.map { ($0.key.rawValue, $0.value) }
            lines.append("verdict: BROKEN: " + Self.list(Dictionary(uniqueKeysWithValues: kinds)))
        }
        return lines.joined(separator: "\n")
    }

    private func padded(_ name: String) -> String {
        name + String(repeating: " ", count: max(0, 34 - name.count))
    }

    private static func text(_ figure: JSONValue) -> String {
        guard case .object(let members) = figure else {
            return String(decoding: figure.bytes, as: UTF8.self)
        }
        return members.map { "\($0.name) \(text($0.value))" }.joined(separator: ", ")
    }

    private static func list(_ counts: [String: Int]) -> String {
        counts.isEmpty
            ? "none"
            : counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
                .joined(separator: ", ")
    }

    var json: JSONValue {
        func object(_ counts: [String: Int]) -> JSONValue {
            .object(counts.sorted { $0.key < $1.key }.map { .init($0.key, .integer($0.value)) })
        }
        let breaches = history.breaches.map { ($0.key.rawValue, $0.value) }
        return [
            "seed": .string(String(seed)), "seconds": .integer(seconds),
            "clients": .integer(clients), "halls": .integer(halls), "clean": .bool(isClean),
            "counts": object(history.counts), "faults": object(faults),
            "skipped": object(skipped), "longest_turn_ms": .integer(longestTurn),
            "breaches": object(Dictionary(uniqueKeysWithValues: breaches)),
            "findings": .array(history.findings.map { .string($0) }),
            "figures": .object(figures),
        ]
    }
}
