// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore

extension SocketIOServer {
    /// Where a server listens.
    public enum Address: Sendable, Equatable, CustomStringConvertible {
        /// A TCP port; 0 for any that is free.
        case tcp(host: String, port: Int)
        /// A unix socket.
        case unix(path: String)

        /// Reads `HOST:PORT`, or a path, which has a slash in it.
        public init?(_ text: String) {
            if text.contains("/") {
                self = .unix(path: text)
            } else if let colon = text.lastIndex(of: ":"),
                let port = Int(text[text.index(after: colon)...]), 0...65_535 ~= port
            {
                let host = text[..<colon].trimmingPrefix("[")
                self = .tcp(host: String(host.last == "]" ? host.dropLast() : host), port: port)
            } else {
                return nil
            }
        }

        /// As ``init(_:)`` reads it.
        public var description: String {
            switch self {
            case .tcp(let host, let port): "\(host):\(port)"
            case .unix(let path): path
            }
        }

        /// Removes what listening there leaves behind: the file of a unix socket.
        public func removeFile() {
            if case .unix(let path) = self { unsafe unlink(path) }
        }
    }

    /// Somebody else listens there.
    public struct AddressInUse: Error, CustomStringConvertible {
        /// Where.
        public var address: Address
        /// A sentence for people.
        public var description: String { "\(address) is in use." }
    }
}

extension SocketIOServer.Address {
    /// Opens a socket that listens here. It is the caller's to close.
    ///
    /// - Parameter socketMode: the permissions of a unix socket: the proxy is often another user.
    /// - Throws: ``SocketIOServer/AddressInUse``, or the system's error.
    public func listen(socketMode: UInt32) throws -> Int32 {
        let address: SocketAddress
        switch self {
        case .tcp(let host, let port):
            address = try SocketAddress.makeAddressResolvingHost(host, port: port)
        case .unix(let path):
            if try UnixSocket.isLive(path) { throw SocketIOServer.AddressInUse(address: self) }
            try UnixSocket.removeDead(path)
            address = try SocketAddress(unixDomainSocketPath: path)
        }
        let kind = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        let descriptor = socket(Int32(address.protocol.rawValue), Int32(kind), 0)
        do {
            try checked(descriptor, "socket")
            if case .tcp = self {
                try set(SOL_SOCKET, SO_REUSEADDR, of: descriptor)
                // Connections have it from the socket that they came to.
                try set(Int32(IPPROTO_TCP), TCP_NODELAY, of: descriptor)
            }
            let code = unsafe address.withSockAddr { unsafe bind(descriptor, $0, socklen_t($1)) }
            if code < 0, errno == EADDRINUSE { throw SocketIOServer.AddressInUse(address: self) }
            try checked(code, "bind")
            if case .unix(let path) = self { unsafe chmod(path, socketMode) }
            try checked(Glibc.listen(descriptor, 4_096), "listen")
            return descriptor
        } catch {
            if descriptor >= 0 { close(descriptor) }
            throw error
        }
    }

    private func set(_ level: Int32, _ option: Int32, of descriptor: Int32) throws {
        var yes: Int32 = 1
        try checked(unsafe setsockopt(descriptor, level, option, &yes, 4), "setsockopt")
    }

    private func checked(_ code: Int32, _ call: String) throws {
        if code < 0 { throw IOError(errnoCode: errno, reason: call) }
    }
}

/// Unix sockets as files.
enum UnixSocket {
    /// Whether somebody answers at a path. A file that a dead process left is not live.
    static func isLive(_ path: String) throws -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let address = try SocketAddress(unixDomainSocketPath: path)
        return unsafe address.withSockAddr { unsafe connect(descriptor, $0, socklen_t($1)) } == 0
    }

    /// Removes what a dead process left at a path; what is no socket stays.
    static func removeDead(_ path: String) throws {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw IOError(errnoCode: EADDRINUSE, reason: "bind")
        }
        unsafe unlink(path)
    }
}
