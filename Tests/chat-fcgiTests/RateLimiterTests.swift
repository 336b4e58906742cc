// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatTesting
import Testing

@testable import chat_fcgi

struct RateLimiterTests {
    private let start = ContinuousClock.now

    @Test func `a burst passes, and one more does not`() throws {
        let limiter = RateLimiter(perSecond: 10, burst: 3)
        for _ in 1...3 { try limiter.take(for: 1, at: start) }
        #expect(throws: ChatError(.rateLimited, retryAfter: 1)) {
            try limiter.take(for: 1, at: start)
        }
        try limiter.take(for: 2, at: start)
    }

    @Test func `a bucket fills with time, up to its brim`() throws {
        let limiter = RateLimiter(perSecond: 10, burst: 2)
        for _ in 1...2 { try limiter.take(for: 1, at: start) }
        try limiter.take(for: 1, at: start + .milliseconds(101))
        #expect(throws: ChatError.self) { try limiter.take(for: 1, at: start + .milliseconds(102)) }

        for _ in 1...2 { try limiter.take(for: 1, at: start + .seconds(3_600)) }
        #expect(throws: ChatError.self) { try limiter.take(for: 1, at: start + .seconds(3_600)) }
    }

    @Test func `who has to wait is told how long`() throws {
        let limiter = RateLimiter(perSecond: 0.1, burst: 1)
        try limiter.take(for: 1, at: start)
        #expect(throws: ChatError(.rateLimited, retryAfter: 10)) {
            try limiter.take(for: 1, at: start)
        }
        #expect(throws: ChatError(.rateLimited, retryAfter: 4)) {
            try limiter.take(for: 1, at: start + .milliseconds(6_500))
        }
    }

    @Test func `it never remembers more users than it may`() throws {
        let limiter = RateLimiter(perSecond: 1, burst: 2, usersMax: 10)
        for user in 1...10 { try limiter.take(for: Int64(user), at: start) }
        #expect(limiter.userCount == 10)

        // Full again after a second: forgotten.
        try limiter.take(for: 11, at: start + .seconds(1))
        #expect(limiter.userCount == 1)

        for user in 12...100 { try limiter.take(for: Int64(user), at: start + .seconds(1)) }
        #expect(limiter.userCount <= 10)
    }
}
