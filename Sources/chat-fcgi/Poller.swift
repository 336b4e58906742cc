// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Sockets

/// Waits for many connections at once, for several threads: each event goes to one thread, and the descriptor is
/// watched again only when that thread says so. In between it belongs to that thread alone.
struct Poller: Sendable {
    private let epoll: Int32
    /// Readable from ``stop()`` on; for all threads.
    private let stopEvent: Int32

    /// What a thread is woken for.
    enum Event: Equatable {
        /// The descriptor can be read.
        case readable(Int32)
        /// ``stop()`` was called.
        case stop
    }

    /// - Throws: the system's error.
    init() throws {
        epoll = try checked(epoll_create1(Int32(EPOLL_CLOEXEC)), "epoll_create1")
        stopEvent = try checked(eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK)), "eventfd")
        try checked(control(EPOLL_CTL_ADD, stopEvent, EPOLLIN.rawValue), "epoll_ctl")
    }

    /// Watches a descriptor for one event.
    ///
    /// - Returns: whether the system has room for it.
    func add(_ descriptor: Int32) -> Bool {
        control(EPOLL_CTL_ADD, descriptor, Self.once) == 0
    }

    /// Watches a descriptor, which was added before, for one more event.
    @discardableResult
    func rearm(_ descriptor: Int32) -> Bool {
        control(EPOLL_CTL_MOD, descriptor, Self.once) == 0
    }

    /// Watches a descriptor no more.
    func remove(_ descriptor: Int32) {
        _ = control(EPOLL_CTL_DEL, descriptor, 0)
    }

    /// Wakes all threads, now and whenever they ask for the next event.
    func stop() {
        _ = eventfd_write(stopEvent, 1)
    }

    /// Waits for the next event.
    func next() -> Event {
        var event = unsafe epoll_event()
        // Signals are blocked in these threads; a debugger may interrupt all the same.
        while unsafe epoll_wait(epoll, &event, 1, -1) != 1 {}
        let descriptor = unsafe event.data.fd
        return descriptor == stopEvent ? .stop : .readable(descriptor)
    }

    private static let once = EPOLLIN.rawValue | EPOLLONESHOT.rawValue

    private func control(_ operation: Int32, _ descriptor: Int32, _ events: UInt32) -> Int32 {
        var event = unsafe epoll_event(events: events, data: epoll_data_t(fd: descriptor))
        return unsafe epoll_ctl(epoll, operation, descriptor, &event)
    }
}
