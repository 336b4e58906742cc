// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// Unix sockets as files.
public enum UnixSocket {
    /// The longest path that the system takes, in bytes.
    public static let pathBytesMax = 107

    /// A socket's file, so that it is told from one that another process has put in its place.
    public struct File: Sendable, Equatable {
        /// Where it lies.
        public let path: String
        private let device: dev_t
        private let inode: ino_t
        // When it was made: a file system may give a number again as soon as it is free.
        private let seconds: Int
        private let nanoseconds: Int

        /// The file that lies there; `nil` for none, and for what is no socket.
        public init?(at path: String) {
            var status = stat()
            guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else {
                return nil
            }
            self.path = path
            device = status.st_dev
            inode = status.st_ino
            seconds = status.st_mtim.tv_sec
            nanoseconds = status.st_mtim.tv_nsec
        }

        /// Removes it, unless another lies in its place by now.
        ///
        /// - Returns: whether nobody finds it any more.
        @discardableResult
        public func remove() -> Bool {
            guard File(at: path) == self else { return false }
            return unsafe unlink(path) == 0
        }
    }

    /// Binds a socket to a path. What a dead process left there is replaced; a live socket, and whatever is no socket, is
    /// left alone. Nobody may connect before `chmod`.
    ///
    /// - Parameter kind: `SOCK_STREAM` or `SOCK_DGRAM`, with its flags.
    /// - Throws: ``ListenError``, or the system's error.
    static func bind(_ path: String, kind: UInt32) throws -> (descriptor: Int32, file: File?) {
        guard !path.isEmpty, var address = sockaddr_un(path: path) else {
            throw ListenError.malformed(path)
        }
        try removeDead(path, &address, kind: kind)
        let descriptor = try checked(socket(AF_UNIX, Int32(kind), 0), "socket")
        // The file is born with the permissions that the socket has: with none. The process's umask, which all its threads
        // share, is not touched.
        var result = fchmod(descriptor, 0)
        if result == 0 {
            result = unsafe address.withAddress { unsafe Glibc.bind(descriptor, $0, $1) }
        }
        guard result == 0 else {
            let number = errno
            close(descriptor)
            if number == EADDRINUSE { throw ListenError.inUse(path) }
            throw SystemError(number: number, path: path)
        }
        return (descriptor, File(at: path))
    }

    /// Opens a socket for datagrams at a path.
    ///
    /// - Throws: ``ListenError``, or the system's error.
    public static func receiver(at path: String, mode: UInt32) throws -> Int32 {
        let kind = SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue
        let (descriptor, _) = try bind(path, kind: kind)
        guard unsafe chmod(path, mode) == 0 else {
            let number = errno
            close(descriptor)
            throw SystemError(number: number, path: path)
        }
        return descriptor
    }

    /// Sends an empty datagram to a path, without waiting; nobody needs to be there.
    public static func knock(at path: String) {
        let kind = SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        let descriptor = socket(AF_UNIX, Int32(kind), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        guard var address = sockaddr_un(path: path) else { return }
        unsafe address.withAddress {
            _ = unsafe sendto(descriptor, nil, 0, Int32(MSG_DONTWAIT), $0, $1)
        }
    }

    /// Removes the socket that a dead process left.
    private static func removeDead(
        _ path: String, _ address: inout sockaddr_un, kind: UInt32
    ) throws {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw SystemError(number: errno, path: path)
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw ListenError.notASocket(path) }
        let probe = try checked(
            socket(AF_UNIX, Int32(kind | SOCK_NONBLOCK.rawValue), 0), "socket")
        defer { close(probe) }
        let result = unsafe address.withAddress { unsafe connect(probe, $0, $1) }
        // Whoever does not refuse is alive, even if too busy to take us, or not for us.
        guard result != 0, errno == ECONNREFUSED else { throw ListenError.inUse(path) }
        unsafe unlink(path)
    }
}

extension sockaddr_un {
    /// The address of a unix socket; `nil` for a path longer than the system takes.
    init?(path: String) {
        self.init()
        sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let fits = unsafe withUnsafeMutableBytes(of: &sun_path) { target in
            guard bytes.count < target.count else { return false }
            unsafe target.copyBytes(from: bytes)
            return true
        }
        guard fits else { return nil }
    }

    /// The address as system calls take it.
    mutating func withAddress<Result>(
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        unsafe withUnsafePointer(to: &self) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
