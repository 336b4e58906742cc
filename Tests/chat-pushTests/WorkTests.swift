// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import CompactJSON
import Figures
import Foundation
import NIOCore
import SocketIOServer
import Testing

@testable import ChatModels
@testable import chat_push

/// What one person orders, and what it costs the others.
@Suite struct OrderedWorkTests {
    private static func credentials(_ token: Character) -> Credentials {
        Credentials(tokens: [String(repeating: token, count: 43)], remoteUser: nil)
    }

    @Test func `a position of the future costs no read`() throws {
        try withSite(PushSite()) { site in
            try site.database.sayMany(2, in: site.hall, as: site.ana)
            let client = try site.client(site.ana)
            for since in 3..<103 {
                let answer = try client.call(
                    "join_hall",
                    ["hall_id": .integer(site.hall.id), "since_rev": .integer(Int64(since))])
                #expect(answer["complete"]?.bool == false)
            }
            #expect(site.store.figures.tally[.changesRead] == 0)
        }
    }

    @Test func `what was asked for by who has gone is not read`() throws {
        try withSite(PushSite(threads: 1)) { site in
            try site.database.sayMany(300, in: site.hall, as: site.ana)
            let (gone, stays) = (try site.client(site.ana), try site.client(site.ana))
            // The hall is known from here on, and its first messages are not remembered.
            #expect(try stays.call("join_hall", ["hall_id": .integer(site.hall.id)]).isOK)
            let goOn = site.pauseStore()
            for since in stride(from: 99, to: 0, by: -1) {
                gone.emit(
                    "join_hall",
                    ["hall_id": .integer(site.hall.id), "since_rev": .integer(Int64(since))])
            }
            #expect(eventually { site.store.figures.readsWaiting >= 99 })
            gone.hangUp()
            #expect(try eventually { try site.remembered().sockets == 1 })
            goOn()
            #expect(eventually { site.store.figures.readsWaiting == 0 })
            #expect(site.store.figures.tally[.readsAbandoned] >= 98)
            #expect(site.store.figures.tally[.changesRead] <= 2)
            #expect(
                try stays.call(
                    "join_hall", ["hall_id": .integer(site.hall.id), "since_rev": 1]
                ).isOK)
        }
    }

    @Test func `while another has the lock people sign in and read, and what is said waits`() throws
    {
        try withSite(PushSite()) { site in
            let client = try site.client(site.ana)
            let tokens = try (0..<3).map { _ in try site.database.createSession(for: site.ana).token
            }
            let unlock = site.lock()
            let id = client.emit(
                "send_message", ["hall_id": .integer(site.hall.id), "content": "x"])
            for token in tokens {
                let other = try site.client(token: token)
                #expect(try other.call("join_hall", ["hall_id": .integer(site.hall.id)]).isOK)
            }
            #expect(site.store.figures.tally.commitSeconds.count == 0)
            unlock()
            #expect(try client.answer(to: id).isOK)
            #expect(try site.database.hall(site.hall.id, as: site.ana.id).rev == 1)
        }
    }

    @Test func `who has many connections joins no more halls, and says no more, than with one`()
        throws
    {
        let few = Rate(perSecond: 1, burst: 3)
        try withSite(PushSite(joins: few)) { site in
            let bea = try site.client(site.join("bea"))
            let clients = try (0..<5).map { _ in try site.client(site.ana) }
            // More than time brings meanwhile, of which one connection alone would have had its three.
            let ids = clients.map { client in
                (0..<20).map { _ in client.emit("join_hall", ["hall_id": .integer(site.hall.id)]) }
            }
            for (client, ids) in zip(clients, ids).dropFirst() {
                let answers = try ids.map { try client.answer(to: $0) }
                #expect(answers.contains { $0.errorCode == "rate_limited" })
            }
            #expect(try bea.call("join_hall", ["hall_id": .integer(site.hall.id)]).isOK)
        }
        try withSite(PushSite(events: few)) { site in
            let clients = try (0..<5).map { _ in try site.client(site.ana) }
            // More than time brings meanwhile.
            for client in clients {
                for _ in 0..<100 { client.emit("nothing", [:], wantsAnswer: false) }
            }
            #expect(try clients[4].end() == .closed(1008))
            #expect(try eventually { try site.remembered().sockets <= 4 })
        }
    }
}

