// SPDX-License-Identifier: Apache-2.0

import ChatOptions
import ChatTesting
import CompactJSON
import Foundation
import GRDB
import Glibc
import Logging
import NIOCore
import SocketIOServer
import Sockets
import Synchronization

@testable import ChatModels
@testable import chat_push

/// A push daemon with real event loops, sockets and a database file, wired as `ChatPush` does it; and others that write
/// to the same file.
final class PushSite: Sendable {
    let folder: TemporaryFolder
    /// Another connection, as chat-fcgi has one.
    let database: ChatDatabase
    /// The store's connection.
    private let own: ChatDatabase
    let wake: WakeSocket
    let store: ChatStore
    let server: SocketIOServer
    let ana: User
    let hall: Hall
    private let isOver = Atomic(false)

    static let many = Rate(perSecond: 1_000_000, burst: 1_000_000)

    /// The defaults, but that one client may send as much as a test likes.
    static var patient: ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.packetsPerSecond = 1_000_000
        return configuration
    }

    init(
        limits: Limits = Limits(), settings change: (inout ChatSettings) -> Void = { _ in },
        connectionsPerUserMax: Int = 1_000,
        sends: Rate = many, joins: Rate = many, marks: Rate = many, events: Rate = many,
        sendsWaitingMax: Int = 10_000, threads: Int = 2, isStarted: Bool = true,
        lockPatience: Duration = .seconds(10), configuration: ServerConfiguration = patient
    ) throws {
        folder = try TemporaryFolder()
        database = try folder.database(limits)
        wake = WakeSocket(path: folder.file("wake"))
        ana = try database.makeUser("ana")
        hall = try database.makeHall(owner: ana)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        var settings = ChatSettings(
            auth: .accounts, limits: limits,
            catchUps: Rate(perSecond: 100_000_000, burst: 100_000_000),
            users: UserLimits(
                connectionsMax: connectionsPerUserMax,
                rates: PersonRates(sends: sends, joins: joins, marks: marks, events: events)))
        change(&settings)
        own = try ChatDatabase(
            path: folder.file("chat.db"), limits: limits, lockPatience: lockPatience)
        let store = try ChatStore(
            database: own, wake: wake, sendsWaitingMax: sendsWaitingMax, logger: logger)
        server = try SocketIOServer(
            configuration: configuration, threads: threads, logger: logger
        ) { [settings] loop in ChatApplication(loop: loop, store: store, settings: settings) }
        self.store = store
        if isStarted { start() }
        _ = try server.listen(at: .unix(path: folder.file("push")))
    }

    func start() { store.start(delivering: server.loops) }

    /// Ends as SIGTERM does.
    func end() throws {
        guard !isOver.exchange(true, ordering: .relaxed) else { return }
        store.finish()
        try server.shutDown()
    }

    func join(_ name: String) throws -> User {
        let user = try database.makeUser(name)
        _ = try database.join(hall.id, as: user.id)
        return user
    }

    /// Somebody in a browser.
    func client(_ user: User) throws -> PushClient {
        try client(token: database.createSession(for: user).token)
    }

    func client(token: String) throws -> PushClient {
        let client = try PushClient(folder.file("push"), header: "Cookie: halls_session=\(token)")
        try client.connect()
        return client
    }

    /// Holds the database's lock, as another program that writes for long.
    ///
    /// - Returns: lets go of it.
    func lock() -> () -> Void {
        hold { [database] body in try? database.write { _ in body() } }
    }

    /// Keeps the store from its database.
    ///
    /// - Returns: lets it go on.
    func pauseStore() -> () -> Void {
        hold { [own] body in own.queue.inDatabase { _ in body() } }
    }

    /// Waits until the store's thread has what a client has sent so far. What is answered behind it went through the loop, and
    /// the loop hands over before it answers.
    func waitUntilTaken(_ client: PushClient) throws {
        _ = try client.call("leave_hall", ["hall_id": .integer(hall.id)])
        guard eventually({ store.figures.sendsWaiting == 0 }) else { throw PushClient.TimedOut() }
    }

    private func hold(_ whileHeld: @escaping @Sendable (() -> Void) -> Void) -> () -> Void {
        let (isHeld, mayGo) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let holder = inBackground {
            whileHeld {
                isHeld.signal()
                mayGo.wait()
            }
        }
        isHeld.wait()
        return {
            mayGo.signal()
            holder.wait()
        }
    }

    /// What the applications of all loops remember.
    func remembered() throws -> Remembered {
        try server.loops.reduce(into: Remembered()) { sum, loop in
            let one = try loop.eventLoop.submit {
                guard let application = loop.application as? ChatApplication else {
                    return Remembered()
                }
                return Remembered(
                    halls: application.halls.count, sockets: loop.allSockets.count,
                    online: application.online[self.ana.id].count)
            }.wait()
            sum.halls += one.halls
            sum.sockets += one.sockets
            sum.online += one.online
        }
    }

    struct Remembered: Sendable, Equatable {
        var halls = 0
        var sockets = 0
        var online = 0
    }
}

/// Runs a test on a site, and ends the site whatever comes.
func withSite(_ site: PushSite, _ body: (PushSite) throws -> Void) throws {
    defer { try? site.end() }
    try body(site)
}

/// Waits until something holds; at most ten seconds.
func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<2_000 {
        if try condition() { return true }
        usleep(5_000)
    }
    return false
}

/// Runs something on a thread of its own.
func inBackground(_ body: @escaping @Sendable () -> Void) -> DispatchSemaphore {
    let done = DispatchSemaphore(value: 0)
    Thread {
        body()
        done.signal()
    }.start()
    return done
}
