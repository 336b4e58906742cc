// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// What a client hears of changes to messages, and what must be true of it.
extension Client {
    /// How old may be what is told, in milliseconds.
    static let ageMax: Int64 = 1_000

    /// The messages of an answer; `nil` if it has none.
    func recognize(_ messages: JSONValue?) -> [Receipt]? {
        messages?.array?.compactMap { world.history.recognize($0, now: world.now) }
    }

    // MARK: Live

    /// A `message_changed` as it came on this connection.
    func heard(_ news: News) {
        let receipt = news.receipt
        let said = "change \(news.change) of hall \(receipt.hallID), m\(receipt.send)"
        guard let hall = halls[receipt.hallID], hall.isIn else {
            return world.history.breach(.member, "\(name) hears \(said) without having joined")
        }
        checkMembership(receipt.hallID, began: world.history.began(receipt), said)
        if receipt.hasKey { world.history.breach(.forged, "\(name) got the client key of \(said)") }
        checkFresh(receipt, heard: world.now)
        checkName(receipt, written: world.history.began(receipt))
        guard checkShown(receipt, in: hall) else { return }
        guard hall.isNext(news) else {
            return world.history.breach(.disordered, "\(name) hears \(said) after a later one")
        }
        if receipt.rev > hall.last {
            world.history.breach(.disordered, "\(name) hears \(said) before what was said")
        }
        if news.change <= hall.told { world.history.count("changes told again") }
        let isHole = news.after > hall.told
        if isHole {
            world.history.breach(
                .hole, "\(name), at \(hall.told), hears \(said) after \(news.after)")
        }
        take(receipt, in: hall)
        if isHole {
            join(hall)
        } else {
            hall.tell(news.change)
        }
    }

    /// On one connection the states of a message only move forward.
    @discardableResult func checkShown(_ receipt: Receipt, in hall: ClientHall) -> Bool {
        guard receipt.hallID == hall.id, !hall.show(receipt) else { return true }
        world.history.breach(
            .disordered,
            "\(name) sees m\(receipt.send) of hall \(hall.id) as of \(receipt.change), after a newer state"
        )
        return false
    }

    /// Takes the state of a message that may be there or not.
    private func take(_ receipt: Receipt, in hall: ClientHall) {
        if hall.store(receipt) == .other {
            world.history.breach(
                .disordered, "\(name) has another message at \(receipt.rev) of hall \(hall.id)")
        }
    }

    // MARK: Answers

    /// What was changed since a change, all of it.
    func take(_ changed: [Receipt], _ hall: ClientHall, since: Int64, change: Int64) {
        let text = "the changes of hall \(hall.id) from \(since) to \(change)"
        let numbers = changed.map(\.change)
        let isSound =
            zip([since] + numbers, numbers).allSatisfy { $0 < $1 }
            && (numbers.last ?? since) == max(since, change)
            && changed.allSatisfy { $0.hallID == hall.id }
            && Set(changed.map(\.send)).count == changed.count
        if !isSound { world.history.breach(.hole, "\(name) got \(text): \(numbers)") }
        guard since < change else { return hall.learn(upTo: change) }
        // Whatever anybody has seen of them is among them, or has become something later.
        let shown = Dictionary(changed.map { ($0.send, $0.change) }) { $1 }
        for (number, send) in world.history.states(of: hall.id, after: since, upTo: change)
        where shown[send, default: 0] < number {
            world.history.breach(.hole, "\(name) got \(text) without \(number), of m\(send)")
        }
        for receipt in changed { take(receipt, in: hall) }
        hall.learn(upTo: change)
    }

    // MARK: Old texts

    /// An answer over REST is of the database as it is then: it has whatever anybody had seen before it was asked for.
    func checkFresh(_ receipt: Receipt, asked: Int64) {
        checkFresh(receipt, "loads", world.history.newest(of: receipt.send, before: asked))
        checkName(receipt.username, of: receipt.sender, "loads", asked: asked)
    }

    /// An answer that says of which change it is has everything as of that, or later.
    ///
    /// - Returns: whether it has.
    func checkFresh(_ receipt: Receipt, of change: Int64) -> Bool {
        let sightings = world.history.sends[receipt.send].sightings
        return checkFresh(
            receipt, "is answered, as of \(change), with", sightings.last { $0.change <= change })
    }

    /// chat-push may be some moments behind, unless it is hurt.
    func checkFresh(_ receipt: Receipt, joined asked: Int64) {
        checkName(receipt.username, of: receipt.sender, "is answered with", joined: asked)
        let newest = world.history.newest(of: receipt.send, before: asked - Self.ageMax)
        guard let newest, world.membership.disturbed < newest.at else { return }
        checkFresh(receipt, "is answered with", newest)
    }

    /// What comes by itself may also have waited for a slow reader.
    func checkFresh(_ receipt: Receipt, heard now: Int64) {
        checkName(receipt.username, of: receipt.sender, "hears", heard: now)
        let newest = world.history.newest(of: receipt.send, before: now - Self.ageMax)
        guard let newest, world.membership.disturbed < newest.at, now - impaired > 10_000 else {
            return
        }
        checkFresh(receipt, "hears", newest)
    }

    @discardableResult private func checkFresh(
        _ receipt: Receipt, _ verb: String, _ newest: Sighting?
    ) -> Bool {
        guard let newest else { return true }
        world.history.count("texts held against a newer one")
        guard newest.change > receipt.change else { return true }
        world.history.breach(
            newest.isDeletion ? .undead : .stale,
            "\(name) \(verb) m\(receipt.send) as of \(receipt.change), which has been at \(newest.change)"
        )
        return false
    }
}
