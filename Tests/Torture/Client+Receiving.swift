// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// What a client hears, and what must be true of it.
extension Client {
    private static let newMessage = Array("[\"new_message\",".utf8)

    func received(event: ArraySlice<UInt8>) {
        if event.starts(with: Self.newMessage) {
            guard let receipt = world.history.recognize(event: event) else { return }
            world.history.count("receipts")
            if let plant = world.plant {
                for forged in plant.pass(receipt, to: self) { heard(forged) }
            } else {
                heard(receipt)
            }
            return
        }
        guard let elements = (try? JSONValue(parsing: event))?.array,
            let name = elements.first?.string
        else { return world.history.breach(.forged, "an event that is none") }
        switch name {
        case "halls_changed": hallsChanged(elements.last)
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
        checkMembership(receipt, said)
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

    private func store(_ receipt: Receipt, in hall: ClientHall, _ way: Stopwatch.Way) {
        switch hall.store(receipt) {
        case .free: world.stopwatch?.heard(world.history.sends[receipt.send], way)
        case .same: world.history.count("repeated")
        case .other:
            world.history.breach(
                .disordered, "\(name) has another message at \(receipt.rev) of hall \(hall.id)")
        }
    }

    private func lookWhetherBack() {
        guard let stopwatch = world.stopwatch, halls.values.allSatisfy(\.isCaughtUp) else { return }
        stopwatch.isBack(person)
    }

    /// Whoever was taken out hears nothing that was said later than the promise allows.
    private func checkMembership(_ receipt: Receipt, _ said: String) {
        let membership = world.membership
        let began = world.history.sends[receipt.send].began
        let isLate =
            membership.wasOut(person, receipt.hallID, at: began)
            || (world.now - impaired > 10_000
                && membership.wasOutUndisturbed(person, receipt.hallID, at: world.now))
        if isLate { world.history.breach(.member, "\(name), who was taken out, hears \(said)") }
    }

    // MARK: Joining

    func join(_ hall: ClientHall) {
        guard phase == .online, !hall.isAsking else { return }
        (hall.isAsking, hall.askAt) = (true, nil)
        ask(
            "join_hall", ["hall_id": .integer(hall.id), "since_rev": .integer(hall.have)],
            .join(hall, since: hall.have, asked: world.now), within: world.manners.patience)
    }

    func joined(_ hall: ClientHall, _ since: Int64, _ asked: Int64, _ answer: JSONValue) {
        hall.isAsking = false
        guard answer["ok"]?.bool == true else {
            return refused(hall, asked, answer["error"]?["code"]?.string ?? "?")
        }
        if world.membership.wasOut(person, hall.id, at: asked) {
            world.history.breach(.member, "\(name), who was taken out, joined hall \(hall.id)")
        }
        guard let rev = answer["rev"]?.integer, let isComplete = answer["complete"]?.bool,
            let messages = answer["messages"]?.array?.map({ world.history.recognize($0) })
        else { return world.history.breach(.forged, "a join was answered without its members") }
        let receipts = messages.compactMap { $0 }
        if hall.isIn, rev < hall.last {
            world.history.breach(.disordered, "hall \(hall.id) went back to \(rev)")
        }
        (hall.isIn, hall.last) = (true, rev)
        world.history.count("replayed", receipts.count)
        if isComplete { checkWhole(receipts, hall, since: since, rev: rev) }
        for receipt in receipts { store(receipt, in: hall, .replay) }
        if !isComplete, hall.have < rev {
            world.history.count("incomplete answers")
            hall.load = ClientHall.Load(target: rev)
        }
        lookWhetherBack()
    }

    /// A whole answer holds each position between the two, once and in order.
    private func checkWhole(_ receipts: [Receipt], _ hall: ClientHall, since: Int64, rev: Int64) {
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

    /// Where an answer was not whole, the hall is loaded over REST, page by page, until what is there is reached.
    private func loadHistories(_ now: Int64) {
        let hall = halls.values.first { $0.load.map { now >= $0.retryAt } ?? false }
        guard let hall, let load = hall.load else { return }
        var path = "/chat/messages/\(hall.id)?limit=200"
        if let before = load.before { path += "&before=\(before)" }
        hall.load?.retryAt = now + 10_000
        loads.request("GET", path) { [weak self] answer in
            self?.loaded(hall, answer, asked: now)
        }
    }

    private func loaded(_ hall: ClientHall, _ answer: HTTPAnswer?, asked: Int64) {
        guard let load = hall.load else { return }
        guard let answer, answer.status == 200, let page = answer.json else {
            let status = answer?.status ?? 0
            world.history.count("history refused: \(status)")
            hall.load?.retryAt = world.now + random.milliseconds(200...600)
            if [403, 404].contains(status) {
                hall.load = nil
                if world.membership.wasIn(person, hall.id, at: asked) {
                    world.history.breach(.refused, "\(name), a member, may not read \(hall.id)")
                }
            }
            return
        }
        if world.membership.wasOut(person, hall.id, at: asked) {
            world.history.breach(.member, "\(name), who was taken out, reads hall \(hall.id)")
        }
        take(page, hall, load)
    }

    private func take(_ page: JSONValue, _ hall: ClientHall, _ load: ClientHall.Load) {
        let receipts = (page["messages"]?.array ?? []).compactMap { world.history.recognize($0) }
        world.history.count("loaded", receipts.count)
        let revs = receipts.map(\.rev)
        if zip(revs, revs.dropFirst()).contains(where: { $0 + 1 != $1 }) {
            world.history.breach(.hole, "a page of hall \(hall.id) has a hole")
        }
        for receipt in receipts { store(receipt, in: hall, .history) }
        let isDone = (revs.first ?? 0) <= hall.have + 1 || page["has_more"]?.bool == false
        if !isDone, hall.have < load.target {
            hall.load?.before = receipts.first?.id
            hall.load?.retryAt = 0
            return
        }
        hall.load = nil
        if hall.have < load.target {
            world.history.breach(
                .hole, "\(name) loaded hall \(hall.id) and has \(hall.have) of \(load.target)")
        }
        lookWhetherBack()
    }
}
