// SPDX-License-Identifier: Apache-2.0

public import SocketIO
import Synchronization

/// Why somebody was not let in. The raw value is the name in metrics.
public enum Refusal: String, Sendable, CaseIterable {
    /// As many sessions as there may be at once.
    case full
    /// As many sessions from this address as there may be at once.
    case addressFull = "address_full"
    /// Too many new sessions in this second.
    case tooFast = "too_fast"
    /// More connections than the sessions that there may be can need.
    case connections
    /// A page of another site.
    case origin
    /// Somebody who said who a client is, or where it comes from, and is not our front end.
    case frontEnd = "front_end"
}

/// What clients make the server keep, in bytes, and how often somebody was closed or refused because it was too much for
/// all, or for one address.
public struct BytesHeld: Sendable {
    /// Messages, bodies and packets that are not whole.
    public var unfinished: Int
    /// What waits for clients that read slowly.
    public var backlog: Int
    /// How often there would have been too much that is not whole.
    public var unfinishedRefusals: Int
    /// How often too much would have waited.
    public var backlogRefusals: Int
}

/// What happened so far, in numbers. For what happens once in the life of a connection or less: a lock costs nothing there.
public final class Counters: Sendable {
    /// Something that is counted.
    public enum Event: Hashable, Sendable {
        /// A session began.
        case sessionOpened
        /// A session ended.
        case sessionClosed(DisconnectReason)
        /// Somebody was not let in.
        case refused(Refusal)
        /// A request was not whole in time.
        case requestTimedOut
        /// A body was larger than announced.
        case requestTooLarge
        /// A session was closed because it sent too many packets, or too much.
        case flooded
    }

    private let counts = Mutex<[Event: Int]>([:])

    /// Makes counters that stand at zero.
    public init() {}

    /// Counts something.
    public func count(_ event: Event) {
        counts.withLock { $0[event, default: 0] += 1 }
    }

    /// All that was counted.
    public var all: [Event: Int] { counts.withLock { $0 } }
}
