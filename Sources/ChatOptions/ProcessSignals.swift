// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The signals that end a daemon. They are blocked in every thread and waited for in one: nothing is ever interrupted.
public enum ProcessSignals {
    private static let ending: [Int32] = [SIGTERM, SIGINT, SIGHUP]

    /// Call this before the first thread is started: threads inherit it. Writing to who is gone, or more than a file may
    /// hold (`RLIMIT_FSIZE`), is an error, not a death.
    public static func block() {
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        var set = Self.set
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Waits until the process is told to end.
    ///
    /// - Returns: the signal's number.
    public static func wait() -> Int32 {
        var set = Self.set
        var number: Int32 = 0
        while unsafe sigwait(&set, &number) != 0 {}
        return number
    }

    private static var set: sigset_t {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in ending { unsafe sigaddset(&set, number) }
        return set
    }
}
