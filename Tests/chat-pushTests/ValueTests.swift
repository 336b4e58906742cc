// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ChatTesting
import CompactJSON
import Foundation
import Glibc
import NIOCore
import SocketIOServer
import Sockets
import Synchronization
import Testing

@testable import ChatModels
@testable import chat_push

/// A message of one hall, as it is delivered.
func delivery(_ rev: Int64, hall: Int64 = 1, length: Int = 5) -> Delivery {
    Delivery(message(rev, hall: hall, length: length))
}

func message(_ rev: Int64, hall: Int64 = 1, length: Int = 5) -> Message {
    Message(
        id: rev, hallID: hall, rev: rev, senderID: 1, username: "ana",
        content: String(repeating: "x", count: length), createdAt: "2026-11-23T09:30:00.123Z",
        clientKey: "k\(rev)")
}

func hall(_ id: Int64 = 1, name: String = "General", rev: Int64 = 0) -> Hall {
    Hall(id: id, name: name, isPrivate: false, role: nil, rev: rev)
}

@Suite struct MemoryReturnTests {
    @Test func `what stays free for a while is given back once, and again when it was used`() {
        var ebb = MemoryReturn.Ebb()
        var givenBack: [Int] = []
        // In quarters of what is worth it. What is free for two looks only is in use.
        let unit = MemoryReturn.Ebb.worth / 4
        let looks = [3, 3, 3, 400, 400, 3, 400, 390, 380, 380, 380, 380, 380, 5, 9, 9, 8, 9]
        for (index, free) in looks.enumerated() where ebb.isOver(free * unit) {
            givenBack.append(index)
        }
        #expect(givenBack == [8])
        let more = [400, 400, 400, 5, 5, 5, 9, 9, 9, 9, 9, 9].filter { ebb.isOver($0 * unit) }
        #expect(more == [400, 9])
    }
}

@Suite struct RestTests {
    @Test func `a rest is long once, when nothing was done for all of its length`() {
        var rest = Rest()
        let start = ContinuousClock.now
        // Four looks in a length; before some of them something was done.
        let busy = [3, 10]
        let long = (0..<16).filter { look in
            rest.isLong(isQuiet: !busy.contains(look), now: start + Rest.length / 4 * look)
        }
        #expect(long == [7, 14])
    }
}

@Suite struct DeliveryTests {
    @Test func `the event and the message are the bytes of the protocol, without the client's key`()
    {
        let json =
            #"{"id":7,"hall_id":1,"rev":7,"sender_id":1,"username":"ana","content":"x","created_at":"2026-11-23T09:30:00.123Z"}"#
        let delivery = delivery(7, length: 1)
        #expect(String(decoding: delivery.json, as: UTF8.self) == json)
        let event = #"42["new_message","# + json + "]"
        let frame = [0x81, 126, 0, UInt8(event.utf8.count)] + Array(event.utf8)
        #expect(delivery.event.frames == frame && delivery.byteCount == frame.count)
        #expect(delivery.hallID == 1 && delivery.rev == 7)
    }
}

/// A bucket that can be asked within an expectation.
private final class Bucket {
    private let rate: Rate
    private var bucket: TokenBucket

    init(_ rate: Rate, now: Int64) {
        self.rate = rate
        bucket = TokenBucket(rate, now: now)
    }

    func take(count: Int = 1, now: Int64) -> Int? { bucket.take(rate, count: count, now: now) }

    func isFull(now: Int64) -> Bool { bucket.isFull(rate, now: now) }
}

