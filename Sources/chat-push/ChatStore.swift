// SPDX-License-Identifier: Apache-2.0

import CLinux
import ChatModels
import Dispatch
import Foundation
import Logging
import SocketIOServer
import Synchronization

/// The thread that owns the database: it writes what the event loops hand over, follows the log, and tells all loops what
/// happened, in the log's order.
///
/// What clients say and change is committed in groups: what comes while one commit runs goes into the next. An idle server commits at
/// once, a busy one many at a time; there is no delay to tune.
final class ChatStore: Sendable {
    /// The most messages in one transaction: others wait for its lock.
    private static let groupMax = 512
    /// How long sign-ins, and other reads, may keep messages waiting.
    private static let readsTimeMax = Duration.milliseconds(10)
    /// How long a transaction waits for another's before those who only read have their turn, in milliseconds.
    private static let lockPatience: Int32 = 20
    /// How long a lost wake-up may go unnoticed, in milliseconds.
    private static let patience: Int32 = 400

    private let database: any ChatStorage
    /// The end of the log when the daemon began.
    private let start: LogPosition
    private let waker: Waker
    private let sendsWaitingMax: Int
    private let logger: Logger
    private let queue = Mutex(StoreQueue())
    /// How long messages wait for another's transaction before they are refused.
    private let writePatience: Duration
    /// Whether the last group could not be written: that is logged when it begins and when it is over.
    private let isFailing = Atomic(false)
    private let longRests = Atomic(0)
    private let finished = DispatchSemaphore(value: 0)
    private let tally = Mutex(StoreTally())

    init(
        database: any ChatStorage, wake: WakeSocket, sendsWaitingMax: Int, logger: Logger
    ) throws {
        self.database = database
        self.sendsWaitingMax = sendsWaitingMax
        self.logger = logger
        start = try database.logEnd()
        writePatience = database.lockPatience
        waker = try Waker(wake)
    }

