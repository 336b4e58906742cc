// SPDX-License-Identifier: Apache-2.0

import Figures
import Glibc
import Logging

/// How many connections the system lets the process have.
enum OpenFiles {
    /// Raises the limit as far as the system allows, and says how far that is.
    static func raise(_ logger: Logger) {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return
        }
        limit.rlim_cur = limit.rlim_max
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        logger.info("open files", metadata: ["limit": "\(ProcessFigures.openFilesMax)"])
    }
}
