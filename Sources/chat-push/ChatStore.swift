// SPDX-License-Identifier: Apache-2.0

import ChatModels
import Dispatch
import Foundation
import Logging
import SocketIOServer
import Synchronization

/// The thread that owns the database: it writes what the event loops hand over, follows the log, and tells all loops what
/// happened, in the log's order.
///
/// Messages are committed in groups: what comes while one commit runs goes into the next. An idle server commits at
/// once, a busy one many at a time; there is no delay to tune.
final class ChatStore: Sendable {
    private struct Queue {
        var jobs: [(loop: Int, job: StoreJob)] = []
        var sendsWaiting = 0
        /// Also those that the store's thread has taken and not yet done.
        var readsWaiting = 0
        var isFinishing = false

        /// Takes a job, unless too many wait.
        mutating func take(_ job: StoreJob, from loop: Int, sendsWaitingMax: Int) -> Bool {
            guard !isFinishing else { return false }
            if case .send = job {
                guard sendsWaiting < sendsWaitingMax else { return false }
                sendsWaiting += 1
            } else {
                guard readsWaiting < ChatStore.readsWaitingMax else { return false }
                readsWaiting += 1
            }
            jobs.append((loop, job))
            return true
        }
    }

    /// Messages that are written in one transaction, and where each came from.
    private struct Group {
        var messages: [NewMessage] = []
        var senders: [(loop: Int, reply: Reply)] = []
        /// Whether one before it has waited for the database in vain: it does not wait again.
        var isRefused = false
    }

    /// Reads that wait, in their order.
    private struct ReadQueue {
        private var jobs: [(loop: Int, job: StoreJob)] = []
        private var first = 0

        var isEmpty: Bool { first == jobs.count }

        /// Takes all that are not sends.
        mutating func take(_ new: [(loop: Int, job: StoreJob)]) {
            if first > jobs.count / 2 {
                jobs.removeFirst(first)
                first = 0
            }
            for entry in new {
                if case .send = entry.job { continue }
                jobs.append(entry)
            }
        }

        mutating func next() -> (loop: Int, job: StoreJob)? {
            guard first < jobs.count else { return nil }
            defer {
                first += 1
                if first == jobs.count { (jobs, first) = ([], 0) }
            }
            return jobs[first]
        }
    }

    /// The most messages in one transaction: others wait for its lock.
    private static let groupMax = 512
    /// The most reads that may wait: of a crowd that comes back at once, each has a few.
    private static let readsWaitingMax = 200_000
    /// How long reads may keep messages waiting.
    private static let readsTimeMax = Duration.milliseconds(20)
    /// How long a lost wake-up may go unnoticed, in milliseconds.
    private static let patience: Int32 = 400

    private let database: ChatDatabase
    /// The end of the log when the daemon began.
    private let start: Int64
    private let waker: Waker
    private let sendsWaitingMax: Int
    private let logger: Logger
    private let queue = Mutex(Queue())
    /// Whether the last group could not be written: that is logged when it begins and when it is over.
    private let isFailing = Atomic(false)
    private let finished = DispatchSemaphore(value: 0)
    private let tally = Mutex(StoreTally())

    init(
        database: ChatDatabase, wake: WakeSocket, sendsWaitingMax: Int, logger: Logger
    ) throws {
        self.database = database
        self.sendsWaitingMax = sendsWaitingMax
        self.logger = logger
        start = try database.newestChange()
        waker = try Waker(wake)
    }

    /// Begins to follow the log, from where it ended.
    func start(delivering loops: [ServerLoop]) {
        let follower = LogFollower(cursor: start, loops: loops)
        let thread = Thread { self.run(follower) }
        thread.name = "store"
        thread.start()
    }

    /// Hands jobs over, in their order.
    ///
    /// - Returns: those that were not taken, because too many wait or the daemon ends.
    func submit(_ jobs: [StoreJob], from loop: ServerLoop) -> [StoreJob] {
        let index = loop.index
        let refused = queue.withLock { queue in
            jobs.filter { !queue.take($0, from: index, sendsWaitingMax: sendsWaitingMax) }
        }
        if refused.count < jobs.count { waker.signal() }
        return refused
    }

    /// Writes all that was taken, tells the loops, and ends the thread.
    func finish() {
        queue.withLock { $0.isFinishing = true }
        waker.signal()
        finished.wait()
    }

