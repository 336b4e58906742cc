// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON

/// Holds what every client has in the end against what is in the database, and both against what was said.
struct Judge {
    let world: World
    let database: ChatDatabase
    /// Whoever is in all halls and reads them for the judge.
    let reader: Int64

    func judge() throws {
        for problem in try database.problems() { world.history.breach(.database, problem) }
        var seen: [Int: Receipt] = [:]
        for hallID in world.halls {
            let truth = try readHall(hallID)
            for receipt in truth {
                guard seen.updateValue(receipt, forKey: receipt.send) != nil else { continue }
                world.history.breach(.doubled, "m\(receipt.send) is in the database twice")
            }
            for client in world.clients { compare(client, hallID, truth) }
        }
        for (index, send) in world.history.sends.enumerated()
        where send.isAcknowledged && seen[index] == nil {
            world.history.breach(.lost, "m\(index) was acknowledged and is not in the database")
        }
        for number in world.history.amendments.indices { judge(amendment: number, seen) }
        for receipt in seen.values where receipt.isDeleted { judge(deletion: receipt) }
        for person in world.movers { try judge(person: person) }
        world.history.count("messages kept", seen.count)
        world.history.count("changed messages kept", seen.values.count { $0.change > 0 })
        world.history.count(
            "kept without an acknowledgement",
            seen.keys.count { !world.history.sends[$0].isAcknowledged })
    }

    /// What was acknowledged is so, unless something later has become of the message.
    private func judge(amendment number: Int, _ seen: [Int: Receipt]) {
        let amendment = world.history.amendments[number]
        guard amendment.isAcknowledged else { return }
        let last = seen[amendment.send]
        let isKept =
            amendment.isEdit
            ? amendment.change.map { $0 <= last?.change ?? 0 } ?? false
            : last?.isDeleted ?? false
        if !isKept {
            world.history.count("acknowledged \(amendment.noun) lost")
            world.history.breach(
                .lost, "change a\(number) of m\(amendment.send) was acknowledged and is not kept")
        }
    }

    /// Somebody who may has deleted it.
    private func judge(deletion receipt: Receipt) {
        let history = world.history
        let wishes = history.sends[receipt.send].deletions.map { history.amendments[$0] }
        if wishes.allSatisfy(\.isRefused) {
            history.breach(.forged, "m\(receipt.send) was deleted, and nobody was let do it")
        }
    }

    /// A person has the username that was acknowledged last, and everybody knows the newest version.
    private func judge(person: Int) throws {
        let history = world.history
        let someone = history.people[person]
        guard let user = try database.userSnapshot(someone.id)?.user else {
            return history.breach(.lost, "\(someone.name) is not in the database")
        }
        if user.username != someone.username {
            history.breach(
                .lost, "\(someone.name) is \(user.username), and was to be \(someone.username)")
        }
        if user.version < someone.acknowledgedVersion {
            history.breach(
                .lost,
                "\(someone.name) is at \(user.version), and was at \(someone.acknowledgedVersion)")
        }
        for client in world.clients {
            if client.knows(person) == user.version { history.count("people known in the end") }
            client.checkKnows(person, user.version, "has not heard, in the end, of")
        }
    }

    /// The messages of a hall in its order, which has no holes.
    private func readHall(_ hallID: Int64) throws -> [Receipt] {
        var messages: [Message] = []
        var position: Int64 = 0
        var before: Int64?
        repeat {
            let page = try database.messages(of: hallID, as: reader, limit: 200, before: before)
            messages = page.messages + messages
            position = max(position, page.rev)
            before = page.hasMore ? page.messages.first?.id : nil
        } while before != nil
        let revs = messages.map(\.rev)
        if revs != Array(1..<position + 1) {
            world.history.breach(.hole, "hall \(hallID), at \(position), has the positions \(revs)")
        }
        if zip(messages, messages.dropFirst()).contains(where: { $0.id >= $1.id }) {
            world.history.breach(.disordered, "hall \(hallID) has ids against its positions")
        }
        let keys = messages.compactMap { message in
            message.clientKey.map { "\(message.senderID) \($0)" }
        }
        if Set(keys).count != messages.count {
            world.history.breach(.doubled, "hall \(hallID) has a client key twice or not at all")
        }
        return messages.compactMap { message in
            var json = JSONWriter()
            message.write(to: &json, for: message.senderID)
            let receipt = (try? JSONValue(parsing: json.bytes)).flatMap {
                world.history.recognize($0, now: world.now)
            }
            if let receipt, world.history.isOld(receipt.username, of: receipt.sender, before: .max)
            {
                world.history.breach(
                    .misnamed, "m\(receipt.send) is of \(receipt.username) in the database")
            }
            return receipt
        }
    }

    /// A member has all of it; whoever left has a part of it, and nothing else.
    private func compare(_ client: Client, _ hallID: Int64, _ truth: [Receipt]) {
        let places = client.halls[hallID]?.places ?? []
        let isMember = world.membership.isIn(client.person, hallID)
        var missing: [Int] = []
        for (index, receipt) in truth.enumerated() {
            let mark = places.indices.contains(index) ? places[index] : 0
            if mark == Int32(receipt.send + 1) {
                compareState(client, receipt, isMember: isMember)
            } else if mark > 0 {
                let place = "at \(index + 1) of hall \(hallID)"
                world.history.breach(
                    .disordered, "\(client.name) has m\(mark - 1), not m\(receipt.send), \(place)")
            } else if isMember {
                missing.append(index)
            }
        }
        if places.count > truth.count {
            world.history.breach(
                .forged, "\(client.name) has more of hall \(hallID) than there is")
        }
        guard let first = missing.first else { return }
        let acknowledged = missing.count { world.history.sends[truth[$0].send].isAcknowledged }
        world.history.breach(
            .lost,
            """
            \(client.name) (\(client.kind.rawValue)) misses \(missing.count) of \(truth.count) \
            messages of hall \(hallID), \(acknowledged) of them acknowledged, from \(first + 1) \
            (m\(truth[first].send)) on
            """)
    }

    /// A member has the last state of each message; whoever left has one that there was.
    private func compareState(_ client: Client, _ receipt: Receipt, isMember: Bool) {
        let state = client.halls[receipt.hallID]?.state(at: receipt.rev) ?? 0
        if receipt.change == 0, state == 0 { return }
        if state == receipt.change { return world.history.count("states held by members") }
        guard isMember || state > receipt.change else { return }
        world.history.count("states missed by members")
        world.history.breach(
            state < receipt.change ? .lost : .disordered,
            """
            \(client.name) (\(client.kind.rawValue)) has m\(receipt.send) of hall \
            \(receipt.hallID) as of change \(state), not \(receipt.change)
            """)
    }
}
