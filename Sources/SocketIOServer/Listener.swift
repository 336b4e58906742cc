// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import NIOCore
import Sockets

/// A socket that listens: it gives each connection to a loop, by turns. Confined to the loop that watches it.
final class Listener: DescriptorWatcher, @unchecked Sendable {
    /// So many connections are taken between two looks at the others.
    private static let acceptsMax = 64

    let address: ListenAddress
    private let socket: ListeningSocket
    private var descriptor: Int32 { socket.descriptor }
    private let server: ServerLoops
    private let loop: ServerLoop
    private var isClosed = false

    /// Listens; connections come from ``start()`` on.
    ///
    /// - Throws: `ListenError`, or the system's error.
    init(
        at address: ListenAddress, socketMode: UInt32, server: ServerLoops,
        loop: ServerLoop
    ) throws {
        self.address = address
        self.server = server
        self.loop = loop
        socket = try address.listen(mode: socketMode)
    }

    /// The port, for TCP.
    var port: Int? {
        var address = sockaddr_in6()
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let code = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &length)
            }
        }
        // The port stands at the same place for both kinds of address.
        guard code == 0, case .tcp = self.address else { return nil }
        return Int(UInt16(bigEndian: address.sin6_port))
    }

    /// Takes connections, from now on.
    ///
    /// - Throws: the system's error.
    func start() throws { try loop.poll.add(descriptor, self) }

    func readable() {
        for _ in 0..<Self.acceptsMax {
            let flags = SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
            let connection = accept4(descriptor, nil, nil, Int32(flags))
            guard connection >= 0 else { return failed(errno) }
            let home = server.nextLoop
            if home === loop {
                Arrival.take(connection, server: server, loop: loop)
            } else {
                home.execute { [server] in Arrival.take(connection, server: server, loop: home) }
            }
        }
    }

    func writable() {}

    private func failed(_ number: Int32) {
        switch number {
        case EMFILE, ENFILE, ENOBUFS, ENOMEM:
            // Out of descriptors it waits for some, rather than asking for them in circles.
            loop.poll.wait(for: descriptor, toRead: false, toWrite: false)
            loop.eventLoop.scheduleTask(in: .seconds(1)) { [self] in
                if !isClosed { loop.poll.wait(for: descriptor, toRead: true, toWrite: false) }
            }
        // None is left, or one has gone before it was taken.
        default: break
        }
    }

    /// Stops listening.
    func stop() {
        guard !isClosed else { return }
        isClosed = true
        loop.poll.close(descriptor)
        socket.file?.remove()
    }
}