@Suite struct TokenBucketTests {
    @Test func `a burst is let through, then as much as time brings`() {
        let bucket = Bucket(Rate(perSecond: 10, burst: 3), now: 1_000)
        for _ in 0..<3 { #expect(bucket.take(now: 1_000) == nil) }
        #expect(bucket.take(now: 1_000) == 1)
        #expect(bucket.take(now: 1_099) == 1)
        #expect(bucket.take(now: 1_100) == nil)
        #expect(bucket.take(now: 1_100) == 1)
    }

    @Test func `a pause brings no more than the burst`() {
        let bucket = Bucket(Rate(perSecond: 1, burst: 2), now: 0)
        let answers = (0..<4).map { _ in bucket.take(now: 1_000_000) }
        #expect(answers == [nil, nil, 1, 1])
    }

    @Test func `the wait is told in whole seconds, at least one`() {
        let bucket = Bucket(Rate(perSecond: 2, burst: 10), now: 0)
        #expect(bucket.take(count: 10, now: 0) == nil)
        #expect(bucket.take(count: 10, now: 0) == 5)
        #expect(bucket.take(count: 1, now: 0) == 1)
        #expect(bucket.take(count: 11, now: 1_000_000) == 1)
    }

    @Test func `a clock that stands still or goes back brings nothing and takes nothing`() {
        let bucket = Bucket(Rate(perSecond: 10, burst: 1), now: 5_000)
        #expect(bucket.take(now: 5_000) == nil)
        #expect(bucket.take(now: 0) == 1)
        #expect(bucket.take(now: 5_050) == 1)
        #expect(bucket.take(now: 5_100) == nil)
    }

    @Test func `full is as good as new`() {
        let bucket = Bucket(Rate(perSecond: 10, burst: 1), now: 0)
        #expect(bucket.isFull(now: 0))
        _ = bucket.take(now: 0)
        #expect(!bucket.isFull(now: 99))
        #expect(bucket.isFull(now: 100))
    }
}

@Suite struct ReadChangesTests {
    @Test(arguments: [10, 260])
    func `what was read for one tells others what a read of their own would, or nothing`(
        _ count: Int
    ) throws {
        let folder = try TemporaryFolder()
        let database = try folder.database()
        let ana = try database.makeUser("ana")
        let hall = try database.makeHall(owner: ana)
        try database.sayMany(count, in: hall, as: ana)
        let positions = [0, 1, 5, 9, 10, 59, 60, 61, 209, 210, 211, 259, 260].filter { $0 <= count }

        for asked in positions {
            let read = ReadChanges(
                try database.messages(
                    of: hall.id, as: ana.id, since: HallPosition(rev: Int64(asked))), wholeMax: 200)
            for since in positions where since >= asked {
                guard let missed = read.since(HallPosition(rev: Int64(since))) else {
                    // Who asked is answered, and so is everybody where all was read.
                    #expect(since != asked && count - asked > 200)
                    continue
                }
                let own = try database.messages(
                    of: hall.id, as: ana.id, since: HallPosition(rev: Int64(since)))
                #expect(missed.isComplete == own.isComplete)
                #expect(missed.messages == own.messages.map { Delivery($0).json })
                #expect(missed.byteCount == missed.messages.reduce(0) { $0 + $1.count + 1 })
            }
        }
    }
}

@Suite struct RecentMessagesTests {
    @Test func `what is remembered is what was said, without a hole, within its bounds`() throws {
        for seed in 0..<30 {
            var random = SeededRandom(UInt64(seed))
            var recent = RecentMessages()
            var all: [Int64: ArraySlice<UInt8>] = [:]
            var rev = Int64.random(in: 0...5, using: &random)
            let first = rev
            func make(_ rev: Int64) -> Delivery {
                let new = delivery(
                    rev, length: Int.random(in: 0..<20, using: &random) == 0 ? 4_000 : 20)
                all[rev] = new.json
                return new
            }
            var holeBelow = first
            for _ in 0..<300 {
                switch Int.random(in: 0..<100, using: &random) {
                case 0:
                    rev += Int64.random(in: 2...5, using: &random)
                    holeBelow = rev - 1
                    recent.append(make(rev))
                case 1...80:
                    rev += 1
                    recent.append(make(rev))
                default: break
                }
                // Asked for any position, it knows all after it or nothing.
                for back in [-1, 0, 1, 2, 10, 49, 50, 51, 99, 100, 101, 130] where rev >= back {
                    let since = rev - Int64(back)
                    guard let messages = recent.since(since)?.map(\.json) else { continue }
                    guard since <= rev else {
                        #expect(messages.isEmpty)
                        continue
                    }
                    #expect(since >= holeBelow)
                    #expect(messages == (since..<rev).map { all[$0 + 1] ?? [] })
                    #expect(messages.count <= RecentMessages.countMax)
                    #expect(messages.reduce(0) { $0 + $1.count } <= RecentMessages.bytesMax)
                }
            }
        }
    }

