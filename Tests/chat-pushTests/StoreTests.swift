// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import CompactJSON
import Figures
import Foundation
import GRDB
import NIOCore
import SocketIOServer
import Synchronization
import Testing

@testable import ChatModels
@testable import chat_push

/// The way of a message, from the one who says it to all who hear it.
@Suite struct StoreTests {
    @Test func `a message is acknowledged when others can read it, and heard by everybody`() throws
    {
        try withSite(PushSite()) { site in
            let bea = try site.join("bea")
            let clients = try [site.client(site.ana), site.client(bea)]
            for client in clients {
                #expect(try client.call("join_hall", ["hall_id": .integer(site.hall.id)]).isOK)
            }

            let answer = try clients[0].call(
                "send_message",
                ["hall_id": .integer(site.hall.id), "content": "Hello", "client_key": "k1"])

            let kept = try site.database.messages(of: site.hall.id, as: bea.id).messages
            #expect(answer["message"]?["id"]?.integer == kept.first?.id)
            #expect(answer["message"]?["client_key"]?.string == "k1")
            for client in clients {
                let heard = try client.nextEvent("new_message")
                #expect(heard["content"]?.string == "Hello" && heard["rev"]?.integer == 1)
                #expect(heard["client_key"] == nil)
            }
        }
    }

    @Test func `a repeated key makes no second message, another content is refused`() throws {
        try withSite(PushSite()) { site in
            let client = try site.client(site.ana)
            _ = try client.call("join_hall", ["hall_id": .integer(site.hall.id)])
            func say(_ content: String) -> Int {
                client.emit(
                    "send_message",
                    [
                        "hall_id": .integer(site.hall.id), "content": .string(content),
                        "client_key": "k",
                    ])
            }
            let ids = [say("a"), say("a"), say("b")]
            let answers = try ids.map { try client.answer(to: $0) }
            #expect(answers[0] == answers[1] && answers[0].isOK)
            #expect(answers[2].errorCode == "client_key_reused")
            try client.drain(100)
            #expect(client.contents == ["a"])
        }
    }

    @Test func `a cookie that another site left behind does not hide the right one`() throws {
        try withSite(PushSite()) { site in
            let token = try site.database.createSession(for: site.ana).token
            let strange = String(repeating: "A", count: 43)
            for others in ["halls_session=x; ", "halls_session=\(strange); "] {
                let client = try PushClient(
                    site.folder.file("push"),
                    header: "Cookie: \(others)halls_session=\(token); halls_session=y")
                try client.connect()
            }
        }
    }

    @Test func `an event whose name has endless marks is unknown at once`() throws {
        var configuration = PushSite.patient
        configuration.payloadBytesMax = 1_000_000
        try withSite(PushSite(configuration: configuration)) { site in
            let client = try site.client(site.ana)
            // As long as a packet may be.
            let marks = String(endless.unicodeScalars.dropFirst(17_000).dropLast(17_000))

            let duration = try ContinuousClock().measure { () throws in
                #expect(try client.call(marks, [:]).errorCode == "invalid_request")
            }

            #expect(duration < .seconds(1))
        }
    }

