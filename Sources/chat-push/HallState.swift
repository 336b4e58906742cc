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

        /// Who has to be there for a read to be worth while.
        var reader: Reader { Reader(userID: userID, socket: reply.socket) }
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
    /// Who waits until what was missed was read. The first of them asked; the others missed no more, so that a crowd that
    /// comes back together costs one read. Each read reaches further back than those that were asked for before it.
    private var reading: [(ticket: Int, readers: [Joining])] = []

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
        for place in reading.indices {
            for index in reading[place].readers.indices
            where reading[place].readers[index].reply.socket === socket {
                reading[place].readers[index].hasLeft = true
            }
        }
    }

    // MARK: Reads under way

    var isBeingRead: Bool { !reading.isEmpty }

    /// Lets somebody wait for a read under way that tells all that was missed since a position.
    ///
    /// - Returns: whether there is one.
    func waitForRead(_ joining: Joining, since: Int64) -> Bool {
        // Of those that there are, the last reaches back furthest.
        guard let oldest = reading.last?.readers.first?.since, oldest <= since else { return false }
        reading[reading.count - 1].readers.append(joining)
        return true
    }

    /// Somebody waits for a read that is asked for now.
    func beginRead(_ ticket: Int, for joining: Joining) { reading.append((ticket, [joining])) }

    /// Who waits for a read; `nil` if it is none of ours.
    func readers(of ticket: Int) -> [Joining]? { reading.first { $0.ticket == ticket }?.readers }

    /// A read is over.
    func endRead(_ ticket: Int) { reading.removeAll { $0.ticket == ticket } }

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
