// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatTesting
import CompactJSON
import Foundation
import NIOCore
import SocketIOServer
import Synchronization
import Testing

@testable import chat_push

/// Joining at a position: nothing is lost and nothing doubled, whoever writes meanwhile.
@Suite struct JoinTests {
    @Test func `an answer tells the hall and its position, and since a position what was missed`()
        throws
    {
        try withSite(PushSite()) { site in
            try site.database.sayMany(3, in: site.hall, as: site.ana)
            let client = try site.client(site.ana)

            let joined = try client.call("join_hall", ["hall_id": .integer(site.hall.id)])
            let since = try client.call(
                "join_hall", ["hall_id": .integer(site.hall.id), "since_rev": 1])

            #expect(joined["hall"]?["name"]?.string == "General")
            #expect(joined["hall"]?["role"]?.string == "owner")
            #expect(joined["rev"]?.integer == 3)
            #expect(joined["messages"] == nil && joined["complete"] == nil)
            #expect(since.revs == [2, 3])
            #expect(since["complete"]?.bool == true)
        }
    }

    @Test func `who asked for no acknowledgement is told by an event, before what is said next`()
        throws
    {
        try withSite(PushSite()) { site in
            try site.database.sayMany(3, in: site.hall, as: site.ana)
            let client = try site.client(site.ana)

            client.emit(
                "join_hall", ["hall_id": .integer(site.hall.id), "since_rev": 1],
                wantsAnswer: false)
            let joined = try client.nextEvent("hall_joined")
            let answer = try client.call(
                "join_hall", ["hall_id": .integer(site.hall.id), "since_rev": 1])
            try site.database.say("next", in: site.hall, as: site.ana)
            site.wake.wake()

            #expect(joined.revs == [2, 3] && joined == answer)
            #expect(try client.nextEvent("new_message")["rev"]?.integer == 4)
            #expect(client.heard.count { $0 == .event("hall_joined", joined) } == 1)
        }
    }

    @Test func `one who is no member, and one who is, ask at once: the member hears what is said`()
        throws
    {
        try withSite(PushSite(threads: 1, isStarted: false)) { site in
            let stranger = try site.database.makeUser("stranger")
            let (out, member) = try (
                PushClient.early(site, stranger), PushClient.early(site, site.ana)
            )
            site.start()
            try out.connect()
            try member.connect()
            // Both wait for the same read: the lock of another writer does not hold reads up, so this is tried often.
            for round in 1...50 {
                let refused = out.emit("join_hall", ["hall_id": .integer(site.hall.id)])
                let taken = member.emit("join_hall", ["hall_id": .integer(site.hall.id)])
                #expect(try out.answer(to: refused).errorCode == "not_a_member")
                #expect(try member.answer(to: taken).isOK)
                try site.database.say("round \(round)", in: site.hall, as: site.ana)
                site.wake.wake()
                let heard = try member.nextEvent("new_message", timeout: 5_000)
                #expect(heard["content"]?.string == "round \(round)")
                _ = try member.call("leave_hall", ["hall_id": .integer(site.hall.id)])
            }
        }
    }

    @Test func `who leaves before the answer to a join is not in the hall`() throws {
        try withSite(PushSite()) { site in
            try site.database.sayMany(150, in: site.hall, as: site.ana)
            let client = try site.client(site.ana)
            for since: JSONValue in [.null, 0, 10] {
                let join = client.emit(
                    "join_hall", ["hall_id": .integer(site.hall.id), "since_rev": since])
                let leave = client.emit("leave_hall", ["hall_id": .integer(site.hall.id)])
                #expect(try client.answer(to: join).isOK)
                #expect(try client.answer(to: leave).isOK)
            }

            try site.database.say("unheard", in: site.hall, as: site.ana)
            site.wake.wake()

            try client.drain(600)
            #expect(client.contents == [])
            #expect(try site.remembered().halls == 0)
        }
    }

    @Test func `a crowd that comes back together costs one read, and each gets what it missed`()
        throws
    {
        try withSite(PushSite(threads: 1)) { site in
            try site.database.sayMany(9, in: site.hall, as: site.ana)
            let clients = try (0..<20).map { _ in try site.client(site.ana) }

            // In one turn of the loop, or in a few: those of a turn wait for the hall, and then for the same read.
            let joins = clients.enumerated().map { index, client in
                client.emit(
                    "join_hall",
                    ["hall_id": .integer(site.hall.id), "since_rev": .integer(2 + index % 3)])
            }

            for (index, (client, join)) in zip(clients, joins).enumerated() {
                let answer = try client.answer(to: join)
                #expect(answer.revs == Array(Int64(3 + index % 3)...9))
                #expect(answer["complete"]?.bool == true)
            }
            #expect(site.store.figures.tally[.changesRead] <= 3)
        }
    }

