// SPDX-License-Identifier: Apache-2.0

import Sockets

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
        UnixSocket.knock(at: path)
    }

    /// Opens the follower's end: a bound, blocking datagram socket. A socket left by one who is gone is replaced.
    ///
    /// - Throws: the system's error; `EADDRINUSE` where somebody follows already.
    public func listen() throws -> Int32 {
        do {
            return try UnixSocket.receiver(at: path, mode: 0o660)
        } catch let error as ListenError {
            throw SystemError(number: error.number, path: path)
        }
    }
}
