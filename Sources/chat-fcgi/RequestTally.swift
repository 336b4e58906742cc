// SPDX-License-Identifier: Apache-2.0

import Figures
import Synchronization

/// What one thread has answered, in numbers. Each has its own, so that who counts waits for nobody but who asks.
final class RequestTally: Sendable {
    /// Answers of one kind.
    struct Kind: Hashable, Comparable, Sendable {
        /// As ``Route/name``.
        var route: String
        var status: Int

        static func < (one: Kind, other: Kind) -> Bool {
            (one.route, one.status) < (other.route, other.status)
        }
    }

    /// What was counted since the start.
    struct Counts: Sendable {
        var answers: [Kind: Int] = [:]
        var seconds = Histogram.seconds
    }

    /// What a request is called that no route is for: a few words of ours, whatever strangers ask for.
    static let noRoute = "none"

    private let state = Mutex(Counts())
    private let busy = Atomic(false)

    /// What was counted so far.
    var counts: Counts { state.withLock { $0 } }

    /// Whether the thread is at a request just now, from its first byte to its answer's last.
    var isBusy: Bool { busy.load(ordering: .relaxed) }

    /// Notes that the thread begins with a request, or has done with it.
    func note(isBusy: Bool) { busy.store(isBusy, ordering: .relaxed) }

    /// Counts an answer.
    func count(_ route: String?, _ status: HTTPResponse.Status, took: Duration) {
        let kind = Kind(route: route ?? Self.noRoute, status: status.rawValue)
        state.withLock { counts in
            counts.answers[kind, default: 0] += 1
            counts.seconds.observe(took / .seconds(1))
        }
    }
}
