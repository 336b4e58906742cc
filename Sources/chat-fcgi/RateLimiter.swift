// SPDX-License-Identifier: Apache-2.0

import ChatModels
import NIOConcurrencyHelpers

/// How often each user may do something: a bucket of tokens a user, which fills again with time.
///
/// It lives in memory and is only a brake: a restart or a second process gives everybody a full bucket.
final class RateLimiter: Sendable {
    private struct Bucket {
        var tokens: Double
        var filledAt: ContinuousClock.Instant
    }

    private let perSecond: Double
    private let burst: Double
    private let usersMax: Int
    // Taken for a few lines by all threads, in each request. Not a Mutex: that hands itself to the thread that waited longest,
    // which still sleeps, so that soon all wait.
    private let buckets = NIOLockedValueBox<[Int64: Bucket]>([:])  // user → bucket

    /// - Parameters:
    ///   - perSecond: what one user may do in the long run.
    ///   - burst: how much of it at once.
    ///   - usersMax: of how many users it is kept.
    init(perSecond: Double, burst: Int, usersMax: Int = 10_000) {
        self.perSecond = perSecond
        self.burst = Double(burst)
        self.usersMax = usersMax
    }

    /// Takes one token.
    ///
    /// - Throws: `rate_limited` when there is none, with the time until there is one.
    func take(for userID: Int64, at now: ContinuousClock.Instant = .now) throws(ChatError) {
        let missing = buckets.withLockedValue { buckets in
            if buckets[userID] == nil, buckets.count >= usersMax { makeRoom(in: &buckets, at: now) }
            var bucket = buckets[userID] ?? Bucket(tokens: burst, filledAt: now)
            bucket.tokens = tokens(in: bucket, at: now)
            bucket.filledAt = now
            let missing = 1 - bucket.tokens
            if missing <= 0 { bucket.tokens -= 1 }
            buckets[userID] = bucket
            return missing
        }
        guard missing > 0 else { return }
        throw ChatError(.rateLimited, retryAfter: max(1, Int((missing / perSecond).rounded(.up))))
    }

    /// Gives one token back, of what was not done after all.
    func giveBack(for userID: Int64) {
        buckets.withLockedValue { buckets in
            guard let tokens = buckets[userID]?.tokens else { return }
            buckets[userID]?.tokens = min(burst, tokens + 1)
        }
    }

    /// Of how many users a bucket is kept.
    var userCount: Int { buckets.withLockedValue { $0.count } }

    private func tokens(in bucket: Bucket, at now: ContinuousClock.Instant) -> Double {
        let seconds = (now - bucket.filledAt) / .seconds(1)
        return min(burst, bucket.tokens + seconds * perSecond)
    }

    /// A full bucket is as good as none. If all of so many users are busy at once, everybody starts afresh.
    private func makeRoom(in buckets: inout [Int64: Bucket], at now: ContinuousClock.Instant) {
        buckets = buckets.filter { tokens(in: $0.value, at: now) < burst }
        if buckets.count >= usersMax { buckets.removeAll() }
    }
}
