// SPDX-License-Identifier: Apache-2.0

import ChatTesting

@testable import ChatModels

/// Halls and members, as ``ModelStorage`` has them.
extension ModelStorage {
    private func sorted(_ halls: [Hall]) -> [Hall] {
        halls.sorted { (Names.key($0.name), $0.id) < (Names.key($1.name), $1.id) }
    }

    func halls(of userID: Int64) throws -> [Hall] {
        sorted(
            state.halls.indices.compactMap { index in
                state.halls[index].places[userID].map {
                    value(Int64(index + 1), role: $0.role, read: $0.read)
                }
            })
    }

    func hallsOpen(to userID: Int64) throws -> [Hall] {
        let open = state.halls.indices.filter {
            state.halls[$0].isOpen && state.halls[$0].places[userID] == nil
                && state.halls[$0].bans[userID] == nil
        }
        let halls = sorted(open.map { value(Int64($0 + 1), role: nil) })
        return Array(halls.prefix(limits.hallsPerUserMax))
    }

    func hall(_ hallID: Int64, as userID: Int64) throws -> Hall {
        let place = try place(of: userID, in: hallID).place
        return value(hallID, role: place.role, read: place.read)
    }

    func createHall(named name: String, isPrivate: Bool, by userID: Int64) throws -> Hall {
        try transaction {
            let hall = try createHall(named: name, isPrivate: isPrivate)
            try add(userID, to: hall.id, as: .owner)
            return try self.hall(hall.id, as: userID)
        }
    }

    func createHall(named name: String, isPrivate: Bool) throws -> Hall {
        let name = try Names.hall(name, lengthMax: limits.hallNameLengthMax)
        if !isPrivate { try requireFree(name, but: 0) }
        state.halls.append(ModelHall(name: name, isPrivate: isPrivate))
        return value(Int64(state.halls.count), role: nil)
    }

    func requireFree(_ name: String, but hallID: Int64) throws {
        let isTaken = state.halls.indices.contains { index in
            Int64(index + 1) != hallID && state.halls[index].isOpen
                && Names.key(state.halls[index].name) == Names.key(name)
        }
        if isTaken { throw ChatError(.hallNameTaken) }
    }

    func add(_ userID: Int64, to hallID: Int64, as role: Role) throws {
        guard try halls(of: userID).count < limits.hallsPerUserMax else {
            throw ChatError(.tooManyHalls, limit: limits.hallsPerUserMax)
        }
        let index = try index(hallID)
        state.halls[index].places[userID] = Place(
            role: role, joinedAt: clock.now.iso8601, read: state.halls[index].rev)
        log(.joined(hallID: hallID, userID: userID, role: role))
    }

    func leave(_ hallID: Int64, as userID: Int64) throws {
        _ = try place(of: userID, in: hallID)
        try removeMember(userID, of: hallID, by: .operator)
    }

    func set(_ userID: Int64, of hallID: Int64, to role: Role) {
        state.halls[Int(hallID) - 1].places[userID]?.role = role
        log(.joined(hallID: hallID, userID: userID, role: role))
    }

    func setTopic(_ topic: String, of hallID: Int64, by userID: Int64) throws -> Hall {
        let topic = try Names.topic(topic)
        let (hall, place) = try place(of: userID, in: hallID)
        guard place.role.permits(.setTopic) else { throw ChatError(.notAllowed) }
        guard !hall.isArchived else { throw ChatError(.hallArchived) }
        if hall.topic != topic {
            state.halls[Int(hallID) - 1].topic = topic
            log(.hallChanged(hallID: hallID, .topic))
        }
        return try self.hall(hallID, as: userID)
    }

    func requireRight(
        to act: MemberAct, _ userID: Int64, of hallID: Int64, by actor: Actor
    ) throws {
        guard case .user(let actorID) = actor else { return }
        let (hall, actor) = try place(of: actorID, in: hallID)
        let isPermitted = actor.role.permits(act, on: hall.places[userID]?.role)
        guard isPermitted else { throw ChatError(.notAllowed) }
    }