    /// Begins to follow the log, from where it ended.
    func start(delivering loops: [ServerLoop]) {
        let follower = LogFollower(at: start, loops: loops)
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

    /// How often there was nothing to do for so long that what was kept for speed alone was let go.
    var longRestCount: Int { longRests.load(ordering: .relaxed) }

    // MARK: On the store's thread

    private func run(_ follower: LogFollower) {
        var follower = follower
        var sessions = SessionCache()
        var followed = ContinuousClock.now
        var (outbox, reads, purge, rest) = (Outbox(), WaitingReads(), Purge(), Rest())
        while true {
            let waited = !outbox.isEmpty
            let (handed, isFinishing) = queue.withLock { ($0.give(&outbox), $0.isFinishing) }
            let isIdle = handed.isEmpty && reads.isEmpty && outbox.isEmpty
            let position = follower.position
            // Who has always something to do looks at the log by itself, too.
            let isImpatient = followed.duration(to: .now) > .milliseconds(Self.patience)
            let wasWoken = waker.wasWoken()
            tally.withLock { $0.turned(wasWoken: wasWoken) }
            if wasWoken || isImpatient || isIdle {
                follow(&follower, &sessions)
                followed = .now
            }
            let hadMessages = !outbox.isEmpty
            commit(&outbox, &follower, &sessions)
            take(handed, &reads, &follower)
            read(&reads, &follower, &sessions)
            follower.deliver()
            self.purge(&purge, erasures: follower.erasures)
            if rest.isLong(isQuiet: isIdle && follower.position == position, now: .now) {
                database.releaseMemory()
                halls_gather_free_memory()
                longRests.add(1, ordering: .relaxed)
            }
            // While messages waited others may have come behind them.
            guard reads.isEmpty, outbox.isEmpty, !waited else { continue }
            if isFinishing { break }
            if handed.isEmpty, !hadMessages { waker.wait(milliseconds: Self.patience) }
        }
        let counted = tally.withLock { $0 }
        logger.info(
            "reads",
            metadata: [
                "reads.sessions": "\(counted[.sessionsRead])",
                "reads.halls": "\(counted[.hallsRead])",
                "reads.changes": "\(counted[.changesRead])",
                "reads.log": "\(counted[.logRead])",
            ])
        waker.close()
        try? database.close()
        finished.signal()
    }

    private func purge(_ purge: inout Purge, erasures: Int) {
        do {
            try purge.runIfDue(database, erasures: erasures)
        } catch {
            logger.error("purging what was deleted failed", metadata: ["error": "\(error)"])
        }
    }

    /// Writes what waits, in groups, as far as the database lets us.
    private func commit(
        _ outbox: inout Outbox, _ follower: inout LogFollower, _ sessions: inout SessionCache
    ) {
        while !outbox.isEmpty {
            let group = outbox.group(of: Self.groupMax)
            guard commit(group, of: &outbox, &follower, &sessions) else { return }
            outbox.remove(group)
            if !outbox.isEmpty { follower.deliver() }
        }
    }

    /// Lets reads wait, each for its turn.
    private func take(
        _ handed: [StoreQueue.Entry], _ reads: inout WaitingReads, _ follower: inout LogFollower
    ) {
        var count = 0
        for entry in handed where !reads.append(entry) {
            follower.tell(entry.loop, .refused(entry.job))
            count += 1
        }
        if count > 0 { done(count, abandoned: 0) }
    }

    /// Does reads for a while: what is said goes before those that are left.
    private func read(
        _ reads: inout WaitingReads, _ follower: inout LogFollower, _ sessions: inout SessionCache
    ) {
        guard !reads.isEmpty else { return }
        // What was committed does not wait for them.
        follower.deliver()
        read(&reads.signIns, &follower, &sessions)
        read(&reads.others, &follower, &sessions)
    }

    private func read(
        _ reads: inout FairQueue<StoreQueue.Entry>, _ follower: inout LogFollower,
        _ sessions: inout SessionCache
    ) {
        let began = ContinuousClock.now
        var (count, abandoned) = (0, 0)
        while began.duration(to: .now) < Self.readsTimeMax, let (loop, job) = reads.next() {
            if job.isAbandoned {
                abandoned += 1
                follower.tell(loop, .abandoned(job))
            } else {
                read(job, for: loop, &follower, &sessions)
            }
            count += 1
        }
        if count > 0 { done(count, abandoned: abandoned) }
    }

    private func done(_ count: Int, abandoned: Int) {
        queue.withLock { $0.done(count) }
        if abandoned > 0 { tally.withLock { $0.count(.readsAbandoned, abandoned) } }
    }

    private func read(
        _ job: StoreJob, for loop: Int, _ follower: inout LogFollower,
        _ sessions: inout SessionCache
    ) {
        switch job {
        case .write, .mark: break
        case .authenticate(let credentials, let socket, _):
            let before = sessions.reads
            let identity = answer { try sessions.identity(credentials, in: database) }
            tally.withLock { $0.count(.sessionsRead, sessions.reads - before) }
            follower.tell(loop, .authenticated(identity, socket))
        case .openHall(let hallID, _):
            tally.withLock { $0.count(.hallsRead) }
            let hall = answer { try read(&follower, &sessions) { try $0.hall(hallID) } }
            follower.tell(loop, .hallOpened(hallID, hall))
        case .readChanges(let hallID, let since, let ticket, let reader):
            tally.withLock { $0.count(.changesRead) }
            let changes = answer {
                try read(&follower, &sessions) {
                    try $0.messages(of: hallID, as: reader.userID, since: since)
                }
            }
            follower.tell(loop, .changesRead(hallID: hallID, changes, ticket: ticket))
        }
    }

    /// Writes a group in one transaction. Messages are emitted and acknowledged only after it is durable.
    ///
    /// - Returns: whether they were written or refused; not, while they wait for another's transaction.
    private func commit(
        _ group: WriteGroup, of outbox: inout Outbox, _ follower: inout LogFollower,
        _ sessions: inout SessionCache
    ) -> Bool {
        let (isTried, began) = (!outbox.isRefused, outbox.triedSince ?? .now)
        outbox.triedSince = began
        guard let results = isTried ? write(group, &outbox) : group.refused else {
            return false
        }
        let duration = began.duration(to: .now)
        var written: [(entry: LogPosition?, event: StoreEvent)] = []
        written.reserveCapacity(results.messages.count + results.marks.count)
        let answers = zip(group.commands, results.messages).map { command, result in
            result.map { note(command, $0, in: &written) }
        }
        let count = results.messages.count
        tally.withLock { tally in
            if !isTried {
                tally.count(.notCommitted, count)
            } else if count > 0 {
                tally.wrote(written.count, of: count, in: duration)
            }
        }
        for (reader, result) in zip(outbox.readers, results.marks) {
            guard case .success(let moved) = result, moved.entry != nil else { continue }
            written.append((moved.entry, .read(moved.mark, by: reader.reply.socket)))
        }
        // Whatever others wrote before stands in the log before ours. If nobody did, it need not be read.
        if !follower.take(own: written) { follow(&follower, &sessions) }
        for (sender, answer) in zip(outbox.senders, answers) {
            follower.tell(sender.loop, .written(answer, sender.reply))
        }
        for (reader, answer) in zip(outbox.readers, results.marks) {
            follower.tell(reader.loop, .marked(answer, reader.reply))
        }
        return true
    }

    /// What all loops are told of something that was written, and what its sender is told.
    private func note(
        _ command: MessageCommand, _ result: WrittenMessage,
        in written: inout [(entry: LogPosition?, event: StoreEvent)]
    ) -> Message {
        guard !result.isRepeat else { return result.message }
        let delivery = Delivery(result.message)
        switch command {
        case .say: written.append((result.entry, .message(delivery)))
        case .edit, .delete:
            let update = ChangeDelivery(message: delivery, change: delivery.change)
            written.append((result.entry, .messageChanged(update)))
        }
        return result.message
    }

    /// - Returns: what became of them; `nil` if another has the lock, and they may go on waiting for it.
    private func write(_ group: WriteGroup, _ outbox: inout Outbox) -> WrittenBatch? {
        do {
            let waited = outbox.triedSince.map { $0.duration(to: .now) } ?? .zero
            let results = try database.perform(
                group.commands, marks: group.marks, waitingAtMost: Self.lockPatience)
            guard let results else {
                if waited < writePatience { return nil }
                throw ChatError(.busy)
            }
            if isFailing.exchange(false, ordering: .relaxed) {
                logger.notice("writing works again")
            }
            if results.messages.contains(where: Self.isInternal) {
                logger.error("a message was refused: chat-admin check says what is not sound")
            }
            return results
        } catch let error as ChatError where error.code == .busy {
            if !isFailing.exchange(true, ordering: .relaxed) {
                logger.error("the database is full, or locked by another")
            }
            outbox.isRefused = true
            return group.refused
        } catch {
            logger.error("writing failed", metadata: ["error": "\(error)"])
            return group.writeEach(to: database)
        }
    }

    private static func isInternal(_ result: Result<WrittenMessage, ChatError>) -> Bool {
        if case .failure(let error) = result { error.code == .internalError } else { false }
    }

    /// Reads what was written since the last look.
    private func follow(_ follower: inout LogFollower, _ sessions: inout SessionCache) {
        do {
            while true {
                let position = follower.position
                tally.withLock { $0.count(.logRead) }
                let batch = try database.log(after: position, limit: 1_000)
                try take(batch, &follower, &sessions)
                guard batch.hasMore else { return }
            }
        } catch {
            logger.error("reading the log failed", metadata: ["error": "\(error)"])
        }
    }

    /// Reads state that belongs to a position of the log, and emits the log up to it.
    private func read<Value>(
        _ follower: inout LogFollower, _ sessions: inout SessionCache,
        _ body: (any SnapshotReading) throws -> Value
    ) throws -> Value {
        // A refusal is a value here: the log that was read with it is emitted all the same.
        let (batch, value) = try database.snapshot(after: follower.position) { reader in
            Result { try body(reader) }
        }
        try take(batch, &follower, &sessions)
        return try value.get()
    }

    private func take(
        _ batch: LogBatch, _ follower: inout LogFollower, _ sessions: inout SessionCache
    ) throws {
        if batch.isTorn {
            logger.error("the log was pruned before it was read")
            sessions.forgetAll()
        }
        tally.withLock { $0.read(batch) }
        for event in batch.events { sessions.forget(event) }
        try follower.take(batch, hall: database.hallSnapshot, user: database.userSnapshot)
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
