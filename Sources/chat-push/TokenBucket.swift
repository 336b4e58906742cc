// SPDX-License-Identifier: Apache-2.0

/// How often something may happen.
struct Rate: Sendable {
    /// In the long run.
    var perSecond: Int
    /// At once, after a pause.
    var burst: Int
}

/// Holds something to a ``Rate``: a bucket of tokens that fills with time.
struct TokenBucket {
    private var tokens: Double
    /// Milliseconds of a clock that only goes forward.
    private var filledAt: Int64

    init(_ rate: Rate, now: Int64) {
        tokens = Double(rate.burst)
        filledAt = now
    }

    /// Takes tokens, all of them or none.
    ///
    /// - Returns: `nil`, or in how many seconds there will be so many.
    mutating func take(_ rate: Rate, count: Int = 1, now: Int64) -> Int? {
        fill(rate, now: now)
        guard tokens >= Double(count) else {
            return max(1, Int(((Double(count) - tokens) / Double(rate.perSecond)).rounded(.up)))
        }
        tokens -= Double(count)
        return nil
    }

    /// Whether it is as good as new.
    mutating func isFull(_ rate: Rate, now: Int64) -> Bool {
        fill(rate, now: now)
        return tokens >= Double(rate.burst)
    }

    private mutating func fill(_ rate: Rate, now: Int64) {
        let filled = tokens + Double(max(0, now - filledAt)) * Double(rate.perSecond) / 1_000
        tokens = min(Double(rate.burst), filled)
        filledAt = max(filledAt, now)
    }
}
