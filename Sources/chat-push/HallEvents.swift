// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON
import SocketIOServer

/// Who receives what is said where.
extension ChatApplication {
    /// `join_hall {hall_id, since_rev?, since_change?}`
    func wishToJoin(_ call: EventCall) throws -> (hallID: Int64, since: HallPosition?) {
        (
            try EventArguments.id("hall_id", of: call.argument), try Self.position(call.argument)
        )
    }

    /// The socket becomes a receiver of the hall, from the position of the answer on. The answer carries what was missed:
    /// who asks for no acknowledgement gets it, too, as `hall_joined`.
    func joinHall(_ wish: (hallID: Int64, since: HallPosition?), _ call: EventCall) {
        let hallID = wish.hallID
        let joining = HallState.Joining(
            userID: call.client.userID, since: wish.since, reply: call.reply)
        if let hall = halls[hallID] {
            if hall.hall == nil { hall.waiting.append(joining) } else { join(hall, joining) }
        } else {
            let hall = HallState(id: hallID)
            hall.waiting.append(joining)
            halls[hallID] = hall
            request(.openHall(hallID, for: joining.reader))
        }
    }

    /// How far somebody who joins knows the hall already; `nil` for who does not say so.
    private static func position(_ argument: JSONValue?) throws -> HallPosition? {
        let rev = try EventArguments.optionalInteger("since_rev", of: argument)
        let change = try EventArguments.optionalInteger("since_change", of: argument)
        guard let rev else {
            guard change == nil else {
                throw ChatError(.invalidRequest, "since_change stands beside since_rev.")
            }
            return nil
        }
        return HallPosition(rev: rev, change: change)
    }

    /// The hall was read: who waited for it joins.
    func hallOpened(_ hallID: Int64, _ result: Result<HallSnapshot?, ChatError>) {
        guard let hall = halls[hallID], hall.hall == nil else { return }
        // They go on waiting until all are answered: the hall must not be forgotten between two of them.
        switch result {
        case .success(let snapshot?):
            hall.open(snapshot)
            join(hall, hall.waiting)
        case .success(nil):
            for joining in hall.waiting { joining.reply.fail(ChatError(.notFound)) }
        case .failure(let error):
            for joining in hall.waiting { joining.reply.fail(error) }
        }
        hall.waiting = []
        forgetIfEmpty(hall)
    }

    /// Who missed most comes first: what is read for it is for the others, too.
    private func join(_ hall: HallState, _ crowd: [HallState.Joining]) {
        for joining in crowd.sorted(by: { HallPosition.isEarlier($0.since, $1.since) }) {
            join(hall, joining)
        }
    }

    private func join(_ hall: HallState, _ joining: HallState.Joining) {
        guard joining.reply.socket.isConnected, let seen = look(at: hall, joining) else { return }
        guard let since = joining.since else { return answer(joining, seen) }
        // Who does not ask for changes has missed none, and is told of none.
        let change = since.change ?? seen.change
        let unchanged: ArraySlice<Delivery>? = since.change.map { _ in [] }
        if since.rev > seen.rev || change > seen.change {
            // No read tells what comes after a position that is not there: it is told to load.
            answer(joining, seen, Missed.notHere)
        } else if (since.rev, change) == (seen.rev, seen.change) {
            answer(joining, seen, Missed([], changed: unchanged))
        } else if change == seen.change, let said = hall.recent.since(since.rev) {
            answer(joining, seen, Missed(said, changed: unchanged))
        } else if !hall.waitForRead(joining, since: since) {
            lastTicket += 1
            hall.beginRead(lastTicket, for: joining)
            request(
                .readChanges(
                    hallID: hall.id, since: since, ticket: lastTicket, for: joining.reader))
        }
    }

    /// Who asked for a hall has gone before it was read.
    func hallAbandoned(_ hallID: Int64) {
        guard let hall = halls[hallID], hall.hall == nil else { return }
        hall.waiting.removeAll { !$0.reply.socket.isConnected }
        if let next = hall.waiting.first { request(.openHall(hallID, for: next.reader)) }
        forgetIfEmpty(hall)
    }

    /// Who asked for what was missed has gone before it was read.
    func changesAbandoned(_ hallID: Int64, _ ticket: Int) {
        guard let hall = halls[hallID], let readers = hall.readers(of: ticket) else { return }
        hall.endRead(ticket)
        join(hall, readers)
        forgetIfEmpty(hall)
    }