@Suite struct FairQueueTests {
    @Test func `they take turns, and each gets what it asked for in its order`() {
        var queue = FairQueue<String>()
        var isTaken = (1...3).map { queue.append("a\($0)", for: .person(1)) }
        isTaken.append(queue.append("b1", for: .person(2)))
        isTaken.append(queue.append("c1", for: .address("::1")))
        let first = queue.next()
        #expect(first == "a1")
        isTaken.append(queue.append("b2", for: .person(2)))
        let rest = (0..<5).map { _ in queue.next() }
        #expect(isTaken.allSatisfy { $0 })
        #expect(rest == ["b1", "c1", "a2", "b2", "a3"])
        #expect(queue.isEmpty)
    }

    @Test func `of one so much waits, and of others all the same`() {
        var queue = FairQueue<Int>(countMax: 2)
        let taken = (0..<3).map { queue.append($0, for: .person(1)) }
        #expect(taken == [true, true, false])
        var isTaken = [queue.append(3, for: .person(2))]
        let next = (0..<3).compactMap { _ in queue.next() }
        #expect(next == [0, 3, 1])
        isTaken.append(queue.append(4, for: .person(1)))
        #expect(isTaken == [true, true])
    }

    @Test func `a line keeps its order through any number`() {
        var line = Line<Int>()
        var (next, taken) = (0, 0)
        for step in 0..<10_000 {
            for _ in 0..<(step % 7) {
                line.append(next)
                next += 1
            }
            for _ in 0..<(step % 5) {
                guard let element = line.popFirst() else { break }
                #expect(element == taken)
                taken += 1
            }
            #expect(line.count == next - taken)
        }
    }
}

@Suite struct UserLimitsTests {
    private static let rates = PersonRates(
        sends: Rate(perSecond: 1, burst: 2), joins: Rate(perSecond: 1, burst: 1),
        marks: Rate(perSecond: 1, burst: 1),
        events: Rate(perSecond: 1, burst: 3))

    @Test func `a user has so many connections over all loops, and others have theirs`() throws {
        let limits = UserLimits(connectionsMax: 2, rates: Self.rates)
        let first = try #require(limits.begin(1, now: 0))
        #expect(limits.begin(1, now: 0) === first)
        #expect(limits.begin(1, now: 0) == nil)
        #expect(limits.begin(2, now: 0) != nil)
        first.end()
        #expect(limits.begin(1, now: 0) != nil)
    }

    @Test func `who comes back may not do more`() throws {
        let limits = UserLimits(connectionsMax: 2, rates: Self.rates)
        let before = try #require(limits.begin(1, now: 0))
        #expect((0..<3).map { _ in before.take(.sends, now: 0) } == [nil, nil, 1])
        #expect((0..<2).map { _ in before.take(.joins, now: 0) } == [nil, 1])
        #expect((0..<4).map { _ in before.takeEvent(now: 0) } == [true, true, true, false])
        before.end()
        let after = try #require(limits.begin(1, now: 0))
        #expect(after.take(.sends, now: 0) == 1 && after.take(.joins, now: 0) == 1)
        #expect(!after.takeEvent(now: 0))
        #expect(after.take(.sends, now: 1_000) == nil && after.take(.joins, now: 1_000) == nil)
        #expect(after.takeEvent(now: 1_000))
    }

    @Test func `who says nothing any more is forgotten`() throws {
        let limits = UserLimits(connectionsMax: 2, rates: Self.rates)
        for user in 1...5_000 {
            let person = try #require(limits.begin(Int64(user), now: Int64(user) * 10))
            _ = person.take(.sends, now: Int64(user) * 10)
            if user > 10 { person.end() }
        }
        #expect((10...1_500).contains(limits.count))
        #expect(limits.begin(1, now: 0) != nil && limits.begin(1, now: 0) == nil)
    }
}
