// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON
import SocketIOServer

/// Who receives what is said where.
extension ChatApplication {
    /// `join_hall {hall_id, since_rev?}`: the socket becomes a receiver of the hall, from the position of the answer on.
    /// The answer carries what was missed: who asks for no acknowledgement gets it, too, as `hall_joined`.
    func joinHall(_ argument: JSONValue?, _ client: ChatClient, _ reply: Reply) throws {
        tally.joins += 1
        let hallID = try EventArguments.id("hall_id", of: argument)
        let joining = HallState.Joining(
            userID: client.user.id,
            since: try EventArguments.optionalInteger("since_rev", of: argument), reply: reply)
        if let seconds = client.connection.joins.take(settings.joins, now: now) {
            tally.joinsLimited += 1
            throw ChatError(.rateLimited, retryAfter: seconds)
        }
        if let hall = halls[hallID] {
            if hall.hall == nil { hall.waiting.append(joining) } else { join(hall, joining) }
        } else {
            let hall = HallState(id: hallID)
            hall.waiting.append(joining)
            halls[hallID] = hall
            request(.openHall(hallID))
        }
    }

    /// The hall was read: who waited for it joins.
    func hallOpened(_ hallID: Int64, _ result: Result<HallSnapshot?, ChatError>) {
        guard let hall = halls[hallID], hall.hall == nil else { return }
        // They go on waiting until all are answered: the hall must not be forgotten between two of them.
        switch result {
        case .success(let snapshot?):
            hall.open(snapshot)
            for joining in hall.waiting { join(hall, joining) }
        case .success(nil):
            for joining in hall.waiting { joining.reply.fail(ChatError(.notFound)) }
        case .failure(let error):
            for joining in hall.waiting { joining.reply.fail(error) }
        }
        hall.waiting = []
        forgetIfEmpty(hall)
    }

    /// - Parameter mayShare: whether what is being read for others will do.
    private func join(_ hall: HallState, _ joining: HallState.Joining, mayShare: Bool = true) {
        guard joining.reply.socket.isConnected else { return }
        guard let role = hall.members[joining.userID], let seen = hall.hall(for: role) else {
            let isHidden = hall.hall?.isPrivate ?? true
            return joining.reply.fail(ChatError(isHidden ? .notFound : .notAMember))
        }
        guard let since = joining.since else { return answer(joining, seen) }
        if since == seen.rev {
            answer(joining, seen, messages: [], isComplete: true)
        } else if let messages = hall.recent.since(since), since < seen.rev {
            answer(joining, seen, messages: messages, isComplete: true)
        } else if mayShare, let ticket = hall.ticket(covering: since) {
            hall.reading[ticket]?.append(joining)
        } else {
            lastTicket += 1
            hall.reading[lastTicket] = [joining]
            request(
                .readChanges(
                    hallID: hall.id, userID: joining.userID, since: since, ticket: lastTicket))
        }
    }

    /// What somebody missed was read. It is of the very position at which the socket begins to receive.
    func changesRead(
        _ hallID: Int64, _ result: Result<MessageChanges, ChatError>, _ ticket: Int
    ) {
        // A hall that is known only since the log was torn knows nothing of older tickets; who had them is closed.
        guard let hall = halls[hallID], let readers = hall.reading.removeValue(forKey: ticket),
            let joining = readers.first
        else { return }
        switch result {
        case .failure(let error): joining.reply.fail(error)
        case .success(let changes):
            hall.remember(changes)
            guard let role = hall.members[joining.userID], let seen = hall.hall(for: role) else {
                joining.reply.fail(ChatError(.notAMember))
                break
            }
            answer(
                joining, seen, messages: changes.messages.map { Delivery($0).json },
                isComplete: changes.isComplete)
        }
        // The others find it among the last messages now. Whoever does not has a read of its own: a second one in common
        // could leave all but one waiting again.
        for joining in readers.dropFirst() { join(hall, joining, mayShare: false) }
        forgetIfEmpty(hall)
    }

    private func answer(
        _ joining: HallState.Joining, _ hall: Hall, messages: [ArraySlice<UInt8>]? = nil,
        isComplete: Bool = true
    ) {
        let reply = joining.reply
        guard let client = reply.socket.context as? ChatClient else { return }
        if !joining.hasLeft { loop.join(RoomID(hall.id), reply.socket) }
        var (messages, isComplete) = (messages, isComplete)
        let bytes = messages?.reduce(0) { $0 + $1.count + 1 } ?? 0
        // More at once than may wait for a slow reader would close the client, again and again: it is told to load.
        if bytes > 0,
            client.connection.catchUps.take(settings.catchUps, count: bytes, now: now) != nil
        {
            (messages, isComplete) = ([], false)
        }
        if messages != nil {
            if isComplete { tally.catchUpsWhole += 1 } else { tally.catchUpsPartial += 1 }
        }
        reply.succeed(orEmit: "hall_joined", capacity: 256 + (isComplete ? bytes : 0)) { json in
            json.raw(",\"hall\":")
            hall.write(to: &json)
            json.raw(",\"rev\":")
            json.integer(hall.rev)
            guard let messages else { return }
            json.raw(",\"messages\":[")
            for (index, message) in messages.enumerated() {
                if index > 0 { json.raw(",") }
                json.raw(message)
            }
            json.raw("],\"complete\":")
            json.bool(isComplete)
        }
    }

    /// `leave_hall {hall_id}`: the socket is no longer a receiver; the membership stays.
    func leaveHall(_ argument: JSONValue?, _ reply: Reply) throws {
        tally.leaves += 1
        let hallID = try EventArguments.id("hall_id", of: argument)
        loop.leave(RoomID(hallID), reply.socket)
        if let hall = halls[hallID] {
            hall.leaveEarly(reply.socket)
            forgetIfEmpty(hall)
        }
        reply.succeed()
    }

    /// A hall has another name or state.
    func hallUpdated(_ snapshot: HallSnapshot, _ change: Change.HallChange) {
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
        guard halls[hall.id] === hall, hall.waiting.isEmpty, hall.reading.isEmpty,
            loop.count(in: RoomID(hall.id)) == 0
        else { return }
        halls[hall.id] = nil
    }
}
