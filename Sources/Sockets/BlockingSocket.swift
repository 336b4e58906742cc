// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Connections on which a thread waits for its peer, but not for ever.
public enum BlockingSocket {
    /// Bounds how long the peer may take for a part of what is written.
    public static func limitSending(on connection: Int32, seconds: Int) {
        limit(SO_SNDTIMEO, on: connection, seconds)
    }

    /// Bounds how long the peer may take for a part of what is read.
    public static func limitReceiving(on connection: Int32, seconds: Int) {
        limit(SO_RCVTIMEO, on: connection, seconds)
    }

    /// Writes all bytes.
    ///
    /// - Returns: whether the peer took them.
    @discardableResult
    public static func send(_ bytes: [UInt8], to connection: Int32) -> Bool {
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

    private static func limit(_ option: Int32, on connection: Int32, _ seconds: Int) {
        var timeout = timeval(tv_sec: seconds, tv_usec: 0)
        let length = socklen_t(MemoryLayout<timeval>.size)
        unsafe setsockopt(connection, SOL_SOCKET, option, &timeout, length)
    }
}