    @Test func `older ones that reach up to it are taken, others not`() {
        var recent = RecentMessages()
        recent.prepend([3, 4].map { delivery($0) })
        #expect(recent.since(2)?.count == 2)
        recent.append(delivery(5))
        // A hole between, nothing new, and one that reaches over.
        recent.prepend([delivery(1)])
        #expect(recent.since(0) == nil)
        recent.prepend([3, 4, 5].map { delivery($0) })
        #expect(recent.since(2)?.count == 3)
        recent.prepend([1, 2, 3, 4, 5].map { delivery($0) })
        #expect(recent.since(0)?.map(\.json) == (1...5).map { delivery($0).json })
        recent.prepend([])
        #expect(recent.since(0)?.count == 5)
    }

    @Test func `more older ones than it holds leave the newest`() {
        var recent = RecentMessages()
        recent.append(delivery(301))
        recent.prepend((101...300).map { delivery($0) })
        #expect(recent.since(301)?.map(\.json) == [])
        #expect(recent.since(300)?.map(\.json) == [delivery(301).json])
        #expect(recent.since(100) == nil)
        for since in Int64(100)...300 {
            if let missed = recent.since(since) {
                #expect(missed.count == 301 - Int(since))
            }
        }
    }

    @Test func `one that is too large by itself is not remembered`() {
        var recent = RecentMessages()
        recent.append(delivery(1, length: 70_000))
        #expect(recent.since(0) == nil)
        recent.append(delivery(2))
        #expect(recent.since(1)?.count == 1)
    }

    @Test func `of a hundred and one, half are kept`() {
        var recent = RecentMessages()
        for rev in 1...100 { recent.append(delivery(Int64(rev))) }
        #expect(recent.since(0)?.count == 100)
        recent.append(delivery(101))
        #expect(recent.since(0) == nil)
        #expect(recent.since(51)?.count == 50)
    }
}

@Suite struct HallStateTests {
    @Test func `it takes each position once, and nothing before it was read`() {
        let state = HallState(id: 1)
        #expect(!state.add(delivery(1)))
        state.update(hall(name: "Other"))
        #expect(state.hall == nil)
        state.open(HallSnapshot(hall: hall(rev: 4), members: [1: .owner]))
        #expect(!state.add(delivery(4)))
        #expect(state.add(delivery(5)))
        #expect(!state.add(delivery(5)))
        #expect(state.hall?.rev == 5)
        #expect(state.recent.since(4)?.count == 1)
    }

    @Test func `a new name leaves the position, and roles are who asks`() {
        let state = HallState(id: 1)
        state.open(HallSnapshot(hall: hall(rev: 4), members: [1: .owner]))
        state.update(hall(name: "Other", rev: 9))
        state.join(2, .member)
        #expect(state.hall?.rev == 4 && state.hall?.name == "Other")
        #expect(state.members == [1: .owner, 2: .member])
        #expect(state.hall(for: .member)?.role == .member)
        state.leave(1)
        #expect(state.members == [2: .member])
    }

