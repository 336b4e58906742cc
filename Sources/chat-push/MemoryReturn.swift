// SPDX-License-Identifier: Apache-2.0

import CLinux
import Foundation
import SocketIOServer

/// Gives memory back to the system when a crowd has gone. The allocator keeps the pages of whoever was once there, for
/// those who may come; the system may have better use for them.
enum MemoryReturn {
    /// Says when it is time: much is free, and nobody has used it for a while.
    struct Ebb {
        /// Less than so many bytes are not worth it: they are soon taken again.
        static let worth = 1 << 20
        /// How many looks in a row have to find it free.
        static let looks = 3

        /// Of what is free, what the system has already.
        private var returned = 0
        private var least = Int.max
        private var count = 0

        /// - Parameter free: so many bytes the allocator has now and nobody uses, also those that the system has.
        mutating func isOver(_ free: Int) -> Bool {
            returned = min(returned, free)
            least = min(least, free)
            count += 1
            guard count >= Self.looks else { return false }
            defer { (least, count) = (.max, 0) }
            guard least - returned >= Self.worth else { return false }
            returned = free
            return true
        }
    }

    /// Looks every few seconds, as long as the process lives, on a thread that nobody waits for.
    static func begin(for server: SocketIOServer, _ store: ChatStore) {
        let thread = Thread {
            var (ebb, rests) = (Ebb(), 0)
            while true {
                Thread.sleep(forTimeInterval: 3)
                // How much is free does not tell what of it was used in turn since some was given back: a rest is the time
                // for that, too.
                let hasRested = store.longRestCount > rests
                rests = store.longRestCount
                // This and the last hold up who allocates meanwhile: for a moment, and for some milliseconds.
                guard ebb.isOver(Int(clamping: mallinfo2().fordblks)) || hasRested else { continue }
                server.onEachThread { halls_gather_free_memory() }
                malloc_trim(0)
            }
        }
        thread.name = "memory"
        thread.start()
    }
}
