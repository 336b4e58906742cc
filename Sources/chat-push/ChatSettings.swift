// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatOptions
import Synchronization

/// What all event loops share.
struct ChatSettings: Sendable {
    var auth: AuthMode
    var limits: Limits
    /// Joins on one connection.
    var joins: Rate
    /// Bytes of missed messages on one connection: less than may wait for a client that reads slowly. Who missed more
    /// loads its halls afresh.
    var catchUps: Rate
    var users: UserLimits
    var cookie = SessionCookie()
}

/// Holds each user to what one may do, over all loops and connections: who comes back on another connection, or on many,
/// may not do more.
final class UserLimits: Sendable {
    private struct Entry {
        var connections = 0
        var sends: TokenBucket
    }

    private struct State {
        var entries: [Int64: Entry] = [:]
        /// With so many entries it is time to drop those that say nothing.
        var sweepCount = 1_024
    }

    private let connectionsMax: Int
    private let sends: Rate
    private let state = Mutex(State())

    init(connectionsMax: Int, sends: Rate) {
        self.connectionsMax = connectionsMax
        self.sends = sends
    }

    /// Counts a connection in, if the user may have one more.
    func begin(_ userID: Int64, now: Int64) -> Bool {
        state.withLock { state in
            if state.entries.count >= state.sweepCount { sweep(&state, now: now) }
            var entry = state.entries[userID] ?? Entry(sends: TokenBucket(sends, now: now))
            guard entry.connections < connectionsMax else { return false }
            entry.connections += 1
            state.entries[userID] = entry
            return true
        }
    }

    /// Counts a connection out. What the user has sent is remembered for as long as it counts.
    func end(_ userID: Int64) {
        state.withLock { $0.entries[userID]?.connections -= 1 }
    }

    /// Takes a token for a message of a connected user.
    ///
    /// - Returns: `nil`, or in how many seconds there will be one.
    func takeSend(_ userID: Int64, now: Int64) -> Int? {
        state.withLock { state in
            // Changed in its place, an entry would cost three allocations.
            guard var entry = state.entries[userID] else { return nil }
            let seconds = entry.sends.take(sends, now: now)
            state.entries[userID] = entry
            return seconds
        }
    }

    /// How many users something is remembered of.
    var count: Int { state.withLock { $0.entries.count } }

    private func sweep(_ state: inout State, now: Int64) {
        state.entries = state.entries.filter { _, entry in
            var bucket = entry.sends
            return entry.connections > 0 || !bucket.isFull(sends, now: now)
        }
        state.sweepCount = max(1_024, state.entries.count * 2)
    }
}
