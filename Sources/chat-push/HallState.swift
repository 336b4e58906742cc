// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON
import SocketIOServer

/// A hall as one event loop knows it, while somebody on that loop is in it. It is built from the database and kept right
/// by the log, so that joining and checking cost no read. Confined to its loop.
final class HallState {
    /// Somebody who wants to join.
    struct Joining {
        var userID: Int64
        var since: HallPosition?
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
    /// The messages that were changed and are not yet told of, in the order of the changes; the same may be there twice.
    private var unsentChanges: [ChangeDelivery] = []
    /// The change up to which the sockets were told.
    private var toldChange: Int64 = 0
    /// Whether changes wait for a moment, because some were told just now.
    var isPacingChanges = false
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
        toldChange = snapshot.hall.change
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

    /// Forgets the last messages: they say something that is no longer so. Who was away has the database asked.
    func forgetRecent() { recent = RecentMessages() }

    /// What was said and is not yet sent, in one piece, and how many messages that are.
    func takeUnsent() -> (packets: EncodedPackets, count: Int) {
        defer { (unsent, unsentCount) = (EncodedPackets(), 0) }
        return (unsent, unsentCount)
    }

    /// Takes the change of a message; if it is new, it is for those who are in the hall.
    ///
    /// - Returns: whether it is.
    func add(_ update: ChangeDelivery) -> Bool {
        guard let change = hall?.change, update.change > change else { return false }
        hall?.change = update.change
        recent.replace(with: update.message)
        unsentChanges.append(update)
        return true
    }

    /// The events that tell of changes that are not yet told of, each message once, and how many they are. They follow on
    /// each other: who has heard the last has heard all.
    func takeUnsentChanges() -> (packets: EncodedPackets, count: Int) {
        var seen: Set<Int64> = []
        let latest = unsentChanges.reversed().filter { seen.insert($0.message.messageID).inserted }
        unsentChanges = []
        var packets = EncodedPackets()
        for update in latest.reversed() {
            packets.append(update.event(after: toldChange))
            toldChange = update.change
        }
        return (packets, latest.count)
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
    func waitForRead(_ joining: Joining, since position: HallPosition) -> Bool {
        // Of those that there are, the last reaches back furthest.
        guard let oldest = reading.last?.readers.first?.since, oldest.reaches(back: position) else {
            return false
        }
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
        guard let (rev, change) = hall.map({ ($0.rev, $0.change) }) else { return }
        hall = new
        // The position is counted by what was delivered, not by what was read meanwhile.
        hall?.rev = rev
        hall?.change = change
    }

    func join(_ userID: Int64, _ role: Role) { members[userID] = role }

    func leave(_ userID: Int64) { members[userID] = nil }

    func remember(_ changes: MessagesSince) {
        guard changes.isComplete, changes.rev == hall?.rev, changes.change == hall?.change else {
            return
        }
        recent.prepend(changes.messages.map(Delivery.init))
    }
}

extension HallPosition {
    /// Whether what happened since this position has all that happened since another.
    fileprivate func reaches(back other: HallPosition) -> Bool {
        guard rev <= other.rev else { return false }
        guard let change = other.change else { return true }
        return self.change.map { $0 <= change } ?? false
    }

    /// Who missed most comes first.
    static func isEarlier(_ one: HallPosition?, _ other: HallPosition?) -> Bool {
        (one?.rev ?? .max, one?.change ?? .max) < (other?.rev ?? .max, other?.change ?? .max)
    }
}

extension ChangeDelivery {
    /// The `message_changed` event for those who know the hall's changes up to one.
    func event(after known: Int64) -> EncodedPackets {
        EncodedPackets(event: "message_changed", capacity: message.byteCount + 64) { json in
            json.raw("{\"message\":")
            message.write(to: &json)
            json.raw(",\"change\":")
            json.integer(change)
            json.raw(",\"after\":")
            json.integer(known)
            json.raw("}")
        }
    }
}
