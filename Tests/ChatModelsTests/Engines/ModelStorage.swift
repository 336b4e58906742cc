// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import Foundation

@testable import ChatModels

/// The chat in plain collections, without a thought of speed: what every engine is held to. It does what docs/protocol.md
/// says and nothing else; where an engine and this differ, one of them is wrong. For one thread.
class ModelStorage: ChatStorage, @unchecked Sendable {
    struct Place {
        var role: Role
        var joinedAt: String
        /// How far its member has read.
        var read: Int64
    }

    struct ModelHall {
        var name: String
        var isPrivate: Bool
        var isArchived = false
        /// Its place stays empty, so that no other gets its id.
        var isDeleted = false
        var change: Int64 = 0
        var topic = ""
        /// In the order in which they were said.
        var messageIDs: [Int64] = []
        var places: [Int64: Place] = [:]
        /// Who was in it and is not.
        var formerIDs: Set<Int64> = []
        /// Who may not come into it.
        var bans: [Int64: Ban] = [:]

        var rev: Int64 { Int64(messageIDs.count) }
        var isOpen: Bool { !isPrivate && !isArchived && !isDeleted }
    }

    enum Entry {
        case messages([Int64])
        case changed(Int64, change: Int64)
        case event(LogEvent)
    }

    struct State {
        /// The id of each is one more than its index, here and below.
        var users: [ModelUser] = []
        var sessions: [ModelSession] = []
        /// How many there ever were.
        var sessionCount: Int64 = 0
        /// How often a username was changed.
        var renames: Int64 = 0
        var halls: [ModelHall] = []
        var messages: [Message] = []
        /// By message.
        var earlierTexts: [Int64: [EarlierText]] = [:]
        var log: [Entry] = []
    }

    var state = State()
    let limits: Limits
    let clock: TestClock

    var lockPatience: Duration { .zero }
    var instance: String { "00000000" }

    init(_ limits: Limits, clock: TestClock) {
        self.limits = limits
        self.clock = clock
    }

    func ping() throws {}
    func tryWriting() throws {}
    func purgeDeleted() throws -> Bool { true }
    func releaseMemory() {}
    func close() throws {}

    // MARK: What all of it needs

    /// All of it or nothing.
    func transaction<Value>(_ body: () throws -> Value) throws -> Value {
        let before = state
        do {
            return try body()
        } catch {
            state = before
            throw error
        }
    }

    func log(_ event: LogEvent) { state.log.append(.event(event)) }

    func index(_ hallID: Int64) throws -> Int {
        guard state.halls.indices.contains(Int(hallID) - 1), !state.halls[Int(hallID) - 1].isDeleted
        else { throw ChatError(.notFound) }
        return Int(hallID) - 1
    }

    /// The hall and the place of a member; who is none learns of an open hall that it is there.
    func place(of userID: Int64, in hallID: Int64) throws -> (hall: ModelHall, place: Place) {
        let hall = state.halls[try index(hallID)]
        guard state.users.indices.contains(Int(userID) - 1),
            !state.users[Int(userID) - 1].isDisabled
        else { throw ChatError(.notFound) }
        guard let place = hall.places[userID] else {
            throw ChatError(hall.isPrivate ? .notFound : .notAMember)
        }
        return (hall, place)
    }

    func value(_ hallID: Int64, role: Role?, read: Int64? = nil) -> Hall {
        let hall = state.halls[Int(hallID) - 1]
        return Hall(
            id: hallID, name: hall.name, isPrivate: hall.isPrivate, role: role, rev: hall.rev,
            change: hall.change, isArchived: hall.isArchived, topic: hall.topic,
            read: read)
    }

    // MARK: Messages

