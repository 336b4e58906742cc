// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import NIOCore

/// What is told when something happens to a descriptor.
protocol DescriptorWatcher: AnyObject {
    /// The descriptor can be read, or has ended.
    func readable()
    /// The descriptor takes more; told only to who asked for it.
    func writable()
}

/// Waits for many descriptors at once (epoll(7)), for one thread. As long as there is something to read, it says so.
@safe final class EventPoll {
    /// So many events are taken from the system at once.
    private static let eventsMax = 512
    /// Stands for the wake-up among the events.
    private static let wakeMark = UInt64.max

    /// Who watches a descriptor, and how often it was given away: an event that was meant for an earlier one is dropped.
    private struct Place {
        var watcher: (any DescriptorWatcher)?
        var generation: UInt32 = 0
    }

    private let epoll: Int32
    private let wakeEvent: Int32
    private var places: [Place] = []
    private let events: UnsafeMutableBufferPointer<epoll_event>

    /// - Throws: the system's error.
    init() throws {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        wakeEvent = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        unsafe events = .allocate(capacity: Self.eventsMax)
        guard epoll >= 0, wakeEvent >= 0 else {
            throw IOError(errnoCode: errno, reason: "epoll_create1")
        }
        // By edges: it is never read, each write wakes once.
        try control(EPOLL_CTL_ADD, wakeEvent, EPOLLIN.rawValue | EPOLLET.rawValue, Self.wakeMark)
    }

    deinit {
        Glibc.close(epoll)
        Glibc.close(wakeEvent)
        unsafe events.deallocate()
    }

    /// Watches a descriptor, to be read.
    ///
    /// - Throws: the system's error: it has no room for one more.
    func add(_ descriptor: Int32, _ watcher: any DescriptorWatcher) throws {
        let index = Int(descriptor)
        while places.count <= index { places.append(Place()) }
        places[index].generation &+= 1
        try control(EPOLL_CTL_ADD, descriptor, Self.reads, mark(descriptor))
        places[index].watcher = watcher
    }

    /// Gives a descriptor that is watched to another watcher.
    func hand(_ descriptor: Int32, to watcher: any DescriptorWatcher) {
        places[Int(descriptor)].watcher = watcher
    }

    /// Changes what is waited for.
    func wait(for descriptor: Int32, toRead: Bool, toWrite: Bool) {
        let events = (toRead ? Self.reads : 0) | (toWrite ? EPOLLOUT.rawValue : 0)
        try? control(EPOLL_CTL_MOD, descriptor, events, mark(descriptor))
    }

    /// Watches a descriptor no more. It stays open.
    func remove(_ descriptor: Int32) {
        places[Int(descriptor)].watcher = nil
        try? control(EPOLL_CTL_DEL, descriptor, 0, 0)
    }

    /// Forgets a descriptor and closes it.
    func close(_ descriptor: Int32) {
        places[Int(descriptor)].watcher = nil
        // With its last descriptor the system stops watching by itself.
        _ = Glibc.close(descriptor)
    }

    /// Closes all descriptors that are watched.
    func closeAll() {
        for index in places.indices where places[index].watcher != nil { close(Int32(index)) }
    }

    /// Waits until something happens, and tells it.
    ///
    /// - Parameter milliseconds: how long at most; -1 for as long as it takes.
    /// - Returns: how many events there were.
    @discardableResult
    func wait(milliseconds: Int32) -> Int {
        let count = unsafe epoll_wait(
            epoll, events.baseAddress, Int32(Self.eventsMax), milliseconds)
        // Signals are blocked in these threads; a debugger may interrupt all the same.
        guard count > 0 else { return 0 }
        for index in 0..<Int(count) {
            let (flags, mark) = unsafe (events[index].events, events[index].data.u64)
            guard mark != Self.wakeMark else { continue }
            tell(Int(truncatingIfNeeded: mark & 0xFFFF_FFFF), UInt32(mark >> 32), flags)
        }
        return Int(count)
    }

    /// Ends a wait, from any thread.
    func wake() {
        _ = eventfd_write(wakeEvent, 1)
    }

    private func tell(_ index: Int, _ generation: UInt32, _ flags: UInt32) {
        if flags & EPOLLOUT.rawValue != 0, places[index].generation == generation {
            places[index].watcher?.writable()
        }
        // Its end and its errors are found by reading.
        if flags & ~EPOLLOUT.rawValue != 0, places[index].generation == generation {
            places[index].watcher?.readable()
        }
    }

    private static let reads = EPOLLIN.rawValue | EPOLLRDHUP.rawValue

    private func mark(_ descriptor: Int32) -> UInt64 {
        UInt64(places[Int(descriptor)].generation) << 32 | UInt64(UInt32(descriptor))
    }

    private func control(
        _ operation: Int32, _ descriptor: Int32, _ events: UInt32, _ mark: UInt64
    ) throws {
        var event = unsafe epoll_event(events: events, data: epoll_data_t(u64: mark))
        guard unsafe epoll_ctl(epoll, operation, descriptor, &event) == 0 else {
            throw IOError(errnoCode: errno, reason: "epoll_ctl")
        }
    }
}