    func ban(_ userID: Int64, from hallID: Int64, by actor: Actor) throws {
        let index = try index(hallID)
        try requireRight(to: .ban, userID, of: hallID, by: actor)
        let isKnown = actor == .operator || isOrWasIn(index, userID)
        guard isKnown, state.users.indices.contains(Int(userID) - 1) else {
            throw ChatError(.notFound)
        }
        if state.halls[index].places[userID] != nil {
            try removeMember(userID, of: hallID, by: .operator)
        }
        guard state.halls[index].bans[userID] == nil else { return }
        state.halls[index].bans[userID] = Ban(
            user: state.users[Int(userID) - 1].user, actorID: actor.userID,
            bannedAt: clock.now.iso8601)
        log(.banned(hallID: hallID, userID: userID))
    }

    func liftBan(of userID: Int64, from hallID: Int64, by actor: Actor) throws {
        let index = try index(hallID)
        if case .user(let actorID) = actor {
            let (_, actor) = try place(of: actorID, in: hallID)
            guard actor.role.permits(.liftBans) else { throw ChatError(.notAllowed) }
        }
        guard state.halls[index].bans[userID] != nil else { throw ChatError(.notFound) }
        lift(userID, from: hallID)
    }

    private func lift(_ userID: Int64, from hallID: Int64) {
        guard state.halls[Int(hallID) - 1].bans.removeValue(forKey: userID) != nil else { return }
        log(.banLifted(hallID: hallID, userID: userID))
    }

    func everyBan(of hallID: Int64) throws -> [Ban] {
        state.halls[try index(hallID)].bans.sorted { $0.key < $1.key }.map { userID, ban in
            Ban(
                user: state.users[Int(userID) - 1].user, actorID: ban.actorID,
                bannedAt: ban.bannedAt)
        }
    }

    func everyMember(of hallID: Int64) throws -> [Member] {
        state.halls[try index(hallID)].places.sorted { $0.key < $1.key }.map { userID, place in
            Member(user: state.users[Int(userID) - 1].user, role: place.role)
        }
    }

    func allHalls() throws -> [HallSummary] {
        state.halls.indices.filter { !state.halls[$0].isDeleted }.map { index in
            HallSummary(
                hall: value(Int64(index + 1), role: nil),
                memberCount: state.halls[index].places.count)
        }
    }

    func renameHall(_ hallID: Int64, to name: String) throws {
        let name = try Names.hall(name, lengthMax: limits.hallNameLengthMax)
        let index = try index(hallID)
        if state.halls[index].isOpen { try requireFree(name, but: hallID) }
        state.halls[index].name = name
        log(.hallChanged(hallID: hallID, .renamed))
    }

    func archiveHall(_ hallID: Int64) throws {
        let index = try index(hallID)
        guard !state.halls[index].isArchived else { return }
        state.halls[index].isArchived = true
        log(.hallChanged(hallID: hallID, .archived))
    }

    func setMember(_ userID: Int64, of hallID: Int64, as role: Role) throws {
        let index = try index(hallID)
        guard state.users.indices.contains(Int(userID) - 1) else { throw ChatError(.notFound) }
        guard let before = state.halls[index].places[userID] else {
            return try transaction {
                lift(userID, from: hallID)
                try add(userID, to: hallID, as: role)
            }
        }
        let owners = state.halls[index].places.values.count { $0.role == .owner }
        guard before.role != .owner || role == .owner || owners > 1 else {
            throw ChatError(.notAllowed)
        }
        set(userID, of: hallID, to: role)
    }

    func write(_ mark: ReadMark) -> Result<WrittenMark, ChatError> {
        do {
            let (hall, place) = try place(of: mark.userID, in: mark.hallID)
            var mark = mark
            mark.rev = max(place.read, min(mark.rev, hall.rev))
            guard mark.rev > place.read else { return .success(WrittenMark(mark, entry: nil)) }
            state.halls[Int(mark.hallID) - 1].places[mark.userID]?.read = mark.rev
            log(.read(mark))
            return .success(WrittenMark(mark, entry: try logEnd()))
        } catch {
            return .failure((error as? ChatError) ?? ChatError(.internalError))
        }
    }
}
