// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization

/// Says in the log when the database begins to be busy, and when that is over: once for all threads, not once a request.
final class Outage: Sendable {
    private let isOngoing = Atomic(false)
    private let log: Logger

    init(log: Logger) {
        self.log = log
    }

    /// Takes what a connection tells of its transactions.
    func note(isBusy: Bool) {
        guard isOngoing.exchange(isBusy, ordering: .relaxed) != isBusy else { return }
        if isBusy {
            log.error("The database is busy: it is locked or full; requests are answered 503.")
        } else {
            log.notice("The database answers again.")
        }
    }
}
