// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// What a client knows of the people around it.
struct Acquaintances {
    /// By index of the person: the newest version that it knows; none is the one of the beginning.
    var known: [Int: Int64] = [:]
    /// What this connection has told.
    var heard: [Int: Int64] = [:]
    /// Since when this connection hears of everybody.
    var since: Int64?
    /// When to ask what was missed; `nil` if nothing was.
    var askAt: Int64?
    /// The hall whose members, or last messages, are looked at next.
    var hallID: Int64?
    /// The last messages of halls as they were loaded, with the tag of that answer.
    var pages: [Int64: (tag: String, receipts: [Receipt])] = [:]
    var deadline: Int64 = 0
    /// The name that it wants to have, and since when.
    var wish: (name: String, began: Int64, tries: Int, nextAt: Int64)?
}

extension Client {
    private static let patience: Int64 = 4_000
    /// Within how many milliseconds who is there hears of a change.
    static let newsAgeMax: Int64 = 2_000

    /// Asks for what is missing of people, or wants another name.
    func attendPeople(_ now: Int64) {
        if people.isBusy {
            if now >= acquaintances.deadline { people.abandon() }
            return
        }
        acquaintances.deadline = now + Self.patience
        if let wish = acquaintances.wish, now >= wish.nextAt {
            become(wish.name, began: wish.began)
        } else if let at = acquaintances.askAt, now >= at {
            askForPeople(now)
        } else if let hallID = acquaintances.hallID {
            acquaintances.hallID = nil
            if random.isTrue(oneIn: 4) {
                askForMembers(of: hallID, now)
            } else {
                askForPage(of: hallID, now)
            }
        }
    }

    // MARK: Hearing

    /// A `user_changed` as it came on this connection.
    func heard(_ sight: Sight) {
        let said = "version \(sight.version) of \(world.history.people[sight.person].name)"
        world.history.count("people heard of")
        if let last = acquaintances.heard[sight.person], sight.version <= last {
            world.history.breach(.disordered, "\(name) hears \(said) after \(last)")
        }
        acquaintances.heard[sight.person] = sight.version
        checkName(sight.username, of: sight.person, "hears, in \(said),", heard: world.now)
        learn(sight)
        if random.isTrue(oneIn: 10) { lookAround() }
    }

    private func learn(_ sight: Sight) {
        acquaintances.known[sight.person] = max(knows(sight.person), sight.version)
    }

    func knows(_ person: Int) -> Int64 { acquaintances.known[person] ?? 0 }

    /// This connection hears of everybody from now on: what happened before has to be asked for.
    func hearsOfPeople() {
        guard !world.movers.isEmpty, acquaintances.since == nil else { return }
        acquaintances.since = world.now
        acquaintances.askAt = world.now + random.milliseconds(0...100)
    }

    /// Whoever was there all the time, and was not disturbed, has heard of a change.
    func checkTold(_ announcement: Announcement) {
        guard let since = acquaintances.since, since < announcement.began,
            announcement.began - impaired > 10_000,
            world.membership.disturbed < announcement.began
        else { return }
        world.history.count("people told of in time")
        checkKnows(announcement.person, announcement.version, "has not heard in time of")
    }

    /// It has the version of a person, or a newer one.
    func checkKnows(_ person: Int, _ version: Int64, _ verb: String) {
        guard knows(person) < version else { return }
        let other = world.history.people[person].name
        world.history.breach(
            .unheard,
            "\(name) (\(kind.rawValue)) \(verb) version \(version) of \(other), and knows \(knows(person))"
        )
        // Once is enough.
        acquaintances.known[person] = version
    }

    // MARK: Asking

    /// What has become of people while it was away. Of those of whom nothing changes in this run it asks nothing.
    private func askForPeople(_ now: Int64) {
        acquaintances.askAt = now + 10_000
        let asked = world.movers.map { ($0, knows($0)) }
        let ids = asked.map { String(world.history.people[$0.0].id) }.joined(separator: ",")
        let versions = asked.map { String($0.1) }.joined(separator: ",")
        let since = acquaintances.since
        people.request("GET", "/chat/users?ids=\(ids)&versions=\(versions)") { [weak self] answer in
            guard let self else { return }
            guard answer?.status == 200, let users = answer?.json?["users"]?.array else {
                self.world.history.count("people refused: \(answer?.status ?? 0)")
                return self.askAgain()
            }
            self.world.history.count("people asked for")
            var news: [Int: Int64] = [:]
            for sight in self.recognize(users: users, asked: now) {
                self.learn(sight)
                news[sight.person] = sight.version
            }
            self.world.history.count("people learned of", news.count)
            for (person, known) in asked {
                self.checkVersion(news[person] ?? known, of: person, asked: now)
            }
            // Of an earlier connection: what is missed since then is asked for once more.
            guard since == self.acquaintances.since, since != nil else { return }
            self.acquaintances.askAt = nil
            if self.random.isTrue(oneIn: 2) { self.lookAround() }
        }
    }

    private func askAgain() {
        guard acquaintances.askAt != nil else { return }
        acquaintances.askAt = world.now + random.milliseconds(200...600)
    }

