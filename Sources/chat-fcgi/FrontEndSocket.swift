// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Sockets

/// The socket where front ends knock: our own, or one that whoever started us left on descriptor 0.
struct FrontEndSocket: Sendable {
    private let socket: ListeningSocket
    /// Whether whoever started us keeps it when we are gone.
    let isInherited: Bool

    /// Its number in this process.
    var descriptor: Int32 { socket.descriptor }

    /// The socket on descriptor 0, as FastCGI's specification (§2.2) has it; `nil` where there is none.
    static func inherited() -> FrontEndSocket? {
        guard option(0, SO_ACCEPTCONN) == 1 else { return nil }
        try? setNonBlocking(0)
        if option(0, SO_DOMAIN) != AF_UNIX {
            var yes: Int32 = 1
            // Connections have it from the socket that they came to.
            unsafe setsockopt(0, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, 4)
        }
        return FrontEndSocket(
            socket: ListeningSocket(descriptor: 0, file: nil), isInherited: true)
    }

    /// Opens `HOST:PORT`, or the unix socket of that path. A stale one is replaced, a live one is left alone.
    ///
    /// - Parameter mode: who may connect to a unix socket.
    static func open(_ place: String, mode: mode_t) throws -> FrontEndSocket {
        let address = ListenAddress(place) ?? .unix(path: place)
        return FrontEndSocket(socket: try address.listen(mode: mode), isInherited: false)
    }

    /// Takes the next connection, if one is waiting: blocking, but never for longer than the timeout.
    ///
    /// - Returns: its descriptor, or the system's error number.
    func accept(timeoutSeconds: Int) -> Result<Int32, SystemError> {
        // Without CLOEXEC, which would be one more system call: this program starts no other.
        let connection = Glibc.accept(socket.descriptor, nil, nil)
        guard connection >= 0 else { return .failure(SystemError(number: errno, path: "accept")) }
        BlockingSocket.limitReceiving(on: connection, seconds: timeoutSeconds)
        BlockingSocket.limitSending(on: connection, seconds: timeoutSeconds)
        return .success(connection)
    }

    /// What a look at a connection shows, without waiting.
    enum Glance: Equatable { case data, nothingYet, gone }

    static func glance(at connection: Int32) -> Glance {
        var byte: UInt8 = 0
        let count = unsafe recv(connection, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
        if count > 0 { return .data }
        return count < 0 && errno == EAGAIN ? .nothingYet : .gone
    }

    /// Takes the socket's path away, if it has one of its own.
    ///
    /// - Returns: whether nobody can come any more.
    @discardableResult
    func removePath() -> Bool {
        socket.file?.remove() ?? false
    }

    // Several threads, or processes that share the socket, may run for one connection; the late ones must not wait.
    private static func setNonBlocking(_ descriptor: Int32) throws {
        let flags = try checked(fcntl(descriptor, F_GETFL), "fcntl")
        try checked(fcntl(descriptor, F_SETFL, flags | O_NONBLOCK), "fcntl")
    }

    private static func option(_ descriptor: Int32, _ name: Int32) -> Int32? {
        var value: Int32 = 0
        var length = socklen_t(4)
        return unsafe getsockopt(descriptor, SOL_SOCKET, name, &value, &length) == 0 ? value : nil
    }
}
