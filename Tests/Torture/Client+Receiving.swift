// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// What a client hears, and what must be true of it.
extension Client {
    private static let newMessage = Array("[\"new_message\",".utf8)
    private static let messageChanged = Array("[\"message_changed\",".utf8)

    func received(event: ArraySlice<UInt8>) {
        if event.starts(with: Self.newMessage) {
            guard let receipt = world.history.recognize(event: event, now: world.now) else {
                return
            }
            world.history.count("receipts")
            if let plant = world.plant {
                for forged in plant.pass(receipt, to: self) { heard(forged) }
            } else {
                heard(receipt)
            }
            return
        }
        if event.starts(with: Self.messageChanged) {
            guard let news = world.history.recognize(news: event, now: world.now) else { return }
            world.history.count("changes heard")
            for forged in world.plant?.pass(news, to: self) ?? [news] { heard(forged) }
            return
        }
        guard let elements = (try? JSONValue(parsing: event))?.array,
            let name = elements.first?.string
        else { return world.history.breach(.forged, "an event that is none") }
        switch name {
        case "halls_changed": hallsChanged(elements.last)
        case "user_changed":
            guard let user = elements.last?["user"],
                let sight = world.history.recognize(user: user, now: world.now)
            else { return world.history.breach(.forged, "a user_changed without its user") }
            if world.plant?.keeps(sight, from: self) != true { heard(sight) }
        case "error":
            world.history.breach(.away, "\(self.name) got \(elements.last.map { "\($0)" } ?? "")")
        default: world.history.breach(.forged, "an unknown event \(name)")
        }
    }

    // MARK: Live

    /// A `new_message` as it came on this connection.
    private func heard(_ receipt: Receipt) {
        let said = "m\(receipt.send) at \(receipt.rev) of hall \(receipt.hallID)"
        guard let hall = halls[receipt.hallID], hall.isIn else {
            return world.history.breach(.member, "\(name) hears \(said) without having joined")
        }
        checkMembership(receipt.hallID, began: world.history.sends[receipt.send].began, said)
        checkShown(receipt, in: hall)
        checkFresh(receipt, heard: world.now)
        checkName(receipt, written: world.history.began(receipt))
        if receipt.hasKey, world.history.sends[receipt.send].sender != person {
            world.history.breach(.forged, "\(name) got the client key of \(said)")
        }
        guard receipt.rev > hall.last else {
            let kind = hall.has(receipt) ? Breach.doubled : .disordered
            return world.history.breach(
                kind, "\(name) hears \(said) on a connection that was at \(hall.last)")
        }
        let isNext = receipt.rev == hall.last + 1
        if !isNext {
            world.history.breach(.hole, "\(name) hears \(said) right after \(hall.last)")
        }
        hall.last = receipt.rev
        store(receipt, in: hall, .live)
        if !isNext { join(hall) }
    }

    func store(_ receipt: Receipt, in hall: ClientHall, _ way: Stopwatch.Way) {
        switch hall.store(receipt) {
        case .free: world.stopwatch?.heard(world.history.sends[receipt.send], way)
        case .same: world.history.count("repeated")
        case .other:
            world.history.breach(
                .disordered, "\(name) has another message at \(receipt.rev) of hall \(hall.id)")
        }
    }

    func lookWhetherBack() {
        guard let stopwatch = world.stopwatch, halls.values.allSatisfy(\.isCaughtUp) else { return }
        stopwatch.isBack(person)
    }

    /// Whoever was taken out hears nothing that was said later than the promise allows.
    func checkMembership(_ hallID: Int64, began: Int64, _ said: String) {
        let membership = world.membership
        let isLate =
            membership.wasOut(person, hallID, at: began)
            || (world.now - impaired > 10_000
                && membership.wasOutUndisturbed(person, hallID, at: world.now))
        if isLate { world.history.breach(.member, "\(name), who was taken out, hears \(said)") }
    }

    // MARK: Joining

    /// - Parameter asksForChanges: whether it asks for them, too; if not, it has to ask again.
    func join(_ hall: ClientHall, asksForChanges: Bool = true) {
        guard phase == .online, !hall.isAsking else { return }
        (hall.isAsking, hall.askAt) = (true, nil)
        var members: [JSONValue.Member] = [
            .init("hall_id", .integer(hall.id)), .init("since_rev", .integer(hall.have)),
        ]
        if asksForChanges { members.append(.init("since_change", .integer(hall.known))) }
        ask(
            "join_hall", .object(members),
            .join(
                hall, since: hall.have, known: asksForChanges ? hall.known : nil, asked: world.now),
            within: world.manners.patience)
    }

