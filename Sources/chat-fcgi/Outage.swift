// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging
import Synchronization

/// Says in the log when the database begins to be busy, and when that is over: once for all threads, not once a request.
final class Outage: Sendable {
    /// What whoever asks after the health is told.
    static let sentence = "Nothing can be written: the database is locked or full."

    private let ongoing = Atomic(false)
    /// When somebody was last let see whether it is over, in seconds.
    private let lastLook = Atomic(0)
    private let log: Logger

    init(log: Logger = Logger(label: "chat-fcgi")) {
        self.log = log
    }

    /// Takes what a connection tells of its transactions.
    func note(isBusy: Bool) {
        guard ongoing.exchange(isBusy, ordering: .relaxed) != isBusy else { return }
        if isBusy {
            log.error("The database is busy: it is locked or full; requests are answered 503.")
        } else {
            log.notice("The database answers again.")
        }
    }

    /// Whether it goes on, as far as is known.
    var isNoted: Bool { ongoing.load(ordering: .relaxed) }

    /// Whether it goes on. It is over as soon as something is written, and where nobody writes who asks has to try it
    /// himself: but not more often than once a second, for anybody may ask.
    ///
    /// - Parameter tryWriting: writes something; what came of it is noted by the connection.
    func isOngoing(tryWriting: () throws -> Void) -> Bool {
        guard ongoing.load(ordering: .relaxed) else { return false }
        let second = time(nil)
        if lastLook.exchange(second, ordering: .relaxed) != second { try? tryWriting() }
        return ongoing.load(ordering: .relaxed)
    }
}