    func perform(_ commands: [MessageCommand]) throws -> [Result<WrittenMessage, ChatError>] {
        // Messages that are said one after the other are one entry.
        var entry: Int?
        return commands.map { command in
            do {
                try command.check(limits)
                switch command {
                case .say(let new): return .success(try say(new, &entry))
                case .edit(let edit):
                    let (hall, _) = try place(of: edit.userID, in: edit.hallID)
                    return .success(try self.edit(edit, in: hall, &entry))
                case .delete(let deletion): return .success(try delete(deletion, &entry))
                }
            } catch let error as ChatError {
                return .failure(error)
            } catch {
                return .failure(ChatError(.internalError))
            }
        }
    }

    func perform(
        _ commands: [MessageCommand], marks: [ReadMark], waitingAtMost milliseconds: Int32?
    ) throws -> WrittenBatch? {
        WrittenBatch(messages: try perform(commands), marks: marks.map(write))
    }

    private func say(_ new: NewMessage, _ entry: inout Int?) throws -> WrittenMessage {
        let (hall, _) = try place(of: new.senderID, in: new.hallID)
        let earlier = state.messages.first {
            $0.senderID == new.senderID && $0.clientKey != nil && $0.clientKey == new.clientKey
                && isThere($0)
        }
        if let earlier {
            guard earlier.hallID == new.hallID,
                earlier.change != nil || Array(earlier.content.utf8) == Array(new.content.utf8)
            else { throw ChatError(.clientKeyReused) }
            return WrittenMessage(repeated: earlier)
        }
        guard !hall.isArchived else { throw ChatError(.hallArchived) }
        let message = Message(
            id: Int64(state.messages.count + 1), hallID: new.hallID, rev: hall.rev + 1,
            senderID: new.senderID, username: state.users[Int(new.senderID) - 1].user.username,
            content: new.content, createdAt: clock.now.iso8601, clientKey: new.clientKey)
        state.messages.append(message)
        state.halls[Int(new.hallID) - 1].messageIDs.append(message.id)
        if state.halls[Int(new.hallID) - 1].places[new.senderID]?.read == hall.rev {
            state.halls[Int(new.hallID) - 1].places[new.senderID]?.read = message.rev
        }
        if let place = entry, case .messages(let ids) = state.log[place] {
            state.log[place] = .messages(ids + [message.id])
        } else {
            state.log.append(.messages([message.id]))
            entry = state.log.count - 1
        }
        return WrittenMessage(
            written: message, entry: LogPosition(Int64((entry ?? 0) + 1)))
    }

    /// Whether its hall was not deleted.
    private func isThere(_ message: Message) -> Bool {
        !state.halls[Int(message.hallID) - 1].isDeleted
    }

    private func message(_ id: Int64, of hallID: Int64) throws -> Message {
        guard state.messages.indices.contains(Int(id) - 1),
            state.messages[Int(id) - 1].hallID == hallID, isThere(state.messages[Int(id) - 1])
        else { throw ChatError(.notFound) }
        return state.messages[Int(id) - 1]
    }

    private func edit(
        _ edit: MessageEdit, in hall: ModelHall, _ entry: inout Int?
    ) throws -> WrittenMessage {
        var message = try message(edit.messageID, of: edit.hallID)
        guard message.senderID == edit.userID else { throw ChatError(.notAllowed) }
        guard message.change?.deleted == nil else { throw ChatError(.messageGone) }
        guard !hall.isArchived else { throw ChatError(.hallArchived) }
        if Array(message.content.utf8) == Array(edit.content.utf8) {
            return WrittenMessage(repeated: message)
        }
        let texts =
            (state.earlierTexts[message.id] ?? [])
            + [EarlierText(content: message.content, until: clock.now.iso8601)]
        state.earlierTexts[message.id] = texts.suffix(limits.earlierTextsMax)
        message.content = edit.content
        message.change = MessageChange(number: hall.change + 1, editedAt: clock.now.iso8601)
        return keep(message, &entry)
    }

