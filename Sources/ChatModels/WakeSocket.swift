// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// The wake-up between processes: an empty datagram that says "look at the log". A lost one costs time, never a message:
/// whoever follows the log also looks by itself.
public struct WakeSocket: Sendable {
    /// The path of the follower's unix datagram socket.
    public let path: String

    /// Makes a wake-up for a path; at most 107 bytes, which is what the system takes.
    public init(path: String) {
        self.path = path
    }

    /// Wakes the follower, if there is one.
    public func wake() {
        let descriptor = socket(
            AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        guard var address = sockaddr_un(path: path) else { return }
        unsafe withUnsafeBytes(of: &address) { bytes in
            let socketAddress = unsafe bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
            _ = unsafe sendto(
                descriptor, nil, 0, Int32(MSG_DONTWAIT), socketAddress, socklen_t(bytes.count))
        }
    }

    /// Opens the follower's end: a bound, blocking datagram socket. A socket left by one who is gone is replaced.
    ///
    /// - Throws: the system's error; `EADDRINUSE` where somebody follows already.
    public func listen() throws -> Int32 {
        guard var address = sockaddr_un(path: path) else {
            throw SystemError(number: ENAMETOOLONG, path: path)
        }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SystemError(number: errno, path: path) }
        let number = unsafe withUnsafeBytes(of: &address) { bytes -> Int32 in
            let socketAddress = unsafe bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
            // Only who is alive can be connected to.
            if unsafe connect(descriptor, socketAddress, socklen_t(bytes.count)) == 0 {
                return EADDRINUSE
            }
            switch errno {
            case ENOENT: break
            case ECONNREFUSED where isSocket: unsafe unlink(path)
            case ECONNREFUSED: return EEXIST
            case let number: return number
            }
            return unsafe bind(descriptor, socketAddress, socklen_t(bytes.count)) == 0 ? 0 : errno
        }
        guard number == 0 else {
            close(descriptor)
            throw SystemError(number: number, path: path)
        }
        unsafe chmod(path, 0o660)
        return descriptor
    }

    /// Whether the file there is a socket, and not one that somebody needs.
    private var isSocket: Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
    }
}

/// An error of the operating system, with the path it is about.
public struct SystemError: Error, CustomStringConvertible {
    /// `errno`
    public var number: Int32
    /// What it is about.
    public var path: String

    /// Makes an error of its parts.
    public init(number: Int32, path: String) {
        self.number = number
        self.path = path
    }

    /// What it is about, and the system's words.
    public var description: String {
        let text = unsafe String(cString: strerror(number))
        return "\(path): \(text)"
    }
}

extension sockaddr_un {
    /// The address of a unix socket; `nil` for a path longer than the system takes.
    package init?(path: String) {
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
}
