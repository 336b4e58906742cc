// SPDX-License-Identifier: Apache-2.0

/// A fault, from when to when, in milliseconds since the clients came.
struct Fault: CustomStringConvertible {
    /// What happens.
    enum Kind: String, CaseIterable {
        case killPush, killFcgi, killNginx, termPush, termFcgi, termNginx, stopPush, stopFcgi
        case stopNginx, reloadNginx, reset, silence, sleep, slow, disk, lock, clock, members, people

        /// The name on the command line and in the report.
        var name: String {
            rawValue.replacing(/[A-Z]/) { "-" + $0.output.lowercased() }
        }

        init?(name: String) {
            guard let kind = Self.allCases.first(where: { $0.name == name }) else { return nil }
            self = kind
        }

        /// Whether the site itself is hurt, not its clients.
        var hurtsSite: Bool {
            switch self {
            case .reset, .silence, .sleep, .slow, .members, .people: false
            default: true
            }
        }
    }

    var kind: Kind
    var begin: Int64
    var end: Int64
    /// How many clients of a hundred it is about.
    var percent = 0

    var description: String {
        let share = percent > 0 ? " \(percent)%" : ""
        return "\(begin)–\(end) ms \(kind.name)\(share)"
    }
}

/// What goes wrong in a run and when. The seed alone decides it.
struct Plan {
    var faults: [Fault] = []
    /// Faults of one track follow each other, those of different tracks overlap as they like.
    private static let tracks: [(kinds: [Fault.Kind], gap: ClosedRange<Int>)] = [
        ([.killPush, .killPush, .termPush, .stopPush], 3_000...9_000),
        ([.killFcgi, .killFcgi, .termFcgi, .stopFcgi], 2_000...8_000),
        ([.killNginx, .termNginx, .stopNginx, .reloadNginx], 5_000...14_000),
        ([.disk, .lock], 4_000...11_000),
        ([.reset, .reset, .silence], 800...4_000),
        ([.sleep, .slow], 2_000...6_000),
        ([.clock], 5_000...12_000),
        ([.members], 300...1_500),
        ([.people], 200...1_000),
    ]

    /// Faults that are chosen one by one.
    init(_ faults: [Fault] = []) {
        self.faults = faults
    }

    /// - Parameters:
    ///   - length: how long faults are made.
    ///   - pingTime: after how many milliseconds a silent client is given up.
    init(seed: UInt64, length: Int64, kinds: Set<Fault.Kind>, pingTime: Int64) {
        // In a short run everything comes closer together.
        let percent = max(25, min(100, Int(length / 300)))
        for (number, track) in Self.tracks.enumerated() {
            var random = Randomness(seed: seed, part: "track \(number)")
            let chosen = track.kinds.filter(kinds.contains)
            guard !chosen.isEmpty else { continue }
            func gap() -> Int64 { random.milliseconds(track.gap) * Int64(percent) / 100 }
            var at = gap()
            while at < length {
                let fault = Self.fault(
                    random.pick(chosen), at: at, percent, length, pingTime, &random)
                faults.append(fault)
                at = fault.end + gap()
            }
        }
        faults.sort { ($0.begin, $0.kind.rawValue) < ($1.begin, $1.kind.rawValue) }
    }

    private static func fault(
        _ kind: Fault.Kind, at begin: Int64, _ percent: Int, _ length: Int64, _ pingTime: Int64,
        _ random: inout Randomness
    ) -> Fault {
        var range: ClosedRange<Int>
        var clients = 0
        switch kind {
        case .killPush, .killFcgi, .killNginx: range = 0...1_500
        case .stopPush, .stopFcgi, .stopNginx: range = 300...6_000
        case .disk: range = 800...4_000
        // Now and then for longer than SQLite waits for a lock.
        case .lock:
            let isLong = random.isTrue(oneIn: 6) && length >= 40_000
            range = isLong ? 10_500...12_000 : 500...6_000
        case .sleep:
            range = Int(pingTime) + 500...Int(pingTime) + 4_000
            clients = random.int(2...10)
        case .slow: (range, clients) = (2_000...8_000, random.int(2...6))
        case .reset, .silence: (range, clients) = (0...0, random.int(3...40))
        case .clock: range = 1_000...8_000
        case .termPush, .termFcgi, .termNginx, .reloadNginx, .members, .people: range = 0...0
        }
        if kind != .sleep {
            range = range.lowerBound * percent / 100...range.upperBound * percent / 100
        }
        return Fault(
            kind: kind, begin: begin, end: begin + random.milliseconds(range), percent: clients)
    }
}