    /// What the store says of itself.
    struct Figures: Sendable {
        var tally: StoreTally
        var sendsWaiting: Int
        var readsWaiting: Int
        /// Whether nothing can be written.
        var isFailing: Bool
    }

    /// The figures of this moment.
    var figures: Figures {
        let (sends, reads) = queue.withLock { ($0.sendsWaiting, $0.readsWaiting) }
        return Figures(
            tally: tally.withLock { $0 }, sendsWaiting: sends, readsWaiting: reads,
            isFailing: isFailing.load(ordering: .relaxed))
    }

    // MARK: On the store's thread

    private func run(_ follower: LogFollower) {
        var follower = follower
        var sessions = SessionCache()
        var followed = ContinuousClock.now
        var reads = ReadQueue()
        while true {
            let (jobs, sendCount, isFinishing) = queue.withLock { queue in
                defer {
                    queue.jobs = []
                    queue.sendsWaiting = 0
                }
                return (queue.jobs, queue.sendsWaiting, queue.isFinishing)
            }
            // Who has always something to do looks at the log by itself, too.
            let isImpatient = followed.duration(to: .now) > .milliseconds(Self.patience)
            let wasWoken = waker.wasWoken()
            tally.withLock { $0.turned(wasWoken: wasWoken) }
            if wasWoken || isImpatient || jobs.isEmpty && reads.isEmpty {
                follow(&follower, &sessions)
                followed = .now
            }
            commit(jobs, &follower, &sessions)
            if jobs.count > sendCount { reads.take(jobs) }
            read(&reads, &follower, &sessions)
            follower.deliver()
            guard reads.isEmpty else { continue }
            if isFinishing { break }
            if jobs.isEmpty { waker.wait(milliseconds: Self.patience) }
        }
        let figures = tally.withLock { $0.reads }
        logger.info(
            "reads",
            metadata: [
                "reads.sessions": "\(figures.sessions)", "reads.halls": "\(figures.halls)",
                "reads.changes": "\(figures.changes)", "reads.log": "\(figures.log)",
            ])
        waker.close()
        try? database.close()
        finished.signal()
    }

    /// Writes the messages among jobs, in groups.
    private func commit(
        _ jobs: [(loop: Int, job: StoreJob)], _ follower: inout LogFollower,
        _ sessions: inout SessionCache
    ) {
        var group = Group()
        for case (let loop, .send(let message, let reply)) in jobs {
            group.messages.append(message)
            group.senders.append((loop, reply))
            if group.messages.count == Self.groupMax {
                commit(&group, &follower, &sessions)
                follower.deliver()
            }
        }
        commit(&group, &follower, &sessions)
    }

    /// Does reads for a while: what is said goes before those that are left.
    private func read(
        _ reads: inout ReadQueue, _ follower: inout LogFollower, _ sessions: inout SessionCache
    ) {
        guard !reads.isEmpty else { return }
        // What was committed does not wait for them.
        follower.deliver()
        let began = ContinuousClock.now
        var count = 0
        while began.duration(to: .now) < Self.readsTimeMax, let (loop, job) = reads.next() {
            read(job, for: loop, &follower, &sessions)
            count += 1
        }
        queue.withLock { $0.readsWaiting -= count }
    }

    private func read(
        _ job: StoreJob, for loop: Int, _ follower: inout LogFollower,
        _ sessions: inout SessionCache
    ) {
        switch job {
        case .send: break
        case .authenticate(let credentials, let socket):
            let identity = answer { try sessions.identity(credentials, in: database) }
            tally.withLock { $0.reads.sessions = sessions.reads }
            follower.tell(loop, .authenticated(identity, socket))
        case .openHall(let hallID):
            tally.withLock { $0.reads.halls += 1 }
            let hall = answer { try read(&follower, &sessions) { try $0.hall(hallID) } }
            follower.tell(loop, .hallOpened(hallID, hall))
        case .readChanges(let hallID, let userID, let since, let ticket):
            tally.withLock { $0.reads.changes += 1 }
            let changes = answer {
                try read(&follower, &sessions) {
                    try $0.messages(of: hallID, as: userID, since: since)
                }
            }
            follower.tell(loop, .changesRead(hallID: hallID, changes, ticket: ticket))
        }
    }

