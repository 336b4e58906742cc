// SPDX-License-Identifier: Apache-2.0

/// How often a value fell below each of some bounds. An observation costs a few comparisons and three stores.
public struct Histogram: Sendable, Equatable {
    /// Upper bounds, in ascending order.
    public let bounds: [Double]
    /// How many lie within each bound and not within the one before; at the end those beyond all of them.
    public private(set) var counts: [Int]
    /// All values together.
    public private(set) var sum = 0.0

    /// An empty histogram.
    public init(_ bounds: [Double]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    /// Counts a value.
    public mutating func observe(_ value: Double) {
        counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
        sum += value
    }

    /// How many values were counted.
    public var count: Int { counts.reduce(0, +) }

    /// Adds what another has counted, which has the same bounds.
    public static func += (sum: inout Histogram, part: Histogram) {
        for index in sum.counts.indices { sum.counts[index] += part.counts[index] }
        sum.sum += part.sum
    }
}

extension Histogram {
    /// For what is counted in pieces.
    public static var sizes: Histogram { Histogram((0...9).map { Double(1 << $0) }) }
    /// For how many hear one thing.
    public static var audiences: Histogram {
        Histogram([1, 10, 30, 100, 300, 1_000, 3_000, 10_000])
    }
    /// For how long a disk takes.
    public static var seconds: Histogram {
        Histogram([0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5])
    }
}
