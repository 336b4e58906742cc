// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// Waits for descriptors (epoll). One thread does everything here: clients, faults and clock. Safe, because of epoll's
/// union only the descriptor is ever used.
@safe final class Poller {
    private let descriptor: Int32
    private var connections: [Int32: Connection] = [:]
    private var events = unsafe [epoll_event](repeating: epoll_event(), count: 1_024)
    /// Where bytes are read to before they belong to a connection.
    fileprivate var scratch = [UInt8](repeating: 0, count: 1 << 16)

    init() throws {
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { throw UnixError(what: "epoll") }
    }

    /// Waits until something happens, or so long, and lets the connections take it.
    func wait(milliseconds: Int32) {
        let count = unsafe epoll_wait(
            descriptor, &events, Int32(events.count), milliseconds)
        guard count > 0 else { return }
        for index in 0..<Int(count) {
            // It may have been closed by what another one did just now; a reused number finds nothing to read.
            connections[unsafe events[index].data.fd]?.ready()
        }
    }

    fileprivate func watch(_ connection: Connection, writing: Bool) {
        let isNew = connections.updateValue(connection, forKey: connection.descriptor) == nil
        var event = unsafe epoll_event()
        unsafe event.events = EPOLLIN.rawValue | (writing ? EPOLLOUT.rawValue : 0)
        unsafe event.data.fd = connection.descriptor
        let operation = isNew ? EPOLL_CTL_ADD : EPOLL_CTL_MOD
        unsafe epoll_ctl(descriptor, operation, connection.descriptor, &event)
    }

    fileprivate func forget(_ connection: Connection) {
        guard connections.removeValue(forKey: connection.descriptor) != nil else { return }
        var event = unsafe epoll_event()
        unsafe epoll_ctl(descriptor, EPOLL_CTL_DEL, connection.descriptor, &event)
    }
}

/// Who has a connection and hears of it.
protocol ConnectionOwner: AnyObject {
    /// There are more bytes in ``Connection/input``.
    func received(_ connection: Connection)
    /// The other side closed, or it broke.
    func ended(_ connection: Connection)
}

/// A TCP connection to a port of the loopback, with what waits in both directions.
final class Connection {
    let descriptor: Int32
    /// What came and was not taken yet.
    private(set) var input: [UInt8] = []
    weak var owner: (any ConnectionOwner)?
    private let poller: Poller
    private var output: [UInt8] = []
    private var isWatchingWrites = false
    private var isClosed = false
    /// Neither reads nor writes, as a machine that sleeps.
    private(set) var isFrozen = false

    /// Begins to connect; how that ends is heard by the owner.
    init?(port: UInt16, poller: Poller) {
        self.poller = poller
        let type = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        descriptor = socket(AF_INET, Int32(type), 0)
        guard descriptor >= 0 else { return nil }
        var address = sockaddr_in.loopback(port: port)
        let status = unsafe withUnsafeBytes(of: &address) { bytes in
            unsafe connect(
                descriptor, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self),
                socklen_t(bytes.count))
        }
        guard status == 0 || errno == EINPROGRESS else {
            Glibc.close(descriptor)
            isClosed = true
            return nil
        }
        var on: Int32 = 1
        unsafe setsockopt(
            descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        poller.watch(self, writing: false)
    }

    deinit {
        if !isClosed { Glibc.close(descriptor) }
    }

    func send(_ bytes: [UInt8]) {
        output += bytes
        if !isFrozen { flush() }
    }

    /// Takes bytes away from the beginning of the input.
    func consume(_ count: Int) { input.removeFirst(count) }

    fileprivate func ready() {
        _ = read(bytesMax: 1 << 18)
        if !isClosed, !output.isEmpty { flush() }
    }

    /// Reads so many bytes at most and hands them over.
    private func read(bytesMax: Int) -> Bool {
        var left = bytesMax
        var end = false
        while left > 0 {
            let size = min(left, poller.scratch.count)
            let count = unsafe Glibc.read(descriptor, &poller.scratch, size)
            if count > 0 {
                input += poller.scratch[..<count]
                left -= count
                if count < size { break }
            } else {
                end = count == 0 || (errno != EAGAIN && errno != EINTR && errno != ENOTCONN)
                break
            }
        }
        // What came before the end counts.
        if !input.isEmpty { owner?.received(self) }
        if end, !isClosed { fail() }
        return !end
    }

    private func flush() {
        while !output.isEmpty {
            let count = unsafe Glibc.send(
                descriptor, output, output.count, Int32(MSG_NOSIGNAL))
            guard count > 0 else {
                if errno == EAGAIN || errno == EINTR || errno == ENOTCONN { break }
                // What still waits to be read is read first; the end is seen then.
                output = []
                break
            }
            output.removeFirst(count)
        }
        guard !isFrozen, isWatchingWrites == output.isEmpty else { return }
        isWatchingWrites = !output.isEmpty
        poller.watch(self, writing: isWatchingWrites)
    }

    private func fail() {
        let owner = owner
        close()
        owner?.ended(self)
    }

    // MARK: What is done to it

    /// Closes as a program does.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        poller.forget(self)
        Glibc.close(descriptor)
        owner = nil
    }

    /// Breaks it so that the other side hears a reset.
    func reset() {
        guard !isClosed else { return }
        var linger = linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    /// From now on nothing is read or written, while the other side believes it is there.
    func freeze() {
        guard !isClosed, !isFrozen else { return }
        isFrozen = true
        isWatchingWrites = false
        poller.forget(self)
    }

    func thaw() {
        guard !isClosed, isFrozen else { return }
        isFrozen = false
        isWatchingWrites = !output.isEmpty
        poller.watch(self, writing: isWatchingWrites)
    }

    /// Reads a little of a frozen connection, and writes what waits.
    func sip(_ bytes: Int) {
        guard !isClosed, read(bytesMax: bytes), !isClosed else { return }
        flush()
    }
}