    /// More than a hall remembers (``RecentMessages``), and more than one answer tells (200).
    @Test(arguments: [150, 260])
    func `a crowd that missed much costs few reads, and each gets what it missed`(_ count: Int)
        throws
    {
        try withSite(PushSite(threads: 1)) { site in
            try site.database.sayMany(count, in: site.hall, as: site.ana)
            let missed = [3, 40, 51, 120, 199, 200, 201, 259].filter { $0 <= count }
            let clients = try (0..<24).map { _ in try site.client(site.ana) }
            // All come in one turn of the loop.
            let mayGo = DispatchSemaphore(value: 0)
            site.server.loops[0].eventLoop.execute { mayGo.wait() }

            let joins = clients.enumerated().map { index, client in
                let since = count - missed[index % missed.count]
                return client.emit(
                    "join_hall",
                    ["hall_id": .integer(site.hall.id), "since_rev": .integer(since)])
            }

            mayGo.signal()

            for (index, (client, join)) in zip(clients, joins).enumerated() {
                let answer = try client.answer(to: join)
                let gap = missed[index % missed.count]
                #expect(answer["complete"]?.bool == (gap <= 200))
                let told = gap <= 200 ? gap : 50
                #expect(answer.revs == Array(Int64(count - told + 1)...Int64(count)))
            }
            // Where the newest page is not enough for all, those who missed less need one more.
            #expect(site.store.figures.tally[.changesRead] == (count > 200 ? 2 : 1))
        }
    }

    @Test func `who asked first and is closed by its answer does not take others with it`()
        throws
    {
        try withSite(PushSite(threads: 1)) { site in
            try site.database.sayMany(
                200, of: String(repeating: "😀", count: 3_900), in: site.hall, as: site.ana)
            for round in 0..<5 {
                let (deaf, other) = (try site.client(site.ana), try site.client(site.ana))

                // The answer is more than may wait for who does not read.
                deaf.emit(
                    "join_hall",
                    ["hall_id": .integer(site.hall.id), "since_rev": .integer(round)])
                let join = other.emit(
                    "join_hall",
                    ["hall_id": .integer(site.hall.id), "since_rev": .integer(199 + round)])
                #expect(try other.answer(to: join).revs?.count == 1)
                try site.database.say("round \(round)", in: site.hall, as: site.ana)
                site.wake.wake()

                #expect(try other.nextEvent("new_message")["content"]?.string == "round \(round)")
                deaf.hangUp()
                other.hangUp()
                #expect(try eventually { try site.remembered().halls == 0 })
            }
        }
    }

    @Test
    func `more missed messages than may wait for a client are not sent, and said to be missing`()
        throws
    {
        let few = Rate(perSecond: 1, burst: 2_000)
        try withSite(PushSite(settings: { $0.catchUps = few })) { site in
            try site.database.sayMany(50, in: site.hall, as: site.ana)
            let client = try site.client(site.ana)

            let some = try client.call(
                "join_hall", ["hall_id": .integer(site.hall.id), "since_rev": 45])
            let many = try client.call(
                "join_hall", ["hall_id": .integer(site.hall.id), "since_rev": 1])
            try site.database.say("next", in: site.hall, as: site.ana)
            site.wake.wake()

            #expect(some.revs == [46, 47, 48, 49, 50])
            #expect(many.isOK && many["complete"]?.bool == false && many.revs == [])
            #expect(try client.nextEvent("new_message")["rev"]?.integer == 51)
        }
    }

    @Test func `a position of the future is answered as incomplete`() throws {
        try withSite(PushSite()) { site in
            try site.database.sayMany(2, in: site.hall, as: site.ana)
            let client = try site.client(site.ana)

            let answer = try client.call(
                "join_hall", ["hall_id": .integer(site.hall.id), "since_rev": 99])

            #expect(answer["complete"]?.bool == false)
            #expect(answer["rev"]?.integer == 2)
        }
    }

