// SPDX-License-Identifier: Apache-2.0

import ChatModels

/// Holds what every client has in the end against what is in the database, and both against what was said.
struct Judge {
    let world: World
    let database: ChatDatabase
    /// Whoever is in all halls and reads them for the judge.
    let reader: Int64

    func judge() throws {
        for problem in try database.problems() { world.history.breach(.database, problem) }
        var seen: [Int: Int] = [:]
        for hallID in world.halls {
            let truth = try readHall(hallID)
            for send in truth { seen[send, default: 0] += 1 }
            for client in world.clients { compare(client, hallID, truth) }
        }
        for (send, count) in seen where count > 1 {
            world.history.breach(.doubled, "m\(send) is in the database \(count) times")
        }
        for (index, send) in world.history.sends.enumerated()
        where send.isAcknowledged && seen[index] == nil {
            world.history.breach(.lost, "m\(index) was acknowledged and is not in the database")
        }
        world.history.count("messages kept", seen.count)
        world.history.count(
            "kept without an acknowledgement",
            seen.keys.count { !world.history.sends[$0].isAcknowledged })
    }

    /// The sends of a hall in its order, which has no holes.
    private func readHall(_ hallID: Int64) throws -> [Int] {
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
            world.history.recognize(
                id: message.id, rev: message.rev, hallID: message.hallID,
                senderID: message.senderID, username: message.username, content: message.content,
                key: message.clientKey)?.send
        }
    }

    /// A member has all of it; whoever left has a part of it, and nothing else.
    private func compare(_ client: Client, _ hallID: Int64, _ truth: [Int]) {
        let places = client.halls[hallID]?.places ?? []
        let isMember = world.membership.isIn(client.person, hallID)
        var missing: [Int] = []
        for (index, send) in truth.enumerated() {
            let mark = places.indices.contains(index) ? places[index] : 0
            if mark == Int32(send + 1) { continue }
            if mark > 0 {
                let place = "at \(index + 1) of hall \(hallID)"
                world.history.breach(
                    .disordered, "\(client.name) has m\(mark - 1), not m\(send), \(place)")
            } else if isMember {
                missing.append(index)
            }
        }
        if places.count > truth.count {
            world.history.breach(
                .forged, "\(client.name) has more of hall \(hallID) than there is")
        }
        guard let first = missing.first else { return }
        let acknowledged = missing.count { world.history.sends[truth[$0]].isAcknowledged }
        world.history.breach(
            .lost,
            """
            \(client.name) (\(client.kind.rawValue)) misses \(missing.count) of \(truth.count) \
            messages of hall \(hallID), \(acknowledged) of them acknowledged, from \(first + 1) \
            (m\(truth[first])) on
            """)
    }
}