    private func delete(_ deletion: MessageDeletion, _ entry: inout Int?) throws -> WrittenMessage {
        let by: Deletion
        var message: Message
        switch deletion.actor {
        case .operator:
            message = try self.message(deletion.messageID, of: deletion.hallID)
            by = .operator
        case .user(let userID):
            let (hall, place) = try place(of: userID, in: deletion.hallID)
            message = try self.message(deletion.messageID, of: deletion.hallID)
            let isOwn = message.senderID == userID
            let senderRole = hall.places[message.senderID]?.role
            guard isOwn || place.role.permits(.delete, .others(senderRole)) else {
                throw ChatError(.notAllowed)
            }
            guard message.change?.deleted != nil || !hall.isArchived else {
                throw ChatError(.hallArchived)
            }
            by = isOwn ? .sender : .moderator
        }
        if message.change?.deleted != nil { return WrittenMessage(repeated: message) }
        let change = state.halls[Int(message.hallID) - 1].change + 1
        message.content = ""
        state.earlierTexts[message.id] = nil
        message.change = MessageChange(number: change, deleted: by)
        return keep(message, &entry)
    }

    private func keep(_ message: Message, _ entry: inout Int?) -> WrittenMessage {
        let change = message.change?.number ?? 0
        state.messages[Int(message.id) - 1] = message
        state.halls[Int(message.hallID) - 1].change = change
        state.log.append(.changed(message.id, change: change))
        entry = nil
        return WrittenMessage(written: message, entry: LogPosition(Int64(state.log.count)))
    }

    func messages(
        of hallID: Int64, as userID: Int64, limit: Int?, before: Int64?
    ) throws -> MessagePage {
        let (hall, _) = try place(of: userID, in: hallID)
        let older = messages(of: hall).filter { $0.id < before ?? .max }
        let limit = min(max(limit ?? limits.pageSizeDefault, 1), limits.pageSizeMax)
        return MessagePage(
            messages: Array(older.suffix(limit)), rev: hall.rev, hasMore: older.count > limit)
    }

    func messages(
        of hallID: Int64, as userID: Int64, since position: HallPosition, limit: Int?
    ) throws -> MessagesSince {
        let (hall, _) = try place(of: userID, in: hallID)
        let limit = min(max(limit ?? limits.pageSizeMax, 1), limits.pageSizeMax)
        let said = messages(of: hall).filter { $0.rev > position.rev }
        let changed = position.change.map { since in
            messages(of: hall).filter { $0.change?.number ?? 0 > since }
                .sorted { $0.change?.number ?? 0 < $1.change?.number ?? 0 }
        }
        let isComplete =
            position.rev <= hall.rev && position.change ?? 0 <= hall.change
            && said.count <= limit && changed?.count ?? 0 <= limit
        if isComplete {
            return MessagesSince(
                messages: said, changed: changed, rev: hall.rev, change: hall.change,
                isComplete: true, hasMore: false)
        }
        let page = try messages(of: hallID, as: userID, limit: nil, before: nil)
        return MessagesSince(
            messages: page.messages, changed: nil, rev: hall.rev, change: hall.change,
            isComplete: false, hasMore: page.hasMore)
    }

    private func messages(of hall: ModelHall) -> [Message] {
        hall.messageIDs.map { state.messages[Int($0) - 1] }
    }

    // MARK: Who leaves, what goes and what comes back

    func unarchiveHall(_ hallID: Int64) throws {
        let index = try index(hallID)
        guard state.halls[index].isArchived else { return }
        if !state.halls[index].isPrivate { try requireFree(state.halls[index].name, but: hallID) }
        state.halls[index].isArchived = false
        log(.hallChanged(hallID: hallID, .unarchived))
    }

    func deleteHall(_ hallID: Int64) throws {
        let index = try index(hallID)
        let members = state.halls[index].places.keys.sorted()
        state.halls[index] = ModelHall(name: "", isPrivate: true, isDeleted: true)
        for userID in members { log(.left(hallID: hallID, userID: userID)) }
        log(.hallChanged(hallID: hallID, .deleted))
    }