    func joined(
        _ hall: ClientHall, _ since: Int64, _ known: Int64?, _ asked: Int64, _ answer: JSONValue
    ) {
        hall.isAsking = false
        guard answer["ok"]?.bool == true else {
            return refused(hall, asked, answer["error"]?["code"]?.string ?? "?")
        }
        if world.membership.wasOut(person, hall.id, at: asked) {
            world.history.breach(.member, "\(name), who was taken out, joined hall \(hall.id)")
        }
        guard let rev = answer["rev"]?.integer, let change = answer["change"]?.integer,
            let isComplete = answer["complete"]?.bool,
            let receipts = recognize(answer["messages"]),
            (isComplete && known != nil) == (answer["changed"]?.array != nil)
        else { return world.history.breach(.forged, "a join was answered without its members") }
        if hall.isIn, rev < hall.last || change < hall.told {
            world.history.breach(.disordered, "hall \(hall.id) went back to \(rev), \(change)")
        }
        (hall.isIn, hall.last) = (true, rev)
        hall.joined(at: change)
        if hall.id == world.everybody { hearsOfPeople() }
        world.history.count("replayed", receipts.count)
        let changed = recognize(answer["changed"]) ?? []
        for receipt in receipts + changed {
            checkShown(receipt, in: hall)
            if checkFresh(receipt, of: change) { checkFresh(receipt, joined: asked) }
        }
        // Whoever tells the last of it has heard of all that happened before that.
        let written = (receipts + changed).map { world.history.began($0) }.max() ?? 0
        for receipt in receipts + changed { checkName(receipt, written: written) }
        if isComplete { checkWhole(receipts, hall, since: since, rev: rev) }
        for receipt in receipts { store(receipt, in: hall, .replay) }
        if isComplete, let known {
            world.history.count("changes replayed", changed.count)
            take(changed, hall, since: known, change: change)
        } else if isComplete, hall.known < change {
            world.history.count("asked for changes later")
            join(hall)
        } else if hall.have < rev || hall.known < change {
            world.history.count("incomplete answers")
            hall.load = ClientHall.Load(
                target: rev, change: change, phase: hall.have < rev ? .pages : .changes)
        } else {
            hall.learn(upTo: change)
        }
        lookWhetherBack()
    }

    /// A whole answer holds each position between the two, once and in order.
    func checkWhole(_ receipts: [Receipt], _ hall: ClientHall, since: Int64, rev: Int64) {
        let wanted = since < rev ? Array(since + 1...rev) : []
        guard receipts.map(\.rev) != wanted || receipts.contains(where: { $0.hallID != hall.id })
        else { return }
        world.history.breach(
            .hole,
            "\(name) asked hall \(hall.id) since \(since); the answer, up to \(rev), is not whole")
    }

    private func refused(_ hall: ClientHall, _ asked: Int64, _ code: String) {
        world.history.count("join refused: \(code)")
        switch code {
        case "busy", "internal", "rate_limited":
            hall.askAt = world.now + random.milliseconds(200...600)
        case "not_found", "not_a_member":
            hall.isIn = false
            guard world.membership.wasIn(person, hall.id, at: asked) else { return }
            world.history.breach(.refused, "\(name), a member, may not join hall \(hall.id)")
            hall.askAt = world.now + 500
        default: world.history.breach(.refused, "a join was refused with \(code)")
        }
    }

    private func hallsChanged(_ argument: JSONValue?) {
        guard let id = argument?["hall_id"]?.integer else { return }
        switch argument?["change"]?.string {
        case "left":
            halls[id]?.disconnect()
        case "joined": enter(id)
        default: world.history.breach(.forged, "an unknown change of hall \(id)")
        }
    }

    /// It is a member of a hall: it wants to hear it.
    private func enter(_ id: Int64) {
        let hall = halls[id] ?? ClientHall(id: id)
        halls[id] = hall
        if !hall.isIn { join(hall) }
    }

    // MARK: Lists and histories

    func load(_ now: Int64) {
        guard !loads.isBusy else { return }
        if let at = listAt {
            if now >= at { loadList(now) }
        } else {
            loadHistories(now)
        }
    }

    private func loadList(_ now: Int64) {
        listAt = now + 10_000
        loads.request("GET", "/chat/halls") { [weak self] answer in
            guard let self, self.listAt != nil else { return }
            guard answer?.status == 200, let halls = answer?.json?["halls"]?.array else {
                self.world.history.count("list refused: \(answer?.status ?? 0)")
                self.listAt = self.world.now + self.random.milliseconds(200...600)
                return
            }
            self.listAt = nil
            for id in halls.compactMap({ $0["id"]?.integer }) { self.enter(id) }
        }
    }
}
