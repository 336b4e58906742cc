// SPDX-License-Identifier: Apache-2.0

import ChatModels
import Figures

/// What happened on one event loop, in numbers. Confined to that loop, so that counting is an addition; who wants to know
/// asks the loop.
struct LoopTally: Sendable {
    /// Events that clients sent.
    var sends = 0
    var joins = 0
    var leaves = 0
    var unknownEvents = 0
    /// Of them those that were refused because there were too many.
    var sendsLimited = 0
    var joinsLimited = 0
    /// Connections that were closed because all of their person sent too many.
    var eventsLimited = 0
    /// Wishes for the namespace that were refused.
    var refusedUnauthenticated = 0
    var refusedUserFull = 0
    var refusedNamespace = 0
    /// Jobs that the store did not take.
    var busy = 0
    /// Joins with a position: those that got all they had missed, and those that were told to load afresh.
    var catchUpsWhole = 0
    var catchUpsPartial = 0
    /// Messages, each counted for every socket that it was handed to.
    var deliveries = 0
    /// How many sockets each broadcast was for.
    var audiences = Histogram.audiences

    /// Messages of a hall went out in one piece.
    mutating func broadcast(_ messages: Int, to sockets: Int) {
        deliveries += messages * sockets
        audiences.observe(Double(sockets))
    }

    static func += (sum: inout LoopTally, part: LoopTally) {
        sum.sends += part.sends
        sum.joins += part.joins
        sum.leaves += part.leaves
        sum.unknownEvents += part.unknownEvents
        sum.sendsLimited += part.sendsLimited
        sum.joinsLimited += part.joinsLimited
        sum.eventsLimited += part.eventsLimited
        sum.refusedUnauthenticated += part.refusedUnauthenticated
        sum.refusedUserFull += part.refusedUserFull
        sum.refusedNamespace += part.refusedNamespace
        sum.busy += part.busy
        sum.catchUpsWhole += part.catchUpsWhole
        sum.catchUpsPartial += part.catchUpsPartial
        sum.deliveries += part.deliveries
        sum.audiences += part.audiences
    }
}

/// Reads of the database, by what they are for: a crowd that comes back shows what it costs.
struct Reads: Sendable {
    /// Who somebody is, where that was not remembered.
    var sessions = 0
    /// A hall with its members.
    var halls = 0
    /// What was missed in a hall.
    var changes = 0
    /// The log.
    var log = 0
}

/// What the store did, in numbers. Touched once for a commit or a read, never for a message.
struct StoreTally: Sendable {
    /// Messages that were written, and those that were refused or repeated.
    var committed = 0
    var notCommitted = 0
    /// How many messages each transaction had, and how many seconds it took.
    var groupSizes = Histogram.sizes
    var commitSeconds = Histogram.seconds
    /// Times that another process woke the store.
    var wakeUps = 0
    /// Reads that were not done because who asked had gone.
    var readsAbandoned = 0
    /// How often what was read of the database.
    var reads = Reads()
    /// What was found in the log.
    var logEntries = 0
    /// Times that the log was pruned before it was read.
    var tornLogs = 0

    /// The last sign of life of the store's thread.
    private(set) var turnedAt = ContinuousClock.now

    /// The thread looks at what there is to do.
    mutating func turned(wasWoken: Bool) {
        turnedAt = .now
        if wasWoken { wakeUps += 1 }
    }

    /// A transaction was tried.
    mutating func wrote(_ written: Int, of count: Int, in duration: Duration) {
        committed += written
        notCommitted += count - written
        groupSizes.observe(Double(count))
        commitSeconds.observe(duration / .seconds(1))
    }

    /// Entries of the log were read.
    mutating func read(_ batch: ChangeBatch) {
        logEntries += batch.changes.count
        if batch.isTorn { tornLogs += 1 }
    }
}
