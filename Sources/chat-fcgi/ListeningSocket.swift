// SPDX-License-Identifier: Apache-2.0

import CLinux
import ChatModels
import Glibc

/// The socket where front ends knock: our own, or one that whoever started us left on descriptor 0.
struct ListeningSocket: Sendable {
    /// Why there is none.
    enum OpenError: Error, CustomStringConvertible {
        /// Another process serves it.
        case inUse(path: String)
        /// Something that is no socket lies there.
        case notASocket(path: String)
        /// Neither a path nor host and port.
        case malformed(String)
        /// There is no such host.
        case unknownHost(String)

        var description: String {
            switch self {
            case .inUse(let path): "Another process listens at \(path)."
            case .notASocket(let path): "\(path) is there already and is not a socket."
            case .malformed(let text):
                "\"\(text)\" is neither the path of a unix socket (at most 107 bytes) nor HOST:PORT."
            case .unknownHost(let host): "There is no host \(host)."
            }
        }
    }

    let descriptor: Int32
    /// The path of a unix socket that is ours to remove.
    let ownPath: String?
    private let isTCP: Bool

    /// The socket on descriptor 0, as FastCGI's specification (§2.2) has it; `nil` where there is none.
    static func inherited() -> ListeningSocket? {
        guard option(0, SO_ACCEPTCONN) == 1 else { return nil }
        try? setNonBlocking(0)
        return ListeningSocket(descriptor: 0, ownPath: nil, isTCP: option(0, SO_DOMAIN) != AF_UNIX)
    }

    /// Opens `HOST:PORT`, or the unix socket of that path. A stale one is replaced, a live one is left alone.
    ///
    /// - Parameter mode: who may connect to a unix socket.
    static func open(_ place: String, mode: mode_t) throws -> ListeningSocket {
        if !place.contains("/"), let colon = place.lastIndex(of: ":"),
            UInt16(place[place.index(after: colon)...]) != nil
        {
            return try openTCP(
                host: String(place[..<colon]), port: String(place[place.index(after: colon)...]))
        }
        return try openUnix(place, mode: mode)
    }

    /// Takes the next connection, if one is waiting: blocking, but never for longer than the timeout.
    ///
    /// - Returns: its descriptor, or the system's error number.
    func accept(timeoutSeconds: Int) -> Result<Int32, SystemError> {
        // Without CLOEXEC, which would be one more system call: this program starts no other.
        let connection = Glibc.accept(descriptor, nil, nil)
        guard connection >= 0 else { return .failure(SystemError(number: errno, path: "accept")) }
        var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        let length = socklen_t(MemoryLayout<timeval>.size)
        unsafe setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &timeout, length)
        unsafe setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &timeout, length)
        if isTCP {
            var yes: Int32 = 1
            unsafe setsockopt(connection, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, 4)
        }
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

    /// Writes all bytes, blocking, but never for longer than the timeout.
    ///
    /// - Returns: whether the peer took them.
    static func send(_ bytes: [UInt8], to connection: Int32) -> Bool {
        unsafe bytes.withUnsafeBytes { bytes in
            var rest = unsafe bytes[...]
            while unsafe !rest.isEmpty {
                let count = unsafe Glibc.send(
                    connection, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count,
                    Int32(MSG_NOSIGNAL))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                unsafe rest = rest.dropFirst(count)
            }
            return true
        }
    }

    /// Takes the socket's path away, if it has one of its own.
    ///
    /// - Returns: whether nobody can come any more.
    @discardableResult
    func removePath() -> Bool {
        guard let ownPath else { return false }
        return unsafe unlink(ownPath) == 0
    }

    // MARK: Opening

    private static func openUnix(_ path: String, mode: mode_t) throws -> ListeningSocket {
        guard !path.isEmpty, var address = sockaddr_un(path: path) else {
            throw OpenError.malformed(path)
        }
        return try unsafe withUnsafeBytes(of: &address) { bytes in
            guard let start = unsafe bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
            else {
                throw OpenError.malformed(path)
            }
            let length = socklen_t(bytes.count)
            try unsafe removeStale(path, start, length)
            let descriptor = try newSocket(AF_UNIX)
            // It is born closed to all others and opened when it is complete. No other thread runs yet.
            let before = umask(0o777)
            let result = unsafe bind(descriptor, start, length)
            umask(before)
            try closing(descriptor, onFailure: result, path)
            try closing(descriptor, onFailure: unsafe chmod(path, mode), path)
            try closing(descriptor, onFailure: listen(descriptor, backlog), path)
            return ListeningSocket(descriptor: descriptor, ownPath: path, isTCP: false)
        }
    }

    private static func removeStale(
        _ path: String, _ address: UnsafePointer<sockaddr>, _ length: socklen_t
    ) throws {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw OpenError.notASocket(path: path) }
        let probe = try newSocket(AF_UNIX)
        defer { close(probe) }
        let isRefused = unsafe connect(probe, address, length) != 0 && errno == ECONNREFUSED
        // Whoever does not refuse is alive, even if too busy to take us.
        guard isRefused else { throw OpenError.inUse(path: path) }
        unsafe unlink(path)
    }

    private static func openTCP(host: String, port: String) throws -> ListeningSocket {
        // [::1]:9000
        let host =
            host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_PASSIVE
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host.isEmpty ? nil : host, port, &hints, &list) == 0,
            let first = unsafe list
        else { throw OpenError.unknownHost(host) }
        defer { unsafe freeaddrinfo(first) }
        let descriptor = try newSocket(unsafe first.pointee.ai_family)
        var yes: Int32 = 1
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, 4)
        let result = unsafe bind(descriptor, first.pointee.ai_addr, first.pointee.ai_addrlen)
        try closing(descriptor, onFailure: result, "\(host):\(port)")
        try closing(descriptor, onFailure: listen(descriptor, backlog), "\(host):\(port)")
        return ListeningSocket(descriptor: descriptor, ownPath: nil, isTCP: true)
    }

    /// The system lowers it to what it allows.
    private static let backlog: Int32 = 4_096

    private static func newSocket(_ family: Int32) throws -> Int32 {
        let kind = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        return try checked(socket(family, Int32(kind), 0), "socket")
    }

    private static func closing(_ descriptor: Int32, onFailure result: Int32, _ path: String) throws
    {
        guard result != 0 else { return }
        let number = errno
        close(descriptor)
        throw SystemError(number: number, path: path)
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

/// The result of a system call.
///
/// - Throws: the system's error, if it is negative.
@discardableResult
func checked(_ result: Int32, _ what: String) throws -> Int32 {
    guard result >= 0 else { throw SystemError(number: errno, path: what) }
    return result
}
