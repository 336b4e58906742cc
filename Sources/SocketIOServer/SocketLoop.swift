// SPDX-License-Identifier: Apache-2.0

import CLinux
import Dispatch
import Glibc
import NIOCore
import Synchronization

/// An event loop for sockets that need no channel: a thread that waits for descriptors, runs what it is handed, and keeps
/// a few timers. To everybody else it is an event loop of SwiftNIO's like any other.
///
/// A channel of SwiftNIO's keeps more memory for an idle WebSocket than all else that we keep for it, and makes more
/// system calls at its beginning than all else that a client's joining takes.
final class SocketLoop: EventLoop, @unchecked Sendable {
    /// So much is run between two looks at the sockets.
    private static let tasksPerTurn = 4_096
    /// So often is what others hand over taken in one turn.
    private static let deliveriesPerTurn = 2

    /// What other threads hand over.
    private struct Handed {
        var tasks: [() -> Void] = []
        /// Whether the loop was woken for what it has not yet taken.
        var isSignalled = false
        var isStopping = false
    }

    private struct Timer {
        var id: Int
        var deadline: NIODeadline
        var task: () -> Void
    }

    /// Used on the loop's thread alone, but for ``EventPoll/wake()``.
    let poll: EventPoll
    private let handed = Mutex(Handed())
    private let thread = Atomic<UInt>(0)
    private let lastTimer = Atomic(0)
    private let ended = DispatchSemaphore(value: 0)

    // Used on the loop's thread alone.
    private var tasks: [() -> Void] = []
    /// The next one is the last.
    private var timers: [Timer] = []

    /// Starts the thread.
    ///
    /// - Throws: the system's error.
    init(name: String) throws {
        poll = try EventPoll()
        try startThread(name) { [self] in run() }
    }

    /// Runs what was handed over so far, closes what is watched, and ends the thread.
    func stop() {
        handed.withLock { handed in
            handed.isStopping = true
            handed.isSignalled = true
        }
        poll.wake()
        ended.wait()
    }

    private func run() {
        thread.store(pthread_self(), ordering: .relaxed)
        while true {
            poll.wait(milliseconds: patience)
            // What comes while a delivery runs belongs to its turn, and so does the delivery behind it: what is asked for
            // meanwhile is asked for in one piece, however long they take. Two that alternate become one.
            var isStopping = false
            for _ in 0..<Self.deliveriesPerTurn {
                let handed = takeHanded(&isStopping)
                if handed.isEmpty { break }
                for task in handed { task() }
                poll.wait(milliseconds: 0)
            }
            runTasks()
            runTimers()
            if isStopping, tasks.isEmpty { break }
        }
        poll.closeAll()
        ended.signal()
    }

    /// How long there is nothing to do but for the sockets.
    private var patience: Int32 {
        // Who handed something over while we were at work has woken us then; that is spent by every look at the sockets.
        guard tasks.isEmpty, !handed.withLock(\.isSignalled) else { return 0 }
        guard let next = timers.last else { return -1 }
        let left = (next.deadline - .now()).nanoseconds
        return left <= 0 ? 0 : Int32(clamping: (left + 999_999) / 1_000_000)
    }

    /// - Parameter isStopping: whether the loop is to end when these have run.
    private func takeHanded(_ isStopping: inout Bool) -> [() -> Void] {
        handed.withLock { handed in
            handed.isSignalled = false
            isStopping = handed.isStopping
            defer { handed.tasks = [] }
            return handed.tasks
        }
    }

    private func runTasks() {
        var count = 0
        while !tasks.isEmpty, count < Self.tasksPerTurn {
            let batch = tasks
            tasks = []
            count += batch.count
            for task in batch { task() }
        }
    }

    private func runTimers() {
        guard let next = timers.last, next.deadline <= .now() else { return }
        let now = NIODeadline.now()
        while let timer = timers.last, timer.deadline <= now {
            timers.removeLast()
            timer.task()
        }
        runTasks()
    }

    // MARK: As an event loop of SwiftNIO's

    var inEventLoop: Bool { thread.load(ordering: .relaxed) == pthread_self() }

    func execute(_ task: @escaping @Sendable () -> Void) {
        if inEventLoop {
            tasks.append(task)
            return
        }
        let wakes = handed.withLock { handed in
            handed.tasks.append(task)
            defer { handed.isSignalled = true }
            return !handed.isSignalled
        }
        if wakes { poll.wake() }
    }

    func submit<Value>(
        _ task: @escaping @Sendable () throws -> Value
    ) -> EventLoopFuture<Value> {
        let promise = makePromise(of: Value.self)
        execute { self.run(task, promise) }
        return promise.futureResult
    }

    func scheduleTask<Value>(
        deadline: NIODeadline, _ task: @escaping @Sendable () throws -> Value
    ) -> Scheduled<Value> {
        let promise = makePromise(of: Value.self)
        let id = lastTimer.add(1, ordering: .relaxed).newValue
        perform {
            let place = self.timers.firstIndex { $0.deadline <= deadline } ?? self.timers.endIndex
            let timer = Timer(id: id, deadline: deadline) { self.run(task, promise) }
            self.timers.insert(timer, at: place)
        }
        return Scheduled(promise: promise) {
            self.perform { self.timers.removeAll { $0.id == id } }
        }
    }

    func scheduleTask<Value>(
        in delay: TimeAmount, _ task: @escaping @Sendable () throws -> Value
    ) -> Scheduled<Value> {
        scheduleTask(deadline: .now() + delay, task)
    }

    private func perform(_ body: @escaping @Sendable () -> Void) {
        if inEventLoop { body() } else { execute(body) }
    }

    private func run<Value>(_ task: () throws -> Value, _ promise: EventLoopPromise<Value>) {
        do {
            promise.assumeIsolated().succeed(try task())
        } catch {
            promise.fail(error)
        }
    }

    func next() -> any EventLoop { self }

    func any() -> any EventLoop { self }

    func makeIterator() -> EventLoopIterator { EventLoopIterator([self]) }

    func shutdownGracefully(
        queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void
    ) {
        queue.async {
            self.stop()
            callback(nil)
        }
    }
}

/// Runs something on a thread of its own.
///
/// - Throws: the system's error.
private func startThread(_ name: String, _ body: @escaping @Sendable () -> Void) throws {
    final class Start {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    let start = unsafe Unmanaged.passRetained(Start(body))
    var thread = pthread_t()
    let code = unsafe pthread_create(
        &thread, nil,
        { argument in
            if let argument = unsafe argument {
                unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
            }
            return nil
        }, start.toOpaque())
    guard code == 0 else {
        unsafe start.release()
        throw IOError(errnoCode: code, reason: "pthread_create")
    }
    unsafe pthread_setname_np(thread, name)
    pthread_detach(thread)
}
