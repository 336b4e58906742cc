// SPDX-License-Identifier: Apache-2.0

import ChatTesting

@testable import ChatModels

/// One thing that somebody asks an engine for.
enum Step: Sendable {
    case write([MessageCommand])
    /// The rest of them are said before, in the same transaction.
    case mark([ReadMark], [MessageCommand])
    case create(name: String, isPrivate: Bool, by: Int64)
    case join(hall: Int64, user: Int64)
    case leave(hall: Int64, user: Int64)
    case setMember(hall: Int64, user: Int64, role: Role)
    case role(Role, hall: Int64, user: Int64, by: Int64)
    case remove(hall: Int64, user: Int64, by: Actor)
    case ban(hall: Int64, user: Int64, by: Actor)
    case liftBan(hall: Int64, user: Int64, by: Actor)
    case rename(hall: Int64, name: String)
    case archive(hall: Int64)
    case unarchive(hall: Int64)
    case delete(hall: Int64)
    case topic(String, hall: Int64, user: Int64)
    case page(hall: Int64, user: Int64, limit: Int?, before: Int64?)
    case since(hall: Int64, user: Int64, Back, limit: Int?)
    case lists(user: Int64)
    case hall(hall: Int64, user: Int64)
    case everything
    case log(back: Int64, limit: Int)
    case snapshot(hall: Int64, user: Int64, Back)
    case person(PersonStep)
    case request(RequestStep)

    /// How far behind the present somebody is; below zero: ahead of it.
    struct Back {
        var rev: Int64
        var change: Int64?

        func position(in hallID: Int64, of storage: any ChatStorage) throws -> HallPosition {
            let hall = try storage.hallSnapshot(hallID)?.hall
            return HallPosition(
                rev: max(0, (hall?.rev ?? 0) - rev),
                change: change.map { max(0, (hall?.change ?? 0) - $0) })
        }
    }

    /// What an engine answers, in words: the same words, the same answer.
    func answer(of asked: AskedStorage) -> String {
        do {
            switch self {
            case .person(let step): return try step.ask(asked)
            case .request(let step): return try step.ask(asked)
            default: return try ask(asked.storage)
            }
        } catch let error as ChatError {
            return "refused: \(error.code) \(error.limit.map(String.init) ?? "")"
        } catch {
            return "failed: \(error)"
        }
    }

    private func ask(_ storage: any ChatStorage) throws -> String {
        switch self {
        case .person, .request: return ""
        case .write(let commands):
            return words(try storage.perform(commands))
        case .mark(let marks, let commands):
            let written = try storage.perform(commands, marks: marks, waitingAtMost: nil)
            return written.map { words($0.messages) + words($0.marks) } ?? ""
        case .create(let name, let isPrivate, let user):
            return "\(try storage.createHall(named: name, isPrivate: isPrivate, by: user))"
        case .join(let hall, let user): return "\(try storage.join(hall, as: user))"
        case .leave(let hall, let user):
            try storage.leave(hall, as: user)
            return "left"
        case .setMember(let hall, let user, let role):
            try storage.setMember(user, of: hall, as: role)
            return "set"
        case .role(let role, let hall, let user, let actor):
            return "\(try storage.setRole(role, of: user, in: hall, by: actor))"
        case .remove(let hall, let user, let actor):
            try storage.removeMember(user, of: hall, by: actor)
            return "removed"
        case .ban(let hall, let user, let actor):
            try storage.ban(user, from: hall, by: actor)
            return "banned"
        case .liftBan(let hall, let user, let actor):
            try storage.liftBan(of: user, from: hall, by: actor)
            return "lifted"
        case .rename(let hall, let name):
            try storage.renameHall(hall, to: name)
            return "renamed"
        case .archive(let hall):
            try storage.archiveHall(hall)
            return "archived"
        case .unarchive(let hall):
            try storage.unarchiveHall(hall)
            return "unarchived"
        case .delete(let hall):
            try storage.deleteHall(hall)
            return "deleted"
        case .topic(let topic, let hall, let user):
            return "\(try storage.setTopic(topic, of: hall, by: user))"
        case .page(let hall, let user, let limit, let before):
            return "\(try storage.messages(of: hall, as: user, limit: limit, before: before))"
        case .since(let hall, let user, let back, let limit):
            let position = try back.position(in: hall, of: storage)
            return "\(try storage.messages(of: hall, as: user, since: position, limit: limit))"
        case .lists(let user):
            return "\(try storage.halls(of: user)) \(try storage.hallsOpen(to: user))"
        case .hall(let hall, let user): return "\(try storage.hall(hall, as: user))"
        case .everything:
            let halls = try storage.allHalls()
            let members = try halls.map { try storage.everyMember(of: $0.hall.id) }
            let bans = try halls.map { try storage.everyBan(of: $0.hall.id) }
            return "\(halls) \(members) \(bans)"
        case .log(let back, let limit):
            let end = try storage.logEnd()
            let start = LogPosition(max(0, end.number - back))
            return "\(end) \(try storage.log(after: start, limit: limit))"
        case .snapshot(let hall, let user, let back):
            let position = try back.position(in: hall, of: storage)
            let (log, value) = try storage.snapshot(after: try storage.logEnd()) { reader in
                let members = try reader.hall(hall)?.members.sorted { $0.key < $1.key }
                let since: String
                do {
                    since = "\(try reader.messages(of: hall, as: user, since: position))"
                } catch let error as ChatError {
                    since = "\(error.code)"
                }
                return "\(try reader.hall(hall)?.hall as Any) \(members as Any) \(since)"
            }
            return "\(log) \(value)"
        }
    }

