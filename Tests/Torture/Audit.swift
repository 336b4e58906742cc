// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// In the end some members of each hall load all of it afresh over REST: message by message it is what they have made of
/// events and answers. The others are held against the database, by ``Judge``.
final class Audit {
    private static let membersMax = 2
    private static let triesMax = 20

    private struct Reading {
        var client: Client
        var hall: ClientHall
        var pages: [Receipt] = []
        var before: Int64?
        /// Of which change the pages are.
        var change: Int64 = 0
        var tries = 0
        /// Whether the pages are there, and only what was changed lately is asked for.
        var isLast = false
    }

    private let world: World
    private var waiting: [Reading] = []
    private var random: Randomness

    init(_ world: World) {
        self.world = world
        random = Randomness(seed: world.seed, part: "audit")
        for hallID in world.halls {
            let members = world.membership.people(in: hallID).filter {
                world.clients[$0].halls[hallID] != nil
            }
            for index in random.picks(Self.membersMax, of: members.count) {
                let client = world.clients[members[index]]
                if let hall = client.halls[hallID] {
                    waiting.append(Reading(client: client, hall: hall))
                }
            }
        }
    }

    private var underWay = 0
    var isDone: Bool { waiting.isEmpty && underWay == 0 }

    /// Asks for what is next, of some at a time.
    func turn() {
        while underWay < 8, let index = waiting.firstIndex(where: { !$0.client.loads.isBusy }) {
            ask(waiting.remove(at: index))
        }
    }

    private func ask(_ reading: Reading) {
        underWay += 1
        var path = "/chat/messages/\(reading.hall.id)?limit=200"
        if reading.isLast {
            path += "&since_rev=\(since(reading).rev)&since_change=\(since(reading).change)"
        } else if let before = reading.before {
            path += "&before=\(before)"
        }
        let asked = world.now
        reading.client.loads.request("GET", path) { [weak self] answer in
            guard let self else { return }
            self.underWay -= 1
            var reading = reading
            let body = answer?.status == 200 ? answer?.json : nil
            let plant = self.world.plant
            guard
                let page = body.map({
                    plant?.pass(page: $0, to: reading.client, asked: asked) ?? $0
                }),
                let receipts = reading.client.recognize(page["messages"]),
                let change = page["change"]?.integer
            else {
                reading.tries += 1
                if reading.tries < Self.triesMax { return self.waiting.append(reading) }
                let status = answer?.status ?? 0
                return self.world.history.breach(
                    .away, "hall \(reading.hall.id) cannot be loaded in the end: \(status)")
            }
            for receipt in receipts { reading.client.checkFresh(receipt, asked: asked) }
            if reading.isLast {
                self.judgeLast(reading, page, receipts, change)
            } else {
                self.take(receipts, change, page["has_more"]?.bool == true, reading)
            }
        }
    }

    private func take(
        _ receipts: [Receipt], _ change: Int64, _ hasMore: Bool, _ reading: Reading
    ) {
        var reading = reading
        reading.pages = receipts + reading.pages
        reading.change = change
        reading.before = receipts.first?.id
        reading.isLast = !hasMore
        if !hasMore { compare(reading) }
        waiting.append(reading)
    }

    private func compare(_ reading: Reading) {
        let (client, hall) = (reading.client, reading.hall)
        let text = "\(client.name), of hall \(hall.id), which is loaded afresh,"
        if reading.pages.map(\.rev) != Array(1..<hall.have + 1) {
            world.history.breach(.hole, "\(text) has \(hall.have)")
        }
        for receipt in reading.pages {
            world.history.count("compared with a fresh history")
            if receipt.change > 0 { world.history.count("changed, compared with a fresh history") }
            let (send, state) = (hall.send(at: receipt.rev), hall.state(at: receipt.rev))
            guard send != receipt.send || state != receipt.change else { continue }
            world.history.breach(
                .lost, "\(text) has m\(send ?? -1) as of \(state), and it is \(receipt)")
        }
        let last = reading.pages.map(\.change).max() ?? 0
        if last != reading.change || hall.known != reading.change {
            world.history.breach(
                .lost, "\(text) knows change \(hall.known) of \(reading.change), \(last)")
        }
    }

    /// From where the last question is asked: less than a whole answer holds at most.
    private func since(_ reading: Reading) -> (rev: Int64, change: Int64) {
        (max(0, reading.hall.have - 70), max(0, reading.change - 90))
    }

    /// What was said and changed lately, asked for as who comes back does, is what the pages have.
    private func judgeLast(
        _ reading: Reading, _ page: JSONValue, _ receipts: [Receipt], _ change: Int64
    ) {
        let since = since(reading)
        let changed = (reading.client.recognize(page["changed"]) ?? []).map(Self.text)
        let wantedChanges = reading.pages.filter { $0.change > since.change }
            .sorted { $0.change < $1.change }.map(Self.text)
        let wanted = reading.pages.filter { $0.rev > since.rev }.map(Self.text)
        let isSound =
            page["complete"]?.bool == true && change == reading.change && changed == wantedChanges
            && receipts.map(Self.text) == wanted
        if !isSound {
            world.history.breach(
                .hole, "hall \(reading.hall.id) since \(since) is not what its pages have")
        }
    }

    private static func text(_ receipt: Receipt) -> String {
        "\(receipt.id) \(receipt.rev) \(receipt.send) \(receipt.change)"
    }
}
