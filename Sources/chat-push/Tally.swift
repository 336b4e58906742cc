// SPDX-License-Identifier: Apache-2.0

import ChatModels
import Figures

/// A number that only grows for each case of an enumeration. Counting is an addition in an array that is made once.
struct Counts<Counter: CaseIterable & RawRepresentable<Int>>: Sendable {
    private var values = [Int](repeating: 0, count: Counter.allCases.count)

    subscript(counter: Counter) -> Int {
        get { values[counter.rawValue] }
        set { values[counter.rawValue] = newValue }
    }

    static func += (sum: inout Counts, part: Counts) {
        for index in sum.values.indices { sum.values[index] += part.values[index] }
    }
}

/// What happened on one event loop, in numbers. Confined to that loop, so that counting is an addition; who wants to know
/// asks the loop.
struct LoopTally: Sendable {
    /// What is counted; ``CounterMetric`` says as what it is told.
    enum Counter: Int, CaseIterable, Sendable {
        /// Events that clients sent.
        case sends, edits, deletions, joins, leaves, marks, unknownEvents
        /// Of them those that were refused because there were too many.
        case sendsLimited, joinsLimited, marksLimited
        /// Connections that were closed because all of their person sent too many.
        case eventsLimited
        /// Wishes for the namespace that were refused.
        case refusedUnauthenticated, refusedUserFull, refusedNamespace
        /// Jobs that the store did not take.
        case busy
        /// Joins with a position: those that got all they had missed, and those that were told to load afresh.
        case catchUpsWhole, catchUpsPartial
        /// Messages, each counted for every socket that it was handed to.
        case deliveries
    }

    private var counts = Counts<Counter>()
    /// How many sockets each broadcast was for.
    private(set) var audiences = Histogram.audiences

    subscript(counter: Counter) -> Int { counts[counter] }

    /// Counts something.
    mutating func count(_ counter: Counter) { counts[counter] += 1 }

    /// Messages of a hall went out in one piece.
    mutating func broadcast(_ messages: Int, to sockets: Int) {
        counts[.deliveries] += messages * sockets
        audiences.observe(Double(sockets))
    }

    static func += (sum: inout LoopTally, part: LoopTally) {
        sum.counts += part.counts
        sum.audiences += part.audiences
    }
}

/// What the store did, in numbers. Touched once for a commit or a read, never for a message.
struct StoreTally: Sendable {
    /// What is counted; ``CounterMetric`` says as what it is told.
    enum Counter: Int, CaseIterable, Sendable {
        /// Messages that were written, and those that were refused or repeated.
        case committed, notCommitted
        /// Times that another process woke the store.
        case wakeUps
        /// Reads of the database, by what they are for: a crowd that comes back shows what it costs. Who somebody is, where
        /// that was not remembered; a hall with its members; what was missed in a hall; the log.
        case sessionsRead, hallsRead, changesRead, logRead
        /// Reads that were not done because who asked had gone.
        case readsAbandoned
        /// What was found in the log.
        case logEntries
        /// Times that the log was pruned before it was read.
        case tornLogs
    }

    private var counts = Counts<Counter>()
    /// How many messages each transaction had, and how many seconds it took.
    private(set) var groupSizes = Histogram.sizes
    private(set) var commitSeconds = Histogram.seconds
    /// The last sign of life of the store's thread.
    private(set) var turnedAt = ContinuousClock.now

    subscript(counter: Counter) -> Int { counts[counter] }

    /// Counts something.
    mutating func count(_ counter: Counter, _ count: Int = 1) { counts[counter] += count }

    /// The thread looks at what there is to do.
    mutating func turned(wasWoken: Bool) {
        turnedAt = .now
        if wasWoken { counts[.wakeUps] += 1 }
    }

    /// A transaction was tried.
    mutating func wrote(_ written: Int, of count: Int, in duration: Duration) {
        counts[.committed] += written
        counts[.notCommitted] += count - written
        groupSizes.observe(Double(count))
        commitSeconds.observe(duration / .seconds(1))
    }

    /// Entries of the log were read.
    mutating func read(_ batch: LogBatch) {
        counts[.logEntries] += batch.events.count
        if batch.isTorn { counts[.tornLogs] += 1 }
    }
}