    private func words<Value>(_ results: [Result<Value, ChatError>]) -> String {
        results.map { result in
            switch result {
            case .success(let written): "\(written)"
            case .failure(let error): "\(error.code)"
            }
        }.joined(separator: "\n")
    }
}

extension Step {
    /// Something that may be asked for after so many steps: most of it makes sense, some does not.
    static func random(_ random: inout SeededRandom) -> Step {
        func id(_ most: Int64) -> Int64 { .random(in: 1...most, using: &random) }
        let (hall, user) = (id(5), id(5))
        let name = ["Tea", "tea", "Café", "Work", "x\n", "Attic"].randomElement(using: &random)
        let back = Back(
            rev: .random(in: -1...10, using: &random),
            change: Bool.random(using: &random) ? .random(in: -1...6, using: &random) : nil)
        let actor: Actor = Bool.random(using: &random) ? .operator : .user(id(4))
        switch Int.random(in: 0..<146, using: &random) {
        case 125..<135:
            let marks = (0..<Int.random(in: 1...4, using: &random)).map { _ in
                ReadMark(
                    hallID: id(5), userID: id(6), rev: .random(in: 0...12, using: &random))
            }
            return .mark(marks, user < 3 ? [command(&random), command(&random)] : [])
        case 142..<144: return .ban(hall: id(3), user: id(7), by: actor)
        case 144..<146: return .liftBan(hall: id(3), user: user, by: actor)
        case 135..<142:
            let role = Role.allCases.randomElement(using: &random) ?? .member
            return .role(role, hall: id(3), user: id(6), by: id(4))
        case 100..<115: return .person(.random(&random))
        case 115..<125: return .request(.random(&random))
        case 0..<45:
            let count = Bool.random(using: &random) ? 1 : Int.random(in: 2...6, using: &random)
            return .write((0..<count).map { _ in command(&random) })
        case 45..<50: return .create(name: name ?? "", isPrivate: user == hall, by: user)
        case 50..<56: return .join(hall: hall, user: user)
        case 56..<59: return .leave(hall: hall, user: user)
        case 59..<63:
            let role = Role.allCases.randomElement(using: &random) ?? .member
            return .setMember(hall: hall, user: id(6), role: role)
        case 63..<65: return .remove(hall: hall, user: user, by: actor)
        case 65..<68: return .rename(hall: id(6), name: name ?? "")
        case 68..<70:
            // Once in a while: after it there is less to ask for.
            return hall == user ? .delete(hall: hall) : .archive(hall: hall)
        case 70..<72: return .unarchive(hall: hall)
        case 72..<76:
            return .page(
                hall: hall, user: user,
                limit: [nil, 0, 1, 3, 9].randomElement(using: &random) ?? nil,
                before: [nil, 3, 8, 15, 40].randomElement(using: &random) ?? nil)
        case 76..<86:
            return .since(
                hall: hall, user: user, back,
                limit: [nil, 1, 4].randomElement(using: &random) ?? nil)
        case 86..<89: return .lists(user: user)
        case 89..<91: return .hall(hall: hall, user: user)
        case 91..<93: return .everything
        case 93: return .topic(name ?? "", hall: hall, user: user)
        case 94..<97:
            return .log(
                back: .random(in: 0...30, using: &random),
                limit: [1, 5, 1_000].randomElement(using: &random) ?? 1)
        default: return .snapshot(hall: hall, user: user, back)
        }
    }

    private static func command(_ random: inout SeededRandom) -> MessageCommand {
        // Often the same few, so that something becomes of what already became of something.
        let hall: Int64 = [1, 1, 1, 2, 2, 3, 4].randomElement(using: &random) ?? 1
        let user = Int64.random(in: 1...5, using: &random)
        let message = Int64.random(in: 1...(Bool.random(using: &random) ? 40 : 8), using: &random)
        // Two of them look the same and are not; one is none.
        let text =
            ["a", "b", "e\u{301}", "\u{E9}", " ", "longer \"text\""]
            .randomElement(using: &random) ?? ""
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<5:
            let key =
                Bool.random(using: &random) ? "k\(Int.random(in: 0..<6, using: &random))" : nil
            return .say(
                NewMessage(hallID: hall, senderID: user, content: text, clientKey: key))
        case 5..<8:
            return .edit(
                MessageEdit(hallID: hall, messageID: message, userID: user, content: text))
        default:
            let actor: Actor = message % 7 == 0 ? .operator : .user(user)
            return .delete(MessageDeletion(hallID: hall, messageID: message, by: actor))
        }
    }
}
