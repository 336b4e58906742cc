// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Where a server listens.
public enum ListenAddress: Sendable, Equatable, CustomStringConvertible {
    /// A TCP port; 0 for any that is free.
    case tcp(host: String, port: Int)
    /// A unix socket.
    case unix(path: String)

    /// Reads `HOST:PORT`, or a path, which has a slash in it.
    public init?(_ text: String) {
        if text.contains("/") {
            self = .unix(path: text)
        } else if let colon = text.lastIndex(of: ":"),
            let port = UInt16(text[text.index(after: colon)...])
        {
            // [::1]:9000
            let host = text[..<colon]
            let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
            self = .tcp(
                host: String(isBracketed ? host.dropFirst().dropLast() : host), port: Int(port))
        } else {
            return nil
        }
    }

    /// As ``init(_:)`` reads it.
    public var description: String {
        switch self {
        case .tcp(let host, let port):
            host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): path
        }
    }

    /// Opens a socket that listens here, without blocking whoever asks it. A file that a dead process left is replaced;
    /// a live server's is left alone.
    ///
    /// - Parameter mode: who may connect to a unix socket: the front end is often another user.
    /// - Throws: ``ListenError``, or the system's error.
    public func listen(mode: UInt32) throws -> ListeningSocket {
        switch self {
        case .tcp(let host, let port):
            ListeningSocket(descriptor: try listenTCP(host: host, port: port), file: nil)
        case .unix(let path): try listenUnix(path, mode: mode)
        }
    }

    /// The system lowers it to what it allows.
    private static let backlog: Int32 = 4_096
    private static let kind =
        SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue

    private func listenUnix(_ path: String, mode: UInt32) throws -> ListeningSocket {
        let (descriptor, file) = try UnixSocket.bind(path, kind: Self.kind)
        // It is opened to others when it is complete.
        try closing(descriptor, onFailure: Glibc.listen(descriptor, Self.backlog))
        try closing(descriptor, onFailure: unsafe chmod(path, mode))
        return ListeningSocket(descriptor: descriptor, file: file)
    }

    private func listenTCP(host: String, port: Int) throws -> Int32 {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_PASSIVE
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host.isEmpty ? nil : host, "\(port)", &hints, &list) == 0,
            let first = unsafe list
        else { throw ListenError.unknownHost(host) }
        defer { unsafe freeaddrinfo(first) }
        let descriptor = try checked(
            socket(unsafe first.pointee.ai_family, Int32(Self.kind), 0), "socket")
        var yes: Int32 = 1
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, 4)
        // Connections have it from the socket that they came to.
        unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, 4)
        let result = unsafe bind(descriptor, first.pointee.ai_addr, first.pointee.ai_addrlen)
        try closing(descriptor, onFailure: result)
        try closing(descriptor, onFailure: Glibc.listen(descriptor, Self.backlog))
        return descriptor
    }

    private func closing(_ descriptor: Int32, onFailure result: Int32) throws {
        guard result != 0 else { return }
        let number = errno
        close(descriptor)
        if number == EADDRINUSE { throw ListenError.inUse(description) }
        throw SystemError(number: number, path: description)
    }
}

/// A socket that listens, and the file that goes with it.
public struct ListeningSocket: Sendable {
    /// The caller's to close.
    public let descriptor: Int32
    /// The file of a unix socket that we made.
    public let file: UnixSocket.File?

    /// Makes one of its parts.
    public init(descriptor: Int32, file: UnixSocket.File?) {
        self.descriptor = descriptor
        self.file = file
    }
}

/// Why one cannot listen somewhere.
public enum ListenError: Error, Equatable, CustomStringConvertible {
    /// Another process serves it.
    case inUse(String)
    /// Something that is no socket lies there.
    case notASocket(String)
    /// Neither a path nor host and port.
    case malformed(String)
    /// There is no such host.
    case unknownHost(String)

    /// The system's number for it.
    public var number: Int32 {
        switch self {
        case .inUse: EADDRINUSE
        case .notASocket: EEXIST
        case .malformed: ENAMETOOLONG
        case .unknownHost: EADDRNOTAVAIL
        }
    }

    /// A sentence for people.
    public var description: String {
        switch self {
        case .inUse(let place): "Another process listens at \(place)."
        case .notASocket(let path): "\(path) is there already and is not a socket."
        case .malformed(let text):
            """
            "\(text)" is neither the path of a unix socket (at most \(UnixSocket.pathBytesMax) bytes) nor HOST:PORT.
            """
        case .unknownHost(let host): "There is no host \(host)."
        }
    }
}
