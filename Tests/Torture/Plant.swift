// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// Falsifies once what one client received: whoever checks has to find it.
final class Plant {
    /// What is falsified.
    enum Kind: String, CaseIterable {
        case drop, double, swap
        /// A change is not told.
        case untold
        /// An answer to `since_change` has a text that was deleted.
        case undead
        /// A state of a message comes after a newer one.
        case back
        /// A page of the history has an old username, as from a cache.
        case alias
        /// A change of a person is not told.
        case unheard
    }

    private let kind: Kind
    private let from: Int64
    private let hallID: Int64
    private(set) var isDone = false
    private var held: (receipt: Receipt, client: Client)?
    /// A deletion that was told, and when it is asked for again.
    private var dead: (news: News, client: Client, due: Int64)?

    /// - Parameters:
    ///   - from: the moment after which the next message is falsified.
    ///   - hallID: the hall where it happens.
    init(_ kind: Kind, from: Int64, hallID: Int64) {
        (self.kind, self.from, self.hallID) = (kind, from, hallID)
    }

    /// What the client hears instead of a message.
    func pass(_ receipt: Receipt, to client: Client) -> [Receipt] {
        if let held, held.client === client, held.receipt.hallID == receipt.hallID {
            self.held = nil
            isDone = true
            return [receipt, held.receipt]
        }
        guard !isDone, held == nil, client.world.now >= from, receipt.hallID == hallID,
            let hall = client.halls[hallID], hall.isIn, receipt.rev == hall.have + 1
        else { return [receipt] }
        // What becomes of it would show it.
        let history = client.world.history
        switch kind {
        case .double:
            isDone = true
            return [receipt, receipt]
        case .swap:
            held = (receipt, client)
            history.sends[receipt.send].isLeftAlone = true
            return []
        case .drop:
            isDone = true
            history.sends[receipt.send].isLeftAlone = true
            hall.pretend(receipt.rev)
            hall.last = receipt.rev
            return []
        case .untold, .undead, .back, .alias, .unheard: return [receipt]
        }
    }

    /// What the client hears instead of a change.
    func pass(_ news: News, to client: Client) -> [News] {
        let (now, history, send) = (client.world.now, client.world.history, news.receipt.send)
        guard !isDone, dead == nil, now >= from, news.receipt.hallID == hallID,
            let hall = client.halls[hallID], hall.isIn, hall.load == nil, news.after == hall.known,
            hall.state(at: news.receipt.rev) < news.receipt.change,
            history.sends[send].underWay == 0
        else { return [news] }
        switch kind {
        case .untold:
            // What it becomes later would heal it.
            history.sends[send].isLeftAlone = true
            isDone = true
            _ = hall.isNext(news)
            hall.tell(news.change)
            return []
        case .undead where news.receipt.isDeleted: dead = (news, client, now + 1_500)
        case .back where hall.send(at: news.receipt.rev) == send:
            isDone = true
            var old = news
            old.receipt.change = 0
            (old.receipt.edit, old.receipt.isDeleted) = (nil, false)
            return [news, old]
        default: break
        }
        return [news]
    }

    /// What the client gets instead of an answer to its join.
    func pass(_ answer: JSONValue, to client: Client) -> JSONValue {
        guard let dead, dead.client === client, client.world.now >= dead.due, !isDone,
            answer["hall"]?["id"]?.integer == hallID, case .object(let members) = answer
        else { return answer }
        let receipt = dead.news.receipt
        isDone = true
        return .object(
            members.map { member in
                guard member.name == "changed", case .array(let changed) = member.value else {
                    return member
                }
                let text = client.world.history.sends[receipt.send].content
                return .init(
                    "changed",
                    .array(
                        changed.map {
                            $0["id"]?.integer == receipt.id ? Self.revive($0, as: text) : $0
                        }))
            })
    }

    /// A deleted message as it was said.
    private static func revive(_ message: JSONValue, as text: String) -> JSONValue {
        guard case .object(let members) = message else { return message }
        let kept = members.filter { !["content", "change", "deleted"].contains($0.name) }
        return .object(kept + [.init("content", .string(text))])
    }

    /// Whether a client does not hear of a change of somebody.
    func keeps(_ sight: Sight, from client: Client) -> Bool {
        let (world, person) = (client.world, client.world.history.people[sight.person])
        guard kind == .unheard, !isDone, world.now >= from,
            client.knows(sight.person) < sight.version,
            // What comes later would heal it.
            !person.isChanging || sight.version > person.acknowledgedVersion
        else { return false }
        isDone = true
        world.history.people[sight.person].isLeftAlone = true
        return true
    }

    /// What the client gets instead of a page of the history.
    func pass(page: JSONValue, to client: Client, asked: Int64) -> JSONValue {
        guard kind == .alias, !isDone, client.world.now >= from, case .object(let members) = page,
            let messages = page["messages"]?.array
        else { return page }
        let history = client.world.history
        func older(_ message: JSONValue) -> String? {
            message["sender_id"]?.integer.flatMap(history.person).flatMap { person in
                let first = history.people[person].name
                return history.isOld(first, of: person, before: asked) ? first : nil
            }
        }
        guard let index = messages.firstIndex(where: { older($0) != nil }),
            let username = older(messages[index]),
            case .object(let message) = messages[index]
        else { return page }
        isDone = true
        var forged = messages
        forged[index] = .object(
            message.map { $0.name == "username" ? .init("username", .string(username)) : $0 })
        return .object(
            members.map { $0.name == "messages" ? .init("messages", .array(forged)) : $0 })
    }

    /// Lets the client ask for a change that it has heard of.
    func turn() {
        guard let dead, !isDone, dead.client.world.now >= dead.due,
            let hall = dead.client.halls[hallID], hall.isIn, !hall.isAsking
        else { return }
        hall.forget(from: dead.news.change)
        dead.client.join(hall)
    }

    /// The connection is gone: what was held back comes with the answer to the next join.
    func forget(_ client: Client) {
        if held?.client === client { held = nil }
        if dead?.client === client { dead = nil }
    }
}