    func removeMember(_ userID: Int64, of hallID: Int64, by actor: Actor) throws {
        let index = try index(hallID)
        try requireRight(to: .remove, userID, of: hallID, by: actor)
        guard let removed = state.halls[index].places.removeValue(forKey: userID) else {
            throw ChatError(.notFound)
        }
        state.halls[index].formerIDs.insert(userID)
        log(.left(hallID: hallID, userID: userID))
        let left = state.halls[index].places
        guard removed.role == .owner, !left.values.contains(where: { $0.role == .owner }) else {
            return
        }
        let moderators = left.filter { $0.value.role == .moderator }
        let heir = (moderators.isEmpty ? left : moderators)
            .min { ($0.value.joinedAt, $0.key) < ($1.value.joinedAt, $1.key) }
        if let heir { set(heir.key, of: hallID, to: .owner) }
    }

    // MARK: What a planted fault may change

    func join(_ hallID: Int64, as userID: Int64) throws -> Hall {
        do {
            return try hall(hallID, as: userID)
        } catch let error as ChatError where error.code == .notAMember {
            let left = state.halls[try index(hallID)]
            if left.isArchived { throw ChatError(.hallArchived) }
            if left.bans[userID] != nil { throw ChatError(.banned) }
            try add(userID, to: hallID, as: .member)
            return try hall(hallID, as: userID)
        }
    }

    func setRole(
        _ role: Role, of userID: Int64, in hallID: Int64, by actorID: Int64
    ) throws -> Member {
        let (hall, actor) = try place(of: actorID, in: hallID)
        let before = hall.places[userID]?.role
        guard actor.role.permits(.setRole, on: before) else { throw ChatError(.notAllowed) }
        guard let before else { throw ChatError(.notFound) }
        if role != before {
            set(userID, of: hallID, to: role)
            if role == .owner { set(actorID, of: hallID, to: .moderator) }
        }
        return Member(user: state.users[Int(userID) - 1].user, role: role)
    }

    func reading<Value>(_ body: (any ChatReading) throws -> Value) throws -> Value {
        try body(ModelReader(storage: self))
    }

    func renameUser(_ userID: Int64, to username: String) throws -> User {
        let username = try normal(username)
        var user = state.users[try index(ofUser: userID)].user
        if user.username == username { return user }
        try requireFreeName(username, but: userID)
        if user.name == user.username { user.name = username }
        user.username = username
        rename(userID, to: username)
        return keep(user, isRenamed: true)
    }

    func session(token: String) throws -> LoginSession? {
        guard
            let session = state.sessions.first(where: {
                $0.token == token && $0.expiresAt > clock.now
            }), !state.users[Int(session.userID) - 1].isDisabled
        else { return nil }
        return value(session)
    }

    // MARK: The log

    func logEnd() throws -> LogPosition { LogPosition(Int64(state.log.count)) }

    func log(after position: LogPosition, limit: Int) throws -> LogBatch {
        var events: [LogEvent] = []
        var end = position
        var hasMore = false
        for number in state.log.indices.dropFirst(Int(position.number)) {
            if events.count >= limit {
                hasMore = true
                break
            }
            end = LogPosition(Int64(number + 1))
            events += tell(state.log[number])
        }
        return LogBatch(events: events, end: end, hasMore: hasMore, isTorn: false)
    }

    /// Messages are told as they are now, and not at all where their hall is gone.
    private func tell(_ entry: Entry) -> [LogEvent] {
        switch entry {
        case .messages(let ids):
            ids.map { state.messages[Int($0) - 1] }.filter(isThere).map { .messageCreated($0) }
        case .changed(let id, let change):
            [state.messages[Int(id) - 1]].filter(isThere)
                .map { .messageChanged($0, change: change) }
        case .event(let event): [event]
        }
    }
}