    @Test(
        arguments: [
            (#"{"hall_id":"1"}"#, "invalid_request"), (#"{"hall_id":0}"#, "invalid_request"),
            (#"{"hall_id":1.5}"#, "invalid_request"), (#"{}"#, "invalid_request"),
            (#"{"hall_id":1,"since_rev":-1}"#, "invalid_request"),
            (#"{"hall_id":9007199254740992}"#, "invalid_request"),
            (#"{"hall_id":99}"#, "not_found"), (#"[]"#, "invalid_request"),
            (#"null"#, "invalid_request"),
        ])
    func `a malformed wish is refused with a code`(_ argument: String, _ code: String) throws {
        try withSite(PushSite()) { site in
            let client = try site.client(site.ana)
            let value = try JSONValue(parsing: Array(argument.utf8))
            #expect(try client.call("join_hall", value).errorCode == code)
            client.emit("join_hall", value, wantsAnswer: false)
            let error = try client.nextEvent("error")
            #expect(error["code"]?.string == code && error["event"]?.string == "join_hall")
            #expect(try site.remembered().halls == 0)
        }
    }

    /// The central property. Own sends, writes of two other processes, with and without datagrams, joins and leaves in
    /// any order, on two loops: each client hears each position exactly once, in order, from where it joined.
    @Test(arguments: 0..<6)
    func `every position is heard exactly once, in order`(_ seed: Int) throws {
        var random = SeededRandom(UInt64(seed))
        try withSite(PushSite()) { site in
            let bea = try site.join("bea")
            let other = try site.database.makeHall("Other", owner: site.ana, members: [bea])
            let halls = [site.hall, other]
            let isOver = Atomic(false)
            // Others write at full speed.
            let writers = (0..<2).map { number in
                inBackground { [database = site.database, wake = site.wake, folder = site.folder] in
                    guard let own = try? folder.database() else { return }
                    let database = number == 0 ? database : own
                    while !isOver.load(ordering: .relaxed) {
                        for hall in halls { _ = try? database.say("foreign", in: hall, as: bea) }
                        if number == 0 { wake.wake() }
                        usleep(number == 0 ? 300 : 20_000)
                    }
                }
            }
            let clients = try (0..<6).map {
                Listener(try site.client($0 % 2 == 0 ? site.ana : bea))
            }

            for step in 0..<400 {
                let client = clients[Int.random(in: 0..<clients.count, using: &random)]
                let hall = halls[Int.random(in: 0..<2, using: &random)].id
                switch Int.random(in: 0..<10, using: &random) {
                case 0...2: client.join(hall, since: nil)
                case 3...5: client.join(hall, since: client.known(hall))
                case 6, 7: client.leave(hall)
                default: client.say("own \(step)", in: hall)
                }
                if Int.random(in: 0..<3, using: &random) == 0 { try client.client.drain(0) }
                if Int.random(in: 0..<20, using: &random) == 0 { usleep(2_000) }
            }
            isOver.store(true, ordering: .relaxed)
            for writer in writers { writer.wait() }
            for client in clients {
                for hall in halls { client.join(hall.id, since: client.known(hall.id)) }
            }
            for client in clients { try client.waitForAnswers() }
            let last = try halls.map { try site.database.hall($0.id, as: bea.id).rev }
            for client in clients {
                for (hall, rev) in zip(halls, last) {
                    _ = try eventually {
                        try client.client.drain(20)
                        return client.known(hall.id) >= rev
                    }
                }
                try client.client.drain(20)
                for (hall, rev) in zip(halls, last) {
                    try client.check(hall.id, upTo: rev)
                }
            }

            for client in clients { client.client.hangUp() }
            #expect(try eventually { try site.remembered() == PushSite.Remembered() })
        }
    }
}

/// A client that remembers what it asked for, and can say whether it heard what it had to.
private final class Listener {
    private enum Asked {
        case join(Int64, since: Int64?)
        case leave(Int64)
        case send
    }

    let client: PushClient
    private var asked: [Int: Asked] = [:]

    init(_ client: PushClient) {
        self.client = client
    }

    func join(_ hall: Int64, since: Int64?) {
        var argument: [JSONValue.Member] = [.init("hall_id", .integer(hall))]
        if let since { argument.append(.init("since_rev", .integer(since))) }
        asked[client.emit("join_hall", .object(argument))] = .join(hall, since: since)
    }

    func leave(_ hall: Int64) {
        asked[client.emit("leave_hall", ["hall_id": .integer(hall)])] = .leave(hall)
    }

    func say(_ content: String, in hall: Int64) {
        let argument: JSONValue = ["hall_id": .integer(hall), "content": .string(content)]
        asked[client.emit("send_message", argument)] = .send
    }

    /// The highest position of a hall that was heard of.
    func known(_ hall: Int64) -> Int64 {
        client.heard.reduce(0) { known, heard in
            switch heard {
            case .event("new_message", let message) where message["hall_id"]?.integer == hall:
                max(known, message["rev"]?.integer ?? 0)
            case .acknowledgement(let id, let answer):
                if case .join(hall, _)? = asked[id] {
                    max(known, answer["rev"]?.integer ?? 0)
                } else {
                    known
                }
            default: known
            }
        }
    }

    func waitForAnswers() throws {
        for id in asked.keys { #expect(try client.answer(to: id).isOK) }
    }

    /// Goes through what was heard of a hall.
    func check(_ hall: Int64, upTo last: Int64) throws {
        var position: Int64?
        var lastLeave = 0
        for heard in client.heard {
            switch heard {
            case .event("new_message", let message) where message["hall_id"]?.integer == hall:
                let rev = try #require(message["rev"]?.integer)
                #expect(position.map { $0 + 1 } == rev)
                position = rev
            case .acknowledgement(let id, let answer):
                if case .leave(hall)? = asked[id] {
                    position = nil
                    lastLeave = id
                }
                guard case .join(hall, let since)? = asked[id] else { continue }
                let rev = try #require(answer["rev"]?.integer)
                if let position { #expect(position == rev) }
                if let since {
                    if answer["complete"]?.bool == true {
                        #expect(answer.revs == Array(since..<rev).map { $0 + 1 })
                    }
                } else {
                    #expect(answer["messages"] == nil)
                }
                if id > lastLeave { position = rev }
            default: break
            }
        }
        #expect(position == last)
    }
}

extension PushClient {
    /// A client with a WebSocket that has not yet asked for the namespace.
    static func early(_ site: PushSite, _ user: User) throws -> PushClient {
        let token = try site.database.createSession(for: user).token
        return try PushClient(site.folder.file("push"), header: "Cookie: halls_session=\(token)")
    }
}
