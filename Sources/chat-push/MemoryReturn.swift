// SPDX-License-Identifier: Apache-2.0

import CLinux
import Foundation

/// Gives memory back to the system when a crowd has gone. The allocator keeps the pages of whoever was once there, for
/// those who may come; the system may have better use for them.
enum MemoryReturn {
    /// Says when it is time: a crowd was there, and most of it has gone.
    struct Ebb {
        /// Less than this is no crowd: what it took is soon taken again.
        static let crowd = 1_000

        private var most = 0

        /// So many are there now.
        mutating func isOver(_ count: Int) -> Bool {
            most = max(most, count)
            guard most >= Self.crowd, count < most / 2 else { return false }
            most = count
            return true
        }
    }

    /// Looks every few seconds, as long as the process lives, on a thread that nobody waits for.
    ///
    /// - Parameter count: how many are there.
    static func begin(_ count: @escaping @Sendable () -> Int) {
        let thread = Thread {
            var ebb = Ebb()
            while true {
                Thread.sleep(forTimeInterval: 2)
                guard ebb.isOver(count()) else { continue }
                // Their connections are closed a moment after their goodbyes.
                Thread.sleep(forTimeInterval: 3)
                // This holds up who allocates meanwhile, for some milliseconds.
                malloc_trim(0)
            }
        }
        thread.name = "memory"
        thread.start()
    }
}