    /// The hall as who joins it sees it; `nil` if that is none of its members, which it is told.
    private func look(at hall: HallState, _ joining: HallState.Joining) -> Hall? {
        if let role = hall.members[joining.userID], let seen = hall.hall(for: role) { return seen }
        let isHidden = hall.hall?.isPrivate ?? true
        joining.reply.fail(ChatError(isHidden ? .notFound : .notAMember))
        return nil
    }

    /// What somebody missed was read. It is of the very position at which the socket begins to receive.
    func changesRead(
        _ hallID: Int64, _ result: Result<MessagesSince, ChatError>, _ ticket: Int
    ) {
        // A hall that is known only since the log was torn knows nothing of older tickets; who had them is closed.
        guard let hall = halls[hallID], let readers = hall.readers(of: ticket) else { return }
        // Those whom this read does not help. Whoever asked is never among them.
        var others: [HallState.Joining] = []
        // They go on waiting until all are answered: what is too much for one closes it, and the hall must not be forgotten.
        switch result {
        case .success(let changes):
            hall.remember(changes)
            let read = ReadChanges(changes, wholeMax: settings.limits.pageSizeMax)
            for (index, joining) in readers.enumerated() where joining.reply.socket.isConnected {
                guard let seen = look(at: hall, joining) else { continue }
                // Another read would tell who asked no more.
                if let missed = joining.since.flatMap(read.since)
                    ?? (index == 0 ? read.newest : nil)
                {
                    answer(joining, seen, missed)
                } else {
                    others.append(joining)
                }
            }
        case .failure(let error) where error.code == .notFound || error.code == .notAMember:
            readers.first?.reply.fail(error)
            others = Array(readers.dropFirst())
        case .failure(let error):
            for joining in readers { joining.reply.fail(error) }
        }
        hall.endRead(ticket)
        join(hall, others)
        forgetIfEmpty(hall)
    }

    private func answer(_ joining: HallState.Joining, _ hall: Hall, _ missed: Missed? = nil) {
        let reply = joining.reply
        guard let client = reply.socket.context as? ChatClient else { return }
        if !joining.hasLeft { loop.join(RoomID(hall.id), reply.socket) }
        var missed = missed
        // More at once than may wait for a slow reader would close the client, again and again: it is told to load.
        if let bytes = missed?.byteCount, bytes > 0,
            client.connection.catchUps.take(settings.catchUps, count: bytes, now: now) != nil
        {
            missed = Missed.notHere
        }
        if let missed {
            if missed.isComplete {
                tally.count(.catchUpsWhole)
            } else {
                tally.count(.catchUpsPartial)
            }
        }
        reply.succeed(orEmit: "hall_joined", capacity: 256 + (missed?.byteCount ?? 0)) { json in
            json.raw(",\"hall\":")
            hall.write(to: &json)
            json.raw(",\"rev\":")
            json.integer(hall.rev)
            json.raw(",\"change\":")
            json.integer(hall.change)
            guard let missed else { return }
            json.raw(",\"messages\":")
            json.array(missed.messages) { $1.raw($0) }
            if let changed = missed.changed {
                json.raw(",\"changed\":")
                json.array(changed) { $1.raw($0) }
            }
            json.raw(",\"complete\":")
            json.bool(missed.isComplete)
        }
    }

    /// `leave_hall {hall_id}`
    func hallToLeave(_ call: EventCall) throws -> Int64 {
        try EventArguments.id("hall_id", of: call.argument)
    }

    /// The socket is no longer a receiver; the membership stays.
    func leaveHall(_ hallID: Int64, _ call: EventCall) {
        loop.leave(RoomID(hallID), call.reply.socket)
        if let hall = halls[hallID] {
            hall.leaveEarly(call.reply.socket)
            forgetIfEmpty(hall)
        }
        call.reply.succeed()
    }

    /// A hall has another name or state.
    func hallUpdated(_ snapshot: HallSnapshot, _ change: HallChange) {
        let hall = snapshot.hall
        halls[hall.id]?.update(hall)
        // Also who has not joined it with a socket sees it in the list of halls.
        for userID in snapshot.members.keys { tell(online[userID], hall.id, change.rawValue) }
    }

    /// Tells clients that their list of halls is another.
    func tell(_ sockets: [Socket], _ hallID: Int64, _ change: String) {
        for socket in sockets {
            socket.emit(
                "halls_changed", [["hall_id": .integer(hallID), "change": .string(change)]])
        }
    }

    /// A hall without receivers on this loop need not be known.
    func forgetIfEmpty(_ hall: HallState) {
        guard halls[hall.id] === hall, hall.waiting.isEmpty, !hall.isBeingRead,
            loop.count(in: RoomID(hall.id)) == 0
        else { return }
        halls[hall.id] = nil
    }
}