    @Test func `what was read at another position, or not whole, is not remembered`() {
        let state = HallState(id: 1)
        state.open(HallSnapshot(hall: hall(rev: 4), members: [:]))
        func changes(_ rev: Int64, whole: Bool) -> MessagesSince {
            MessagesSince(
                messages: [message(4)], rev: rev, change: 0, isComplete: whole, hasMore: false)
        }
        state.remember(changes(5, whole: true))
        state.remember(changes(4, whole: false))
        #expect(state.recent.since(3) == nil)
        state.remember(changes(4, whole: true))
        #expect(state.recent.since(3)?.count == 1)
    }
}

/// A cache that can be asked within an expectation.
private final class Cache {
    private var cache = SessionCache()

    func identity(_ credentials: Credentials, in database: ChatDatabase) throws -> Identity {
        try cache.identity(credentials, in: database)
    }

    func forget(_ event: LogEvent) { cache.forget(event) }
}

@Suite struct SessionCacheTests {
    @Test func `a session is read once, until the log says that it ended`() throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser()
        let (session, token) = try database.createSession(for: ana)
        let credentials = Credentials(tokens: [token])
        let cache = Cache()
        #expect(try cache.identity(credentials, in: database).userID == ana.id)

        try database.endSession(session.id, by: .operator)
        #expect(try cache.identity(credentials, in: database).session == session)
        cache.forget(.sessionEnded(sessionID: session.id + 1, userID: ana.id))
        #expect(try cache.identity(credentials, in: database).session == session)
        for event in try database.log(after: 0).events { cache.forget(event) }
        #expect(try code { _ = try cache.identity(credentials, in: database) } == .unauthenticated)
    }

    @Test func `tokens are tried in their order, until one is a session's`() throws {
        let database = try emptyDatabase()
        let (ana, ben) = (try database.makeUser("ana"), try database.makeUser("ben"))
        let tokens = try [ana, ben].map { try database.createSession(for: $0).token }
        let strange = String(repeating: "A", count: 43)
        let cache = Cache()

        for (order, user) in [
            ([strange, tokens[1], tokens[0]], ben), (tokens, ana), (tokens.reversed(), ben),
        ] {
            #expect(try cache.identity(Credentials(tokens: order), in: database).userID == user.id)
        }
    }

    @Test func `who is shut out loses every session`() throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser()
        let tokens = try (0..<3).map { _ in try database.createSession(for: ana).token }
        let cache = Cache()
        for token in tokens {
            _ = try cache.identity(Credentials(tokens: [token]), in: database)
        }
        try database.setDisabled(true, user: ana.id)
        for event in try database.log(after: 0).events { cache.forget(event) }
        for token in tokens {
            let credentials = Credentials(tokens: [token])
            #expect(
                try code { _ = try cache.identity(credentials, in: database) } == .unauthenticated)
        }
    }

    @Test func `a session that ends by itself is not remembered beyond its time`() throws {
        let past = TestClock(Timestamp.now().adding(seconds: -100))
        var limits = Limits()
        limits.sessionLifetimeSeconds = 50
        let database = try emptyDatabase(limits, clock: past)
        let token = try database.createSession(for: database.makeUser()).token
        let credentials = Credentials(tokens: [token])
        let cache = Cache()
        // By the database's clock it lasts, by the system's it is over: what is remembered is not believed.
        _ = try cache.identity(credentials, in: database)
        past.advance(seconds: 51)
        #expect(try code { _ = try cache.identity(credentials, in: database) } == .unauthenticated)
    }

    @Test func `the site's users need no session, and nobody is nobody`() throws {
        let database = try emptyDatabase()
        let cache = Cache()
        let identity = try cache.identity(Credentials(remoteUser: "bo"), in: database)
        #expect(try identity.userID == database.account(named: "bo").user.id)
        #expect(identity.session == nil)
        let nobody = Credentials()
        #expect(try code { _ = try cache.identity(nobody, in: database) } == .unauthenticated)
        let stranger = Credentials(tokens: ["none"])
        #expect(try code { _ = try cache.identity(stranger, in: database) } == .unauthenticated)
    }
}

