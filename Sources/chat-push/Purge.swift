// SPDX-License-Identifier: Apache-2.0

import ChatModels

/// When texts that were deleted or edited are brought out of the database's files: some time after they were, since many
/// at once cost no more than one. Confined to the store's thread.
struct Purge {
    /// How long what was deleted may still be in the files.
    private static let delay = Duration.seconds(30)
    /// How long it waits when others are in the way.
    private static let pause = Duration.seconds(5)

    // The daemon before may have ended before its own.
    private var dueAt: ContinuousClock.Instant? = .now + delay

    /// How many there had been when it was last looked.
    private var erasuresSeen = 0

    /// Does it if it is time.
    ///
    /// - Parameter erasures: how often messages were deleted or edited, or halls deleted, so far.
    mutating func runIfDue(_ database: any ChatStorage, erasures: Int) throws {
        if erasures > erasuresSeen {
            erasuresSeen = erasures
            if dueAt == nil { dueAt = .now + Self.delay }
        }
        guard let dueAt, dueAt <= .now else { return }
        self.dueAt = .now + Self.pause
        if try database.purgeDeleted() { self.dueAt = nil }
    }
}
