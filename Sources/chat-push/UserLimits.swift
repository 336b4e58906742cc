// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// How often a person may do something, over all connections.
struct PersonRates: Sendable {
    var sends: Rate
    var joins: Rate
    var marks: Rate
    /// Events of any kind.
    var events: Rate
}

/// What a person may do only so often, beside sending events of any kind.
enum PersonLimit: Sendable {
    case sends
    case joins
    case marks
}

/// Holds a person to what one may do, over all loops and connections: who comes back on another connection, or on many,
/// may not do more.
final class Person: Sendable {
    private struct State {
        var connections = 0
        var sends: TokenBucket
        var joins: TokenBucket
        var marks: TokenBucket
        var events: TokenBucket
    }

    private let rates: PersonRates
    private let state: Mutex<State>

    fileprivate init(_ rates: PersonRates, now: Int64) {
        self.rates = rates
        state = Mutex(
            State(
                sends: TokenBucket(rates.sends, now: now),
                joins: TokenBucket(rates.joins, now: now),
                marks: TokenBucket(rates.marks, now: now),
                events: TokenBucket(rates.events, now: now)))
    }

    /// Counts a connection in, if there may be one more.
    fileprivate func begin(connectionsMax: Int) -> Bool {
        state.withLock { state in
            guard state.connections < connectionsMax else { return false }
            state.connections += 1
            return true
        }
    }

    /// Counts a connection out. What the person did is remembered for as long as it counts.
    func end() { state.withLock { $0.connections -= 1 } }

    /// Takes a token for something that has a limit of its own.
    ///
    /// - Returns: `nil`, or in how many seconds there will be one.
    func take(_ limit: PersonLimit, now: Int64) -> Int? {
        state.withLock { state in
            switch limit {
            case .sends: state.sends.take(rates.sends, now: now)
            case .joins: state.joins.take(rates.joins, now: now)
            case .marks: state.marks.take(rates.marks, now: now)
            }
        }
    }

    /// Takes a token for an event, whatever it is.
    ///
    /// - Returns: whether there was one.
    func takeEvent(now: Int64) -> Bool {
        state.withLock { $0.events.take(rates.events, now: now) == nil }
    }

    /// Whether one who is made anew would be the same.
    fileprivate func saysNothing(now: Int64) -> Bool {
        state.withLock { state in
            state.connections == 0 && state.sends.isFull(rates.sends, now: now)
                && state.joins.isFull(rates.joins, now: now)
                && state.marks.isFull(rates.marks, now: now)
                && state.events.isFull(rates.events, now: now)
        }
    }
}

/// The people who are, or lately were, connected.
final class UserLimits: Sendable {
    private struct State {
        var people: [Int64: Person] = [:]
        /// With so many it is time to drop those of whom nothing has to be remembered.
        var sweepCount = 1_024
    }

    private let connectionsMax: Int
    private let rates: PersonRates
    private let state = Mutex(State())

    init(connectionsMax: Int, rates: PersonRates) {
        self.connectionsMax = connectionsMax
        self.rates = rates
    }

    /// Counts a connection in, if the user may have one more.
    func begin(_ userID: Int64, now: Int64) -> Person? {
        state.withLock { state in
            if state.people.count >= state.sweepCount {
                state.people = state.people.filter { !$1.saysNothing(now: now) }
                state.sweepCount = max(1_024, state.people.count * 2)
            }
            let person = state.people[userID] ?? Person(rates, now: now)
            guard person.begin(connectionsMax: connectionsMax) else { return nil }
            state.people[userID] = person
            return person
        }
    }

    /// How many users something is remembered of.
    var count: Int { state.withLock { $0.people.count } }
}
