// SPDX-License-Identifier: Apache-2.0

import ChatModels
import Glibc
import SocketIOServer
import Synchronization

/// Where the store stands in the log, and what it has to tell the event loops. Confined to the store's thread.
struct LogFollower {
    /// All entries up to here were told.
    private(set) var position: LogPosition
    private var inboxes: [Inbox]
    /// How often something was told by which texts went: a message was changed, a hall deleted.
    private(set) var erasures = 0
    /// The versions of users that were told last: what is read of one may be newer than the entry that says so, and then the
    /// entries that follow tell nothing new.
    private var versions: [Int64: Int64] = [:]
    /// So many are remembered; whoever is forgotten may be told of twice.
    private static let versionsMax = 4_096

    init(at position: LogPosition, loops: [ServerLoop]) {
        self.position = position
        inboxes = loops.map(Inbox.init)
    }

    /// Takes what this process wrote itself, if its entries follow directly on what was told.
    ///
    /// - Parameter written: each with its entry, where the engine says which that is.
    /// - Returns: whether they did; if not, the log has to be read.
    mutating func take(own written: [(entry: LogPosition?, event: StoreEvent)]) -> Bool {
        var last = position
        for (entry, _) in written {
            // What is said at the same time shares an entry.
            guard let entry, entry.follows(last) || entry == last && last != position else {
                return false
            }
            last = entry
        }
        for (_, event) in written { tellAll(event) }
        position = last
        return true
    }

    /// Takes entries that were read.
    ///
    /// - Parameters:
    ///   - hall: reads a hall that has changed. If it throws, nothing was taken.
    ///   - user: reads a user who has changed. If it throws, nothing was taken.
    mutating func take(
        _ batch: LogBatch, hall: (Int64) throws -> HallSnapshot?,
        user: (Int64) throws -> UserSnapshot?
    ) rethrows {
        var halls: [Int64: HallSnapshot] = [:]
        var users: [Int64: UserSnapshot] = [:]
        for event in batch.events {
            switch event {
            case .hallChanged(let id, _): if halls[id] == nil { halls[id] = try hall(id) }
            case .userChanged(let id, _): if users[id] == nil { users[id] = try user(id) }
            default: break
            }
        }
        if batch.isTorn { tellAll(.torn) }
        for event in batch.events {
            switch event {
            case .hallChanged(let id, let kind):
                if kind == .deleted { erasures += 1 }
                if let hall = halls[id] { tellAll(.hallUpdated(hall, kind)) }
            case .userChanged(let id, let isRenamed):
                if let user = users[id], let update = delivery(of: user, isRenamed: isRenamed) {
                    tellAll(.userUpdated(update))
                }
            default: tellAll(event)
            }
        }
        position = batch.end
    }

    /// What an entry that says that a user has changed has to tell, if anything.
    mutating func delivery(of user: UserSnapshot, isRenamed: Bool) -> UserDelivery? {
        let isNew = versions[user.user.id].map { $0 < user.user.version } ?? true
        guard isNew || isRenamed else { return nil }
        if versions.count >= Self.versionsMax { versions = [:] }
        versions[user.user.id] = user.user.version
        return UserDelivery(user, isRenamed: isRenamed, isNew: isNew)
    }

    /// Tells one loop the answer to a job.
    mutating func tell(_ loop: Int, _ event: StoreEvent) {
        inboxes[loop].append(event)
    }

    /// Hands over what is to be told, to each loop in one piece.
    mutating func deliver() {
        for index in inboxes.indices { inboxes[index].deliver() }
    }

    private mutating func tellAll(_ event: LogEvent) {
        switch event {
        case .messageCreated(let message): tellAll(.message(Delivery(message)))
        case .messageChanged(let message, let change):
            tellAll(.messageChanged(ChangeDelivery(message: Delivery(message), change: change)))
        case .read(let mark): tellAll(.read(mark, by: nil))
        default: tellAll(.changed(event))
        }
    }

    private mutating func tellAll(_ event: StoreEvent) {
        if case .messageChanged = event { erasures += 1 }
        for index in inboxes.indices { inboxes[index].append(event) }
    }
}

/// What one loop is told next, in order.
private struct Inbox {
    /// So many bytes are handed over at once at most.
    private static let bytesMax = 1 << 20

    private let loop: ServerLoop
    private let backlog = Backlog()
    private var events: [StoreEvent] = []
    private var bytes = 0

    init(_ loop: ServerLoop) {
        self.loop = loop
    }

    mutating func append(_ event: StoreEvent) {
        events.append(event)
        bytes += event.weight
        if bytes > Self.bytesMax { deliver() }
    }

    mutating func deliver() {
        guard !events.isEmpty else { return }
        backlog.add(bytes)
        loop.execute { [events, bytes, backlog, loop] in
            backlog.remove(bytes)
            (loop.application as? ChatApplication)?.take(events)
        }
        events = []
        bytes = 0
        backlog.waitForRoom()
    }
}

/// Counts what was handed to a loop and not yet taken. A loop that has more to write than it can holds up the store, and so
/// those who send: nothing grows without bound.
private final class Backlog: Sendable {
    private static let bytesMax = 32 << 20

    private let bytes = Atomic(0)

    func add(_ count: Int) { bytes.add(count, ordering: .relaxed) }

    func remove(_ count: Int) { bytes.subtract(count, ordering: .relaxed) }

    func waitForRoom() {
        while bytes.load(ordering: .relaxed) > Self.bytesMax { usleep(1_000) }
    }
}
