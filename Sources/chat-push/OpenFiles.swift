// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging

/// How many connections the system lets the process have.
enum OpenFiles {
    /// How many files and sockets may be open at once.
    static var limit: Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return 0
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// Raises the limit as far as the system allows, and says how far that is.
    static func raise(_ logger: Logger) {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return
        }
        limit.rlim_cur = limit.rlim_max
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        logger.info("open files", metadata: ["limit": "\(Self.limit)"])
    }
}
