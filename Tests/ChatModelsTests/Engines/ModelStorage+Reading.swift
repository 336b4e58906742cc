// SPDX-License-Identifier: Apache-2.0

@testable import ChatModels

extension ModelStorage {
    func snapshot<Value>(
        after position: LogPosition, _ body: (any SnapshotReading) throws -> Value
    ) throws -> (log: LogBatch, value: Value) {
        (try log(after: position, limit: .max), try body(ModelReader(storage: self)))
    }

    func hallSnapshot(_ hallID: Int64) throws -> HallSnapshot? {
        guard let index = try? index(hallID) else { return nil }
        return HallSnapshot(
            hall: value(hallID, role: nil), members: state.halls[index].places.mapValues(\.role))
    }
}

struct ModelReader: SnapshotReading {
    let storage: ModelStorage

    func hall(_ hallID: Int64) throws -> HallSnapshot? { try storage.hallSnapshot(hallID) }

    func messages(
        of hallID: Int64, as userID: Int64, since position: HallPosition
    ) throws -> MessagesSince {
        try storage.messages(of: hallID, as: userID, since: position, limit: nil)
    }
}

/// What a request reads, written by the same writers as every engine's.
extension ModelReader: ChatReading {
    func session(token: String) throws -> LoginSession? { try storage.session(token: token) }

    func history(of hallID: Int64, as userID: Int64) throws -> any History {
        let (hall, _) = try storage.place(of: userID, in: hallID)
        let last = hall.messageIDs.last.map { storage.state.messages[Int($0) - 1] }
        let changed = hall.messageIDs.map { storage.state.messages[Int($0) - 1] }
            .first { hall.change > 0 && $0.change?.number == hall.change }
        return ModelHistory(
            storage: storage, hallID: hallID, userID: userID,
            version: HistoryVersion(
                rev: hall.rev, change: hall.change, messageID: last?.id ?? 0,
                createdAt: last?.createdAt ?? "", changedID: changed?.id ?? 0,
                editedAt: changed?.change?.editedAt ?? "", renames: storage.state.renames))
    }

    func earlierTexts(
        of messageID: Int64, in hallID: Int64, as userID: Int64
    ) throws -> [EarlierText] {
        let (hall, place) = try storage.place(of: userID, in: hallID)
        guard place.role.permits(.seeEarlierTexts) else { throw ChatError(.notAllowed) }
        guard hall.messageIDs.contains(messageID) else { throw ChatError(.notFound) }
        return storage.state.earlierTexts[messageID] ?? []
    }

    func halls(of userID: Int64, kept: HallList?) throws -> HallList {
        list(try storage.halls(of: userID), at: try storage.logEnd())
    }

    func unread(of userID: Int64) throws -> UnreadCount {
        let unread = try storage.halls(of: userID).map { $0.rev - ($0.read ?? $0.rev) }
        return UnreadCount(
            messages: unread.reduce(0, +), halls: Int64(unread.filter { $0 > 0 }.count))
    }

    func hallsOpen(to userID: Int64) throws -> HallList {
        list(try storage.hallsOpen(to: userID), at: nil)
    }

    private func list(_ halls: [Hall], at position: LogPosition?) -> HallList {
        var writer = HallListWriter()
        for hall in halls { writer.append(hall) }
        return HallList(writer, at: position)
    }

    func members(
        of hallID: Int64, as userID: Int64, after: Int64, limit: Int?
    ) throws -> (members: [Member], hasMore: Bool) {
        _ = try storage.place(of: userID, in: hallID)
        return page(limit, of: try storage.everyMember(of: hallID).filter { $0.user.id > after })
    }

    func bans(
        of hallID: Int64, as userID: Int64, after: Int64, limit: Int?
    ) throws -> (bans: [Ban], hasMore: Bool) {
        let (_, place) = try storage.place(of: userID, in: hallID)
        guard place.role.permits(.liftBans) else { throw ChatError(.notAllowed) }
        return page(limit, of: try storage.everyBan(of: hallID).filter { $0.user.id > after })
    }

    private func page<Person>(_ limit: Int?, of all: [Person]) -> ([Person], Bool) {
        let limitMax = storage.limits.membersPageMax
        let limit = min(max(limit ?? limitMax, 1), limitMax)
        return (Array(all.prefix(limit)), all.count > limit)
    }

    func users(_ known: [KnownUser], as userID: Int64) throws -> [User] {
        known.compactMap { known in
            guard storage.state.users.indices.contains(Int(known.id) - 1) else { return nil }
            let user = storage.state.users[Int(known.id) - 1].user
            let isSeen =
                user.id == userID
                || storage.state.halls.indices.contains { index in
                    storage.state.halls[index].places[userID] != nil
                        && storage.isOrWasIn(index, user.id)
                }
            return isSeen && user.version != known.version ? user : nil
        }
    }
}

private struct ModelHistory: History {
    let storage: ModelStorage
    let hallID: Int64
    let userID: Int64
    let version: HistoryVersion

    func page(limit: Int?, before: Int64?) throws -> HistoryPage {
        let page = try storage.messages(of: hallID, as: userID, limit: limit, before: before)
        return write(page.messages, changed: nil, hasMore: page.hasMore, isComplete: nil)
    }

    func page(since position: HallPosition, limit: Int?) throws -> HistoryPage {
        let since = try storage.messages(of: hallID, as: userID, since: position, limit: limit)
        return write(
            since.messages, changed: since.changed, hasMore: since.hasMore,
            isComplete: since.isComplete)
    }

    private func write(
        _ messages: [Message], changed: [Message]?, hasMore: Bool, isComplete: Bool?
    ) -> HistoryPage {
        var writer = HistoryPageWriter(sizeExpected: messages.count)
        for message in messages.reversed() { writer.append(message) }
        return writer.page(
            version, changed: changed, by: userID, hasMore: hasMore, isComplete: isComplete)
    }
}
