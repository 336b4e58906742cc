// SPDX-License-Identifier: Apache-2.0

import ChatModels

/// The last messages of a hall without a hole: who comes back after a moment gets them without a read.
struct RecentMessages {
    static let countMax = 100
    static let bytesMax = 65_536

    private var deliveries: [Delivery] = []
    private var bytes = 0

    mutating func append(_ delivery: Delivery) {
        if let last = deliveries.last, delivery.rev != last.rev + 1 { self = RecentMessages() }
        deliveries.append(delivery)
        bytes += delivery.byteCount
        guard deliveries.count > Self.countMax || bytes > Self.bytesMax else { return }
        // Half of them at once, so that this is rare.
        for dropped in deliveries.prefix(deliveries.count / 2 + 1) { bytes -= dropped.byteCount }
        deliveries.removeFirst(deliveries.count / 2 + 1)
    }

    /// Takes the present state of a message, if it is one of them.
    mutating func replace(with delivery: Delivery) {
        guard let first = deliveries.first?.rev else { return }
        let index = Int(delivery.rev - first)
        guard deliveries.indices.contains(index) else { return }
        bytes += delivery.byteCount - deliveries[index].byteCount
        deliveries[index] = delivery
    }

    /// Takes older ones that were read, if they reach up to those that are there.
    mutating func prepend(_ older: [Delivery]) {
        guard let last = older.last, let first = older.first else { return }
        if let oldest = deliveries.first {
            guard first.rev < oldest.rev, last.rev + 1 >= oldest.rev else { return }
        }
        let current = deliveries
        let oldestRev = current.first?.rev ?? .max
        self = RecentMessages()
        for delivery in older where delivery.rev < oldestRev { append(delivery) }
        for delivery in current { append(delivery) }
    }

    /// The messages after a position; `nil` if not all of them are here.
    func since(_ rev: Int64) -> ArraySlice<Delivery>? {
        guard let first = deliveries.first?.rev, rev >= first - 1 else { return nil }
        return deliveries.drop { $0.rev <= rev }
    }
}

/// What somebody missed in a hall.
struct Missed: Equatable {
    /// The messages that were said, as JSON.
    let messages: [ArraySlice<UInt8>]
    /// The messages that were changed, as JSON; `nil` for who did not ask for them.
    let changed: [ArraySlice<UInt8>]?
    let byteCount: Int
    /// Whether that is all of it.
    let isComplete: Bool

    /// Something that has to be loaded.
    static let notHere = Missed([], isComplete: false)

    init(
        _ deliveries: ArraySlice<Delivery>, changed: ArraySlice<Delivery>? = nil,
        isComplete: Bool = true
    ) {
        messages = deliveries.map(\.json)
        self.changed = changed?.map(\.json)
        byteCount = [messages, self.changed ?? []].joined().reduce(0) { $0 + $1.count + 1 }
        self.isComplete = isComplete
    }
}

/// What was read for one who missed something: for all who missed no more.
struct ReadChanges {
    private let changes: MessagesSince
    private let deliveries: [Delivery]
    private let changed: [Delivery]?
    private let wholeMax: Int

    /// - Parameter wholeMax: how many messages make a whole answer at most.
    init(_ changes: MessagesSince, wholeMax: Int) {
        self.changes = changes
        self.wholeMax = wholeMax
        deliveries = changes.messages.map(Delivery.init)
        changed = changes.changed?.map(Delivery.init)
    }

    /// What was missed since a position that is not before the one that was asked for; `nil` if only another read tells.
    func since(_ position: HallPosition) -> Missed? {
        let since = position.rev
        if changes.isComplete || reaches(back: since) {
            let said = deliveries.drop { $0.rev <= since }
            guard let known = position.change else { return Missed(said) }
            if known == changes.change { return Missed(said, changed: []) }
            return changed.map { Missed(said, changed: $0.drop { $0.change <= known }) }
        }
        let isWhole = MessagesSince.areWhole(since: since, upTo: changes.rev, limit: wholeMax)
        return isWhole ? nil : newest
    }

    /// What is told to who asked, where it is not all: the newest page.
    var newest: Missed { Missed(deliveries[...], isComplete: false) }

    /// Whether the newest page, which was read because all was too much, is all for one who missed less.
    private func reaches(back since: Int64) -> Bool {
        guard let first = deliveries.first?.rev else { return false }
        let hasNoHole = Int64(deliveries.count) == changes.rev - first + 1
        return hasNoHole && first - 1...changes.rev ~= since
    }
}
