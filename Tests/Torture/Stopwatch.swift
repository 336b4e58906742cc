// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// Measures how long what is said takes to each who should hear it, and how long a crowd takes to come back.
final class Stopwatch {
    /// How a message came to a client for the first time.
    enum Way {
        /// As an event, while the client was there.
        case live
        /// With the answer to a join, by which a client asks for what it missed.
        case replay
        /// From the history, where that answer was not whole.
        case history
    }

    private(set) var live = Samples()
    private(set) var replay = Samples()
    private(set) var history = Samples()
    /// How long each who came back was away; since ``expectReturn(of:)``.
    private(set) var returns = Samples()
    private var expected: Set<Int> = []
    private var left: Int64 = 0

    /// A client hears of a message for the first time. It counts from the moment at which it was handed over, so what was
    /// missed takes at least as long as its reader was away.
    func heard(_ send: Send, _ way: Way) {
        let took = milliseconds() - send.began
        switch way {
        case .live: live.add(took)
        case .replay: replay.add(took)
        case .history: history.add(took)
        }
    }

    /// From now on it counts who comes back, and after how long.
    func expectReturn(of people: Int) {
        expected = Set(0..<people)
        left = milliseconds()
        returns = Samples()
    }

    /// A client is connected, receives its halls, and has what it missed.
    func isBack(_ person: Int) {
        if expected.remove(person) != nil { returns.add(milliseconds() - left) }
    }

    /// How many have not come back.
    var missing: Int { expected.count }
}

/// Durations in milliseconds, all of them: a percentile is one of them, never a mean of others.
struct Samples {
    private var values: [Int32] = []

    var count: Int { values.count }

    mutating func add(_ milliseconds: Int64) { values.append(Int32(clamping: milliseconds)) }

    /// The given percentiles and the longest, as figures of a report.
    func figures(_ percentiles: [Int] = [50, 95, 99]) -> JSONValue {
        let sorted = values.sorted()
        var members: [JSONValue.Member] = [.init("count", .integer(sorted.count))]
        for percentile in percentiles {
            // The smallest that is not exceeded by so many of a hundred.
            let rank = (sorted.count * percentile + 99) / 100
            let value = sorted.isEmpty ? 0 : sorted[max(0, rank - 1)]
            members.append(.init("p\(percentile)_ms", .integer(value)))
        }
        return .object(members + [.init("max_ms", .integer(sorted.last ?? 0))])
    }
}
