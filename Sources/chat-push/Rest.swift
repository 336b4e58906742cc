// SPDX-License-Identifier: Apache-2.0

/// When there was nothing to do for so long that what is kept for speed alone can go. Confined to the store's thread.
struct Rest {
    /// A crowd that lost its network is back before.
    static let length = Duration.seconds(20)

    private var began: ContinuousClock.Instant?
    private var isOver = false

    /// Looks whether it is time: once for each rest.
    ///
    /// - Parameter isQuiet: whether nothing was done since it was last looked.
    mutating func isLong(isQuiet: Bool, now: ContinuousClock.Instant) -> Bool {
        guard isQuiet, let began else {
            (began, isOver) = (now, false)
            return false
        }
        guard !isOver, began.duration(to: now) >= Self.length else { return false }
        isOver = true
        return true
    }
}