    /// Writes messages in one transaction. They are emitted and acknowledged only after it is durable.
    private func commit(
        _ group: inout Group, _ follower: inout LogFollower, _ sessions: inout SessionCache
    ) {
        guard !group.messages.isEmpty else { return }
        let (isTried, began) = (!group.isRefused, ContinuousClock.now)
        let results = isTried ? write(&group) : refusals(of: group)
        let duration = began.duration(to: .now)
        var created: [(changeID: Int64, delivery: Delivery)] = []
        created.reserveCapacity(results.count)
        let answers = results.map { result in
            result.map { message in
                let delivery = Delivery(message.message)
                if let id = message.changeID { created.append((id, delivery)) }
                return OwnMessage(delivery: delivery, clientKey: message.message.clientKey)
            }
        }
        tally.withLock { tally in
            if isTried {
                tally.wrote(created.count, of: results.count, in: duration)
            } else {
                tally.notCommitted += results.count
            }
        }
        // Whatever others wrote before stands in the log before ours. If nobody did, it need not be read.
        if !follower.take(own: created) { follow(&follower, &sessions) }
        for (sender, answer) in zip(group.senders, answers) {
            follower.tell(sender.loop, .sent(answer, sender.reply))
        }
        group.messages.removeAll(keepingCapacity: true)
        group.senders.removeAll(keepingCapacity: true)
    }

    private func refusals(of group: Group) -> [Result<CreatedMessage, ChatError>] {
        group.messages.map { _ in .failure(ChatError(.busy)) }
    }

    private func write(_ group: inout Group) -> [Result<CreatedMessage, ChatError>] {
        do {
            let results = try database.createMessages(group.messages)
            if isFailing.exchange(false, ordering: .relaxed) {
                logger.notice("writing works again")
            }
            if results.contains(where: Self.isInternal) {
                logger.error("a message was refused: chat-admin check says what is not sound")
            }
            return results
        } catch let error as ChatError where error.code == .busy {
            if !isFailing.exchange(true, ordering: .relaxed) {
                logger.error("the database is full, or locked by another")
            }
            group.isRefused = true
            return refusals(of: group)
        } catch {
            logger.error("writing failed", metadata: ["error": "\(error)"])
            // What cannot be written must not take with it what can.
            return group.messages.map { message in
                Result { try database.createMessage(message) }.mapError { ChatError($0) }
            }
        }
    }

    private static func isInternal(_ result: Result<CreatedMessage, ChatError>) -> Bool {
        if case .failure(let error) = result { error.code == .internalError } else { false }
    }

    /// Reads what was written since the last look.
    private func follow(_ follower: inout LogFollower, _ sessions: inout SessionCache) {
        do {
            while true {
                let cursor = follower.cursor
                tally.withLock { $0.reads.log += 1 }
                let batch = try database.changes(after: cursor, limit: 1_000)
                try take(batch, &follower, &sessions)
                guard batch.changes.count >= 1_000, !batch.isTorn else { return }
            }
        } catch {
            logger.error("reading the log failed", metadata: ["error": "\(error)"])
        }
    }

    /// Reads state that belongs to a position of the log, and emits the log up to it.
    private func read<Value>(
        _ follower: inout LogFollower, _ sessions: inout SessionCache,
        _ body: (SnapshotReader) throws -> Value
    ) throws -> Value {
        // A refusal is a value here: the log that was read with it is emitted all the same.
        let (batch, value) = try database.snapshot(after: follower.cursor) { reader in
            Result { try body(reader) }
        }
        try take(batch, &follower, &sessions)
        return try value.get()
    }

    private func take(
        _ batch: ChangeBatch, _ follower: inout LogFollower, _ sessions: inout SessionCache
    ) throws {
        if batch.isTorn {
            logger.error("the log was pruned before it was read")
            sessions.forgetAll()
        }
        tally.withLock { $0.read(batch) }
        for change in batch.changes { sessions.forget(change.event) }
        try follower.take(batch) { hallID in try database.hallSnapshot(hallID) }
    }

    private func answer<Value>(_ body: () throws -> Value) -> Result<Value, ChatError> {
        do {
            return .success(try body())
        } catch let error as ChatError {
            return .failure(error)
        } catch {
            logger.error("reading failed", metadata: ["error": "\(error)"])
            return .failure(ChatError(.internalError))
        }
    }
}