@Suite struct EventArgumentTests {
    @Test(
        arguments: [
            ("1", 1), ("9007199254740991", 9_007_199_254_740_991), ("9007199254740992", nil),
            ("0", nil), ("-1", nil), ("1.0", nil), ("1e1", nil), (#""1""#, nil), ("null", nil),
        ] as [(String, Int64?)])
    func `an id is a positive integer below 2^53`(_ json: String, _ id: Int64?) throws {
        let argument = try JSONValue(parsing: Array("{\"hall_id\":\(json)}".utf8))
        #expect((try? EventArguments.id("hall_id", of: argument)) == id)
    }

    @Test func `what is optional may be missing or null, not of another kind`() throws {
        #expect(try EventArguments.optionalInteger("a", of: nil) == nil)
        #expect(try EventArguments.optionalInteger("a", of: ["a": .null]) == nil)
        #expect(try EventArguments.optionalInteger("a", of: ["a": 0]) == 0)
        #expect(
            try code { _ = try EventArguments.optionalInteger("a", of: ["a": "0"]) }
                == .invalidRequest)
        #expect(try EventArguments.optionalString("a", of: ["a": .null]) == nil)
        #expect(
            try code { _ = try EventArguments.optionalString("a", of: ["a": 1]) } == .invalidRequest
        )
        #expect(
            try code { _ = try EventArguments.string("a", of: ["a": .null]) } == .invalidRequest)
    }
}

@Suite struct WakerTests {
    @Test func `no signal is lost, however many threads signal`() throws {
        let folder = try TemporaryFolder()
        let waker = try Waker(WakeSocket(path: folder.file("wake")))
        let jobs = Atomic(0)
        let (threads, each) = (8, 2_000)
        let signalling = (0..<threads).map { _ in
            inBackground {
                for count in 0..<each {
                    jobs.add(1, ordering: .relaxed)
                    waker.signal()
                    if count % 64 == 0 { usleep(50) }
                }
            }
        }
        var taken = 0
        var sleptTooLong = 0
        while taken < threads * each {
            let new = jobs.exchange(0, ordering: .acquiring)
            taken += new
            guard new == 0, taken < threads * each else { continue }
            let began = ContinuousClock.now
            waker.wait(milliseconds: 5_000)
            if began.duration(to: .now) > .milliseconds(4_000) { sleptTooLong += 1 }
        }
        for thread in signalling { thread.wait() }
        #expect(sleptTooLong == 0)
        waker.close()
    }

    @Test func `a signal or a datagram before the sleep ends it at once, and each is seen once`()
        throws
    {
        let folder = try TemporaryFolder()
        let wake = WakeSocket(path: folder.file("wake"))
        let waker = try Waker(wake)
        let began = ContinuousClock.now
        waker.signal()
        waker.wait(milliseconds: 20_000)
        #expect(!waker.wasWoken())
        wake.wake()
        wake.wake()
        waker.wait(milliseconds: 20_000)
        #expect(waker.wasWoken())
        #expect(!waker.wasWoken())
        let ended = ContinuousClock.now
        #expect(began.duration(to: ended) < .seconds(10))
        waker.wait(milliseconds: 50)
        #expect(ended.duration(to: .now) >= .milliseconds(49))
        waker.close()
        #expect(!FileManager.default.fileExists(atPath: wake.path))
    }

    @Test func `a live one keeps its path, a dead one's is taken, and only one's own is removed`()
        throws
    {
        let folder = try TemporaryFolder()
        let wake = WakeSocket(path: folder.file("wake"))
        let first = try Waker(wake)
        let error = #expect(throws: SystemError.self) { try Waker(wake) }
        #expect(error?.number == EADDRINUSE)
        wake.wake()
        #expect(first.wasWoken())

        // The operator removed the file, and another daemon made one: it is not the first one's to remove.
        unsafe unlink(wake.path)
        let second = try Waker(wake)
        first.close()
        wake.wake()
        #expect(second.wasWoken())
        second.close()
        try Waker(wake).close()
    }

