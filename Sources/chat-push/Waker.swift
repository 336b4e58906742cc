// SPDX-License-Identifier: Apache-2.0

import CLinux
import ChatModels
import Glibc
import Sockets
import Synchronization

/// What the store's thread sleeps on: jobs of this process, and datagrams of the others.
final class Waker: Sendable {
    private let datagrams: Int32
    private let event: Int32
    private let path: String
    /// The socket's file: by the time this ends, another may have its name.
    private let file: UnixSocket.File?
    /// Whether the thread sleeps, or is about to: only then does a signal cost a system call.
    private let isSleeping = Atomic(false)
    private let isSignalled = Atomic(false)

    init(_ wake: WakeSocket) throws {
        path = wake.path
        datagrams = try wake.listen()
        file = UnixSocket.File(at: wake.path)
        event = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard event >= 0 else { throw SystemError(number: errno, path: "eventfd") }
        _ = fcntl(datagrams, F_SETFL, O_NONBLOCK)
    }

    /// Wakes the thread, from any other.
    func signal() {
        isSignalled.store(true, ordering: .sequentiallyConsistent)
        guard isSleeping.load(ordering: .sequentiallyConsistent) else { return }
        eventfd_write(event, 1)
    }

    /// Sleeps until somebody has something, or for so long.
    func wait(milliseconds: Int32) {
        isSleeping.store(true, ordering: .sequentiallyConsistent)
        // Who signals after this sees that the thread sleeps; who did before is seen here.
        if !isSignalled.exchange(false, ordering: .sequentiallyConsistent) {
            var descriptors = [
                pollfd(fd: event, events: Int16(POLLIN), revents: 0),
                pollfd(fd: datagrams, events: Int16(POLLIN), revents: 0),
            ]
            _ = unsafe poll(&descriptors, 2, milliseconds)
            var count: eventfd_t = 0
            _ = unsafe eventfd_read(event, &count)
        }
        isSleeping.store(false, ordering: .sequentiallyConsistent)
        isSignalled.store(false, ordering: .sequentiallyConsistent)
    }

    /// Whether another process sent a datagram since this was last asked.
    func wasWoken() -> Bool {
        var wasWoken = false
        var byte: UInt8 = 0
        while unsafe recv(datagrams, &byte, 1, 0) >= 0 { wasWoken = true }
        return wasWoken
    }

    /// Ends the datagrams; nobody may signal or wait any more.
    func close() {
        file?.remove()
        Glibc.close(datagrams)
    }

    deinit {
        Glibc.close(event)
    }
}
