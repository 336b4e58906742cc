// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// What a client loads over REST where the answer to a join was not whole.
extension Client {
    /// A hall is loaded page by page, until what is there is reached; then what was changed meanwhile of what is there, and
    /// all of it where that is too much.
    func loadHistories(_ now: Int64) {
        let hall = halls.values.first { $0.load.map { now >= $0.retryAt } ?? false }
        guard let hall, let load = hall.load else { return }
        var path = "/chat/messages/\(hall.id)"
        let (since, known) = (hall.have, hall.known)
        if load.phase == .changes {
            let limit = random.pick([2, 20, 200])
            path += "?limit=\(limit)&since_rev=\(since)&since_change=\(known)"
        } else {
            path += "?limit=200"
            if let before = load.before { path += "&before=\(before)" }
        }
        hall.load?.retryAt = now + 10_000
        loads.request("GET", path) { [weak self] answer in
            guard let self, var page = self.loaded(hall, answer, asked: now) else { return }
            if let plant = self.world.plant { page = plant.pass(page: page, to: self, asked: now) }
            guard let change = page["change"]?.integer,
                let receipts = self.recognize(page["messages"])
            else { return self.world.history.breach(.forged, "a page without its members") }
            self.world.history.count("loaded", receipts.count)
            for receipt in receipts {
                if self.checkFresh(receipt, of: change) { self.checkFresh(receipt, asked: now) }
            }
            if load.phase == .changes {
                self.takeChanges(page, receipts, hall, since: since, known: known, asked: now)
            } else {
                self.take(page, receipts, hall, load, change: change)
            }
        }
    }

    /// - Returns: the page, if there is one, and it is still wanted.
    private func loaded(_ hall: ClientHall, _ answer: HTTPAnswer?, asked: Int64) -> JSONValue? {
        guard hall.load != nil else { return nil }
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
            return nil
        }
        if world.membership.wasOut(person, hall.id, at: asked) {
            world.history.breach(.member, "\(name), who was taken out, reads hall \(hall.id)")
        }
        return page
    }

    private func take(
        _ page: JSONValue, _ receipts: [Receipt], _ hall: ClientHall, _ load: ClientHall.Load,
        change: Int64
    ) {
        let revs = receipts.map(\.rev)
        if zip(revs, revs.dropFirst()).contains(where: { $0 + 1 != $1 }) {
            world.history.breach(.hole, "a page of hall \(hall.id) has a hole")
        }
        for receipt in receipts { store(receipt, in: hall, .history) }
        if load.before == nil { hall.load?.version = change }
        let isFirst = page["has_more"]?.bool == false
        let isDone =
            load.phase == .everything
            ? isFirst
            : (revs.first ?? 0) <= hall.have + 1 || isFirst || hall.have >= load.target
        if !isDone {
            hall.load?.before = receipts.first?.id
            hall.load?.retryAt = 0
            return
        }
        if hall.have < load.target {
            world.history.breach(
                .hole, "\(name) loaded hall \(hall.id) and has \(hall.have) of \(load.target)")
        }
        if load.phase == .everything { hall.learn(upTo: hall.load?.version ?? 0) }
        endPhase(hall, next: .changes)
    }

    private func takeChanges(
        _ page: JSONValue, _ receipts: [Receipt], _ hall: ClientHall, since: Int64, known: Int64,
        asked: Int64
    ) {
        guard let rev = page["rev"]?.integer, let change = page["change"]?.integer,
            let isComplete = page["complete"]?.bool,
            isComplete == (page["changed"]?.array != nil)
        else { return world.history.breach(.forged, "a page of changes without its members") }
        guard isComplete else {
            world.history.count("too many changes")
            return endPhase(hall, next: .everything)
        }
        let changed = recognize(page["changed"]) ?? []
        for receipt in changed { checkFresh(receipt, asked: asked) }
        checkWhole(receipts, hall, since: since, rev: rev)
        for receipt in receipts { store(receipt, in: hall, .history) }
        world.history.count("changes loaded", changed.count)
        take(changed, hall, since: known, change: change)
        endPhase(hall, next: .everything)
    }

    private func endPhase(_ hall: ClientHall, next: ClientHall.Load.Phase) {
        guard let load = hall.load else { return }
        guard hall.known < load.change else {
            hall.load = nil
            return lookWhetherBack()
        }
        if load.phase == .everything {
            hall.load = nil
            return world.history.breach(
                .hole,
                "\(name) loaded all of hall \(hall.id), and knows change \(hall.known) of \(load.change)"
            )
        }
        hall.load = ClientHall.Load(target: load.target, change: load.change, phase: next)
    }
}