    @Test func `what is no socket is not removed`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("precious")
        try Data("precious".utf8).write(to: URL(filePath: path))
        #expect(throws: SystemError.self) { try Waker(WakeSocket(path: path)) }
        #expect(FileManager.default.contents(atPath: path) == Data("precious".utf8))
    }
}

@Suite struct PushOptionsTests {
    private func parse(_ words: [String]) throws -> PushOptions { try PushOptions.parse(words) }

    @Test func `addresses are paths and hosts with ports, separated by commas`() throws {
        let options = try parse(["--listen", "/run/a.sock,127.0.0.1:80,[::1]:0"])
        #expect(
            try options.addresses() == [
                .unix(path: "/run/a.sock"), .tcp(host: "127.0.0.1", port: 80),
                .tcp(host: "::1", port: 0),
            ])
        for wrong in ["", ",", "nothing", "host:65536", "host:-1", "host:"] {
            #expect(throws: (any Error).self) { try parse(["--listen", wrong]) }
        }
        #expect(throws: (any Error).self) { try parse([]) }
    }

    @Test(
        arguments: [
            ("--event-loops", 1, 64), ("--ping-interval", 50, 3_600_000),
            ("--ping-timeout", 50, 3_600_000), ("--connect-timeout", 50, 3_600_000),
            ("--request-timeout", 50, 3_600_000), ("--payload-bytes-max", 1_000, 100_000_000),
            ("--queue-bytes-max", 10_000, 1_000_000_000), ("--connections-max", 1, 10_000_000),
            ("--connections-per-address-max", 1, 10_000_000),
            ("--connections-per-user-max", 1, 10_000_000),
            ("--handshakes-per-second", 1, 10_000_000), ("--sends-per-second", 1, 10_000_000),
            ("--joins-per-second", 1, 10_000_000), ("--events-per-second", 1, 10_000_000),
            ("--sends-waiting-max", 1, 10_000_000), ("--site-login-recheck", 0, 2_592_000),
            ("--unfinished-bytes-max", 1_000_000, 1 << 40),
            ("--backlog-bytes-max", 1_000_000, 1 << 40),
        ])
    func `a bound is taken, one past it is not`(_ flag: String, _ least: Int, _ most: Int) throws {
        for value in [least, most] {
            _ = try parse(["--listen", "/a", flag, "\(value)"])
        }
        for value in [least - 1, most + 1] {
            #expect(throws: (any Error).self) { try parse(["--listen", "/a", "\(flag)=\(value)"]) }
        }
    }

    @Test func `a payload has room for the longest message`() throws {
        func parse(_ words: String...) throws -> ChatPush {
            try ChatPush.parse(["--database", "a.db", "--listen", "/a"] + words)
        }
        _ = try parse()
        _ = try parse("--payload-bytes-max", "17024")
        #expect(throws: (any Error).self) { try parse("--payload-bytes-max", "17023") }
    }

    @Test func `without a word there is an event loop for every two cores, and one at least`()
        throws
    {
        let cores = System.coreCount
        #expect(try parse(["--listen", "/a"]).threads == min(max(cores / 2, 1), 64))
        #expect(try parse(["--listen", "/a", "--event-loops", "3"]).threads == 3)
    }

    @Test func `permissions are octal`() throws {
        #expect(
            try parse(["--listen", "/a", "--socket-mode", "0666"]).socketPermissions() == 0o666)
        for wrong in ["8", "rw", "1000", "-1", "99999999999999999999"] {
            #expect(throws: (any Error).self) {
                try parse(["--listen", "/a", "--socket-mode=\(wrong)"])
            }
        }
    }
}