    /// It looks who is in one of its halls, and what is said there: mostly in that of everybody.
    private func lookAround() {
        let mine = halls.values.filter(\.isIn).map(\.id).sorted()
        guard !mine.isEmpty else { return }
        acquaintances.hallID =
            mine.contains(world.everybody) && !random.isTrue(oneIn: 4)
            ? world.everybody : random.pick(mine)
    }

    /// As a browser does: whatever it has may be used again where the server says that it is still so.
    private func askForPage(of hallID: Int64, _ now: Int64) {
        let known = acquaintances.pages[hallID]
        people.request("GET", "/chat/messages/\(hallID)", tag: known?.tag) { [weak self] answer in
            guard let self, let answer else { return }
            if answer.status == 304, let known {
                self.world.history.count("pages that are still so")
                for receipt in known.receipts { self.checkFresh(receipt, asked: now) }
                return
            }
            guard answer.status == 200, let receipts = self.recognize(answer.json?["messages"])
            else { return }
            self.world.history.count("pages looked at")
            for receipt in receipts { self.checkFresh(receipt, asked: now) }
            self.acquaintances.pages[hallID] = answer.tag.map { ($0, receipts) }
        }
    }

    private func askForMembers(of hallID: Int64, _ now: Int64) {
        let path = "/chat/halls/\(hallID)/members?limit=1000"
        people.request("GET", path) { [weak self] answer in
            guard let self, answer?.status == 200, let members = answer?.json?["members"]?.array
            else { return }
            for sight in self.recognize(users: members, asked: now) {
                self.checkVersion(sight.version, of: sight.person, asked: now)
            }
        }
    }

    private func recognize(users: [JSONValue], asked: Int64) -> [Sight] {
        users.compactMap { user in
            // Whoever reads for the judge is in all halls, too.
            if user["username"]?.string == Stage.readerName { return nil }
            guard let sight = world.history.recognize(user: user, now: world.now) else {
                return nil
            }
            checkName(sight.username, of: sight.person, "loads", asked: asked)
            return sight
        }
    }

    /// An answer over REST is of the database as it is then: it has what anybody had seen before.
    private func checkVersion(_ version: Int64, of person: Int, asked: Int64) {
        let newest = world.history.people[person].newest(before: asked)
        guard version < newest else { return }
        let other = world.history.people[person].name
        world.history.breach(
            .stale, "\(name) loads version \(version) of \(other), which has been at \(newest)")
    }

    // MARK: Names of its own

    /// It wants to be shown under another name.
    func want(_ name: String) {
        acquaintances.wish = (name, world.now, 0, world.now)
    }

    private func become(_ name: String, began: Int64) {
        acquaintances.wish?.tries += 1
        let body: JSONValue = ["name": .string(name)]
        let asked = world.now
        people.request("PATCH", "/chat/me", body: body.bytes) { [weak self] answer in
            guard let self, let wish = self.acquaintances.wish else { return }
            let status = answer?.status ?? 0
            let sight =
                status == 200
                ? answer?.json?["user"].flatMap {
                    self.world.history.recognize(user: $0, now: self.world.now)
                } : nil
            if let sight {
                self.checkName(sight.username, of: self.person, "is answered with", asked: asked)
                if sight.person != self.person {
                    self.world.history.breach(.forged, "\(self.name) is another to PATCH me")
                }
                self.world.history.count("names acknowledged")
                self.world.history.acknowledge(sight, began: began, now: self.world.now)
            } else if status == 0 || status >= 500, wish.tries < 6 {
                self.world.history.count("names again")
                self.acquaintances.wish?.nextAt = self.world.now + 300
                return
            } else {
                self.world.history.count("names given up: \(status)")
            }
            self.acquaintances.wish = nil
            self.world.history.people[self.person].isChanging = false
        }
    }

    // MARK: Old usernames

    /// What was said later than a moment carries the username of then, or of later; whatever is hurt.
    func checkName(_ receipt: Receipt, written moment: Int64) {
        checkName(
            receipt.username, of: receipt.sender, "sees, of m\(receipt.send),", asked: moment)
    }

    /// An answer over REST, and the acknowledgement of what is written, is of the database as it is then.
    func checkName(_ username: String, of person: Int, _ verb: String, asked: Int64) {
        judge(world.history.isOld(username, of: person, before: asked), username, person, verb)
    }

    /// chat-push may be some moments behind, unless it is hurt.
    func checkName(_ username: String, of person: Int, _ verb: String, joined asked: Int64) {
        let isOld = world.history.isOld(
            username, of: person, since: world.membership.disturbed, before: asked - Self.ageMax)
        judge(isOld, username, person, verb)
    }

    /// What comes by itself may also have waited for a slow reader.
    func checkName(_ username: String, of person: Int, _ verb: String, heard now: Int64) {
        guard now - impaired > 10_000 else { return }
        checkName(username, of: person, verb, joined: now)
    }

    private func judge(_ isOld: Bool, _ username: String, _ person: Int, _ verb: String) {
        world.history.count("usernames held against newer ones")
        guard isOld else { return }
        world.history.count("old usernames seen")
        let someone = world.history.people[person]
        world.history.breach(
            .misnamed, "\(name) \(verb) \(username), who is \(someone.username) (\(someone.name))")
    }
}
