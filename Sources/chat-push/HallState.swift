// SPDX-License-Identifier: Apache-2.0

import ChatModels
import SocketIOServer

/// A hall as one event loop knows it, while somebody on that loop is in it. It is built from the database and kept right
/// by the log, so that joining and checking cost no read. Confined to its loop.
final class HallState {
    /// Somebody who wants to join.
    struct Joining {
        var userID: Int64
        var since: Int64?
        var reply: Reply
        /// Whether the same socket has left again since: it is answered, and does not join.
        var hasLeft = false
    }

    let id: Int64
    /// Name, state and position; `nil` until it was read.
    private(set) var hall: Hall?
    private(set) var members: [Int64: Role] = [:]
    /// The last messages, for who was away for a moment.
    private(set) var recent = RecentMessages()
    /// What was said and is not yet sent, and how many messages that are.
    private var unsent = EncodedPackets()
    private var unsentCount = 0
    /// Who waits until the hall was read.
    var waiting: [Joining] = []
    /// Who waits until what was missed was read: ticket -> who. The first of them asked; the others missed no more, so that
    /// a crowd that comes back together costs one read.
    var reading: [Int: [Joining]] = [:]

    init(id: Int64) {
        self.id = id
    }

    func open(_ snapshot: HallSnapshot) {
        hall = snapshot.hall
        members = snapshot.members
    }

    /// The hall as a member sees it.
    func hall(for role: Role) -> Hall? {
        var seen = hall
        seen?.role = role
        return seen
    }

    /// Takes a message; if it is new, it is for those who are in the hall.
    ///
    /// - Returns: whether it is the first that is to be sent.
    func add(_ delivery: Delivery) -> Bool {
        guard let rev = hall?.rev, delivery.rev > rev else { return false }
        hall?.rev = delivery.rev
        recent.append(delivery)
        unsent.append(delivery.event)
        unsentCount += 1
        return unsentCount == 1
    }

    /// What was said and is not yet sent, in one piece, and how many messages that are.
    func takeUnsent() -> (packets: EncodedPackets, count: Int) {
        defer { (unsent, unsentCount) = (EncodedPackets(), 0) }
        return (unsent, unsentCount)
    }

    /// A socket leaves before it is in.
    func leaveEarly(_ socket: Socket) {
        for index in waiting.indices where waiting[index].reply.socket === socket {
            waiting[index].hasLeft = true
        }
        for (ticket, readers) in reading {
            for index in readers.indices where readers[index].reply.socket === socket {
                reading[ticket]?[index].hasLeft = true
            }
        }
    }

    /// The ticket of a read under way that tells all that was missed since a position; `nil` if there is none.
    func ticket(covering since: Int64) -> Int? {
        reading.first { _, readers in readers.first?.since.map { $0 <= since } ?? false }?.key
    }

    func update(_ new: Hall) {
        guard let rev = hall?.rev else { return }
        hall = new
        // The position is counted by the messages that were delivered, not by what was read meanwhile.
        hall?.rev = rev
    }

    func join(_ userID: Int64, _ role: Role) { members[userID] = role }

    func leave(_ userID: Int64) { members[userID] = nil }

    func remember(_ changes: MessageChanges) {
        guard changes.isComplete, changes.rev == hall?.rev else { return }
        recent.prepend(changes.messages.map(Delivery.init))
    }
}
