// SPDX-License-Identifier: Apache-2.0

/// Holds what a client makes the server do to so much a second, and twice as much at once: a bucket of tokens in one
/// number, the moment at which all that was done will be paid.
struct WorkMeter {
    /// Nanoseconds of work that may be done ahead.
    private static let ahead: Int64 = 2_000_000_000

    private var paidAt: Int64 = 0

    /// Takes on work, unless it is too much.
    ///
    /// - Parameters:
    ///   - perSecond: how much may be done in the long run.
    ///   - now: nanoseconds of a clock that only goes forward.
    mutating func take(_ work: Int, perSecond: Int, now: Int64) -> Bool {
        let paid = max(paidAt, now) + Int64(work) * 1_000_000_000 / Int64(perSecond)
        guard paid - now <= Self.ahead else { return false }
        paidAt = paid
        return true
    }
}