    @Test func `half of a surrogate pair is answered with an error, and the socket goes on`() throws
    {
        try withSite(PushSite()) { site in
            let client = try site.client(site.ana)
            client.send(
                #"42900["send_message",{"hall_id":\#(site.hall.id),"content":"\ud83d"}]"#)
            #expect(try client.answer(to: 900).errorCode == "invalid_request")
            client.send(#"42["send_message",{"hall_id":\#(site.hall.id),"content":"a\ude00"}]"#)
            let error = try client.nextEvent("error")
            #expect(error["code"]?.string == "invalid_request")
            #expect(error["event"]?.string == "send_message")
            client.send(#"42901["\ud83d"]"#)
            #expect(try client.answer(to: 901).errorCode == "invalid_request")
            #expect(
                try client.call(
                    "send_message", ["hall_id": .integer(site.hall.id), "content": "😀"]
                ).isOK)
            #expect(
                try site.database.messages(of: site.hall.id, as: site.ana.id).messages.count == 1)
        }
    }

    @Test func `a thousand messages at once are heard in the order of their positions`() throws {
        try withSite(PushSite()) { site in
            let client = try site.client(site.ana)
            let listener = try site.client(site.join("bea"))
            _ = try listener.call("join_hall", ["hall_id": .integer(site.hall.id)])
            let ids = (0..<1_000).map {
                client.emit(
                    "send_message",
                    ["hall_id": .integer(site.hall.id), "content": .string("\($0)")])
            }
            for id in ids { #expect(try client.answer(to: id).isOK) }
            for rev in 1...1_000 {
                let heard = try listener.nextEvent("new_message")
                #expect(heard["rev"]?.integer == Int64(rev))
                #expect(heard["content"]?.string == "\(rev - 1)")
            }
        }
    }

    @Test
    func `what waits while another writes is committed in a group; beyond the bound it is busy`()
        throws
    {
        try withSite(PushSite(sendsWaitingMax: 50)) { site in
            let client = try site.client(site.ana)
            let unlock = site.lock()
            func say() -> Int {
                client.emit("send_message", ["hall_id": .integer(site.hall.id), "content": "x"])
            }
            // The first is in the store's hands; fifty wait; the others are too many.
            let first = say()
            try site.waitUntilTaken(client)
            let ids = (0..<60).map { _ in say() }
            for id in ids.suffix(10) { #expect(try client.answer(to: id).errorCode == "busy") }
            unlock()
            for id in [first] + ids.prefix(50) { #expect(try client.answer(to: id).isOK) }
            #expect(try site.database.hall(site.hall.id, as: site.ana.id).rev == 51)
            #expect(try client.answer(to: say()).isOK)
        }
    }

    @Test func `while the database is locked, all that waits is refused with the first group`()
        throws
    {
        try withSite(PushSite(lockPatience: .milliseconds(500))) { site in
            let client = try site.client(site.ana)
            let unlock = site.lock()
            func say() -> Int {
                client.emit("send_message", ["hall_id": .integer(site.hall.id), "content": "x"])
            }
            let first = say()
            try site.waitUntilTaken(client)
            // Four groups.
            let ids = (0..<2_000).map { _ in say() }
            for id in [first] + ids { #expect(try client.answer(to: id).errorCode == "busy") }
            unlock()
            // The first, the four that waited for it, and no more, even where those came in two parts.
            #expect(site.store.figures.tally.commitSeconds.count <= 3)
            #expect(site.store.figures.tally[.notCommitted] == 2_001)
            #expect(try client.answer(to: say()).isOK)
        }
    }

    @Test func `reads that wait do not hold up what is said`() throws {
        try withSite(PushSite(threads: 1)) { site in
            let client = try site.client(site.ana)
            let stranger = Credentials(
                tokens: [String(repeating: "x", count: 43)], remoteUser: nil)
            let loop = site.server.loops[0]
            let jobs = try loop.eventLoop.submit {
                let socket = try #require(loop.allSockets.first)
                return (0..<100_000).map { _ in StoreJob.authenticate(stranger, socket, address: "")
                }
            }.wait()
            #expect(site.store.submit(jobs, from: loop).isEmpty)

            #expect(
                try client.call(
                    "send_message", ["hall_id": .integer(site.hall.id), "content": "x"]
                ).isOK)
            #expect(site.store.figures.readsWaiting > 0)
            #expect(eventually { site.store.figures.readsWaiting == 0 })
        }
    }

    @Test func `what others write is heard within patience without a datagram, at once with one`()
        throws
    {
        try withSite(PushSite()) { site in
            let client = try site.client(site.ana)
            _ = try client.call("join_hall", ["hall_id": .integer(site.hall.id)])

            try site.database.say("quiet", in: site.hall, as: site.ana)
            #expect(try client.nextEvent("new_message")["content"]?.string == "quiet")

            // On a busy machine one may take long, not all.
            let quickest = try (0..<10).map { _ in
                let began = ContinuousClock.now
                try site.database.say("woken", in: site.hall, as: site.ana)
                site.wake.wake()
                _ = try client.nextEvent("new_message")
                return began.duration(to: .now)
            }.min()
            #expect(try #require(quickest) < .milliseconds(200))
        }
    }

    @Test func `who always has something to do looks at the log all the same`() throws {
        try withSite(PushSite()) { site in
            let client = try site.client(site.ana)
            let talker = try site.client(site.ana)
            _ = try client.call("join_hall", ["hall_id": .integer(site.hall.id)])
            try site.database.say("foreign", in: site.hall, as: site.ana)
            // Repeated keys write nothing, and so need no look at the log.
            let began = ContinuousClock.now
            while client.contents.isEmpty, began.duration(to: .now) < .seconds(5) {
                for _ in 0..<50 {
                    talker.emit("send_message", ["hall_id": 99, "content": "x"])
                }
                _ = try talker.call("send_message", ["hall_id": 99, "content": "x"])
                try client.drain(0)
            }
            #expect(client.contents == ["foreign"])
        }
    }

    @Test func `whose hall is deleted is told to have left, and finds it nowhere`() throws {
        try withSite(PushSite()) { site in
            let other = try site.database.makeHall("Another", owner: site.ana)
            let (here, there) = (JSONValue.integer(site.hall.id), JSONValue.integer(other.id))
            let clients = try (0..<2).map { _ in try site.client(site.ana) }
            for client in clients {
                _ = try client.call("join_hall", ["hall_id": here])
                _ = try client.call("join_hall", ["hall_id": there])
            }
            try site.database.say("secret", in: site.hall, as: site.ana)
            try site.database.say("stays", in: other, as: site.ana)

            try site.database.deleteHall(site.hall.id)
            site.wake.wake()

            for client in clients {
                var told = try client.nextEvent("halls_changed")
                // That there is another one may be news, too.
                if told["change"]?.string == "joined" {
                    told = try client.nextEvent("halls_changed")
                }
                #expect(told["change"]?.string == "left" && told["hall_id"] == here)
                let sent = try client.call("send_message", ["hall_id": here, "content": "x"])
                #expect(sent.errorCode == "not_found")
                let joined = try client.call("join_hall", ["hall_id": here])
                #expect(joined.errorCode == "not_found")
            }
            let sent = try clients[0].call("send_message", ["hall_id": there, "content": "on"])
            #expect(sent["ok"]?.bool == true)
            #expect(try site.remembered().halls == 2)
        }
    }

    @Test func `who is removed stops hearing and writing, and is told`() throws {
        try withSite(PushSite()) { site in
            let bea = try site.join("bea")
            let clients = try (0..<2).map { _ in try site.client(bea) }
            for client in clients {
                _ = try client.call("join_hall", ["hall_id": .integer(site.hall.id)])
            }

            try site.database.removeMember(bea.id, of: site.hall.id, by: .operator)
            try site.database.say("secret", in: site.hall, as: site.ana)
            site.wake.wake()

            for client in clients {
                var told = try client.nextEvent("halls_changed")
                // That bea joined may be news, too.
                if told["change"]?.string == "joined" {
                    told = try client.nextEvent("halls_changed")
                }
                #expect(told["change"]?.string == "left")
                #expect(told["hall_id"]?.integer == site.hall.id)
                let sent = try client.call(
                    "send_message", ["hall_id": .integer(site.hall.id), "content": "x"])
                #expect(sent.errorCode == "not_a_member")
                let joined = try client.call("join_hall", ["hall_id": .integer(site.hall.id)])
                #expect(joined.errorCode == "not_a_member")
                try client.drain(50)
                #expect(client.contents == [])
            }
            #expect(try site.remembered().halls == 0)
        }
    }

    @Test func `a new name reaches members who have not joined with a socket, too`() throws {
        try withSite(PushSite()) { site in
            let clients = try [site.client(site.ana), site.client(site.ana)]
            let stranger = try site.client(site.database.makeUser("stranger"))
            _ = try clients[0].call("join_hall", ["hall_id": .integer(site.hall.id)])
            try site.database.renameHall(site.hall.id, to: "Other")
            site.wake.wake()
            for client in clients {
                #expect(try client.nextEvent("halls_changed")["change"]?.string == "renamed")
            }
            let joined = try clients[1].call("join_hall", ["hall_id": .integer(site.hall.id)])
            #expect(joined["hall"]?["name"]?.string == "Other")
            try stranger.drain(100)
            #expect(!stranger.heard.contains { if case .event = $0 { true } else { false } })
        }
    }

    @Test func `a session that ends takes its sockets along, and no others`() throws {
        try withSite(PushSite()) { site in
            let clients = try [site.client(site.ana), site.client(site.ana)]
            let sessions = try site.database.sessions(of: site.ana.id).map(\.session.id)

            try site.database.endSession(sessions[0], by: .operator)
            site.wake.wake()

            #expect(try clients[0].nextEvent("error")["code"]?.string == "unauthenticated")
            #expect(try clients[0].next() == .disconnected)
            #expect(try clients[1].call("join_hall", ["hall_id": .integer(site.hall.id)]).isOK)
            clients[0].send("40")
            guard case .refused(let why) = try clients[0].next() else {
                throw PushClient.TimedOut()
            }
            #expect(why["data"]?["code"]?.string == "unauthenticated")

            try site.database.setDisabled(true, user: site.ana.id)
            site.wake.wake()
            #expect(try clients[1].nextEvent("error")["code"]?.string == "unauthenticated")
            #expect(try clients[1].next() == .disconnected)
        }
    }

    @Test func `a session ends by itself when its time is over`() throws {
        var limits = Limits()
        limits.sessionLifetimeSeconds = 2
        try withSite(PushSite(limits: limits)) { site in
            let client = try site.client(site.ana)
            #expect(try client.nextEvent("error")["code"]?.string == "unauthenticated")
            #expect(try client.next() == .disconnected)
            #expect(try site.remembered().online == 0)
        }
    }

    @Test func `leaving and coming back brings no new right to send`() throws {
        try withSite(PushSite(sends: Rate(perSecond: 1, burst: 3))) { site in
            let clients = try (0..<4).map { _ in try site.client(site.ana) }
            var sent = 0
            for client in clients {
                for _ in 0..<5 {
                    let answer = try client.call(
                        "send_message", ["hall_id": .integer(site.hall.id), "content": "x"])
                    if answer.isOK {
                        sent += 1
                    } else {
                        #expect(answer.errorCode == "rate_limited")
                    }
                    client.send("41")
                    try client.connect()
                }
            }
            #expect((3...10).contains(sent))
        }
    }

    @Test func `one user has so many connections`() throws {
        try withSite(PushSite(connectionsPerUserMax: 2)) { site in
            let clients = try (0..<3).map { _ in try PushClient.early(site, site.ana) }
            try clients[0].connect()
            try clients[1].connect()
            clients[2].send("40")
            guard case .refused(let why) = try clients[2].next() else {
                throw PushClient.TimedOut()
            }
            #expect(why["message"]?.string == "rate_limited")
            clients[0].hangUp()
            #expect(try eventually { try site.remembered().online == 1 })
            clients[2].send("40")
            #expect(try clients[2].next() == .connected)
        }
    }

    @Test func `a torn log closes every socket, and who comes back hears what is said`() throws {
        var limits = Limits()
        limits.changesKept = 10
        try withSite(PushSite(limits: limits, isStarted: false)) { site in
            // Nobody follows yet, and the log is cut off.
            try site.database.sayEach(1_100, in: site.hall, as: site.ana)
            let early = try PushClient.early(site, site.ana)
            early.send("40")
            #expect(try eventually { try site.remembered().sockets == 1 })
            site.start()
            #expect(try early.end() == .closed(1001))

            let client = try site.client(site.ana)
            let joined = try client.call(
                "join_hall", ["hall_id": .integer(site.hall.id), "since_rev": 1_099])
            #expect(joined.revs == [1_100])
            try site.database.say("next", in: site.hall, as: site.ana)
            site.wake.wake()
            #expect(try client.nextEvent("new_message")["rev"]?.integer == 1_101)
        }
    }

    @Test func `the end writes and acknowledges what was taken, and says goodbye after it`() throws
    {
        for _ in 0..<5 {
            let site = try PushSite()
            let client = try site.client(site.ana)
            _ = try client.call("join_hall", ["hall_id": .integer(site.hall.id)])
            let ids = (0..<300).map {
                client.emit(
                    "send_message",
                    ["hall_id": .integer(site.hall.id), "content": .string("\($0)")])
            }
            _ = try client.answer(to: ids[0])
            try site.end()
            try client.drain(1_000)

            #expect(client.heard.last == .closed(1001))
            var acknowledged: [Int64] = []
            for case .acknowledgement(_, let answer) in client.heard where answer["message"] != nil
            {
                acknowledged.append(try #require(answer["message"]?["rev"]?.integer))
            }
            let rev = try site.database.hall(site.hall.id, as: site.ana.id).rev
            // All that is durable was acknowledged and heard; what was not is not there.
            #expect(acknowledged == Array(1...rev))
            #expect(client.contents.count == Int(rev))
        }
    }

    @Test func `the end comes though others go on asking`() throws {
        let site = try PushSite()
        let isOver = Atomic(false)
        let askers = try (0..<2).map { _ in
            let token = try site.database.createSession(for: site.ana).token
            let path = site.folder.file("push")
            let hallID = site.hall.id
            return inBackground {
                guard let client = try? PushClient(path, header: "Cookie: halls_session=\(token)")
                else { return }
                try? client.connect()
                while !isOver.load(ordering: .relaxed) {
                    client.emit("join_hall", ["hall_id": .integer(hallID), "since_rev": 99])
                    try? client.drain(0)
                }
            }
        }
        usleep(100_000)
        let began = ContinuousClock.now
        try site.end()
        #expect(began.duration(to: .now) < .seconds(5))
        isOver.store(true, ordering: .relaxed)
        for asker in askers { asker.wait() }
    }

    @Test func `what one hall cannot take does not keep others from writing`() throws {
        try withSite(PushSite()) { site in
            let torn = try site.database.makeHall("Torn", owner: site.ana)
            try site.database.sayMany(3, in: torn, as: site.ana)
            try site.database.setPosition(of: torn.id, to: 1)
            let client = try site.client(site.ana)
            let ids = (0..<20).map { number in
                client.emit(
                    "send_message",
                    [
                        "hall_id": .integer(number % 2 == 0 ? site.hall.id : torn.id),
                        "content": "x",
                    ])
            }
            for (number, id) in ids.enumerated() {
                let answer = try client.answer(to: id)
                if number % 2 == 0 {
                    #expect(answer.isOK)
                } else {
                    #expect(answer.errorCode == "internal")
                }
            }
        }
    }
}

@Suite struct LogFollowerTests {
    private func said(_ id: Int64) -> LogEvent { .messageCreated(message(id)) }

    private func own(_ id: Int64) -> (entry: LogPosition?, event: StoreEvent) {
        (LogPosition(integerLiteral: id), .message(Delivery(message(id))))
    }

    @Test func `own entries are taken only where they follow directly`() {
        var follower = LogFollower(at: 10, loops: [])
        let taken = [
            [], [own(11), own(12)], [own(14)], [own(12)], [own(12), own(13)],
            [own(14), own(14)],
        ].map { follower.take(own: $0) }
        #expect(taken == [true, true, false, false, false, false])
        #expect(follower.position == 12)
        follower.take(LogBatch(events: [said(13), said(14)], end: 14, isTorn: false))
        #expect(follower.position == 14)
        follower.take(LogBatch(events: [], end: 3, isTorn: true))
        #expect(follower.position == 3)
        let together = [
            [own(4), own(4), own(5), own(5)], [own(6), own(8)], [own(6), own(5)],
        ]
        #expect(together.map { follower.take(own: $0) } == [true, false, false])
        #expect(follower.position == 5)
    }

    @Test func `what an engine does not place in the log is told by the log`() {
        var follower = LogFollower(at: 10, loops: [])
        var unplaced = own(12)
        unplaced.entry = nil
        let taken = [[own(11), unplaced], [unplaced]].map { follower.take(own: $0) }
        #expect(taken == [false, false])
        #expect(follower.position == 10)
    }

    @Test func `what was read of a user before its entry came is not told again`() {
        var follower = LogFollower(at: 0, loops: [])
        func delivery(_ version: Int64, isRenamed: Bool) -> UserDelivery? {
            let user = User(id: 7, username: "ana", version: version)
            return follower.delivery(
                of: UserSnapshot(user: user, hallIDs: [1]), isRenamed: isRenamed)
        }
        #expect(delivery(2, isRenamed: false)?.event != nil)
        #expect(delivery(2, isRenamed: false) == nil)
        // The halls have to hear of the other username all the same.
        #expect(delivery(2, isRenamed: true).map { $0.event == nil && $0.isRenamed } == true)
        #expect(delivery(3, isRenamed: true)?.event != nil)
    }

    @Test(arguments: [
        LogEvent.hallChanged(hallID: 1, .renamed), .userChanged(userID: 1, isRenamed: false),
    ])
    func `a batch of which not all can be read is not taken, not even in part`(
        _ event: LogEvent
    ) throws {
        var follower = LogFollower(at: 0, loops: [])
        let batch = LogBatch(
            events: [said(1), event], end: 2, isTorn: false)
        let failure = try code {
            try follower.take(
                batch, hall: { _ in throw ChatError(.busy) }, user: { _ in throw ChatError(.busy) })
        }
        #expect(failure == .busy)
        #expect(follower.position == 0)
    }
}

extension LogFollower {
    /// Takes entries that tell of nothing that has to be read.
    fileprivate mutating func take(_ batch: LogBatch) {
        take(batch, hall: { _ in nil }, user: { _ in nil })
    }
}

extension ChatDatabase {
    /// What a program with a fault, or a broken disk, could do.
    fileprivate func setPosition(of hallID: Int64, to rev: Int64) throws {
        try write { db in
            try db.execute(
                sql: "UPDATE halls SET rev = ? WHERE id = ?", arguments: [rev, hallID])
        }
    }
}
