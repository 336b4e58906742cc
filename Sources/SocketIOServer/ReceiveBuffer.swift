// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What all connections of an event loop read into, one after the other: an idle one has no buffer of its own.
struct ReceiveBuffer {
    private static let size = 65_536

    enum Outcome: Equatable {
        /// So many bytes came.
        case bytes(Int)
        /// There was nothing after all.
        case nothing
        /// The other side says no more.
        case end
        /// The connection is broken.
        case failed
    }

    /// What was received last, up to the count that was told.
    private(set) var bytes = [UInt8](repeating: 0, count: size)

    /// Reads what a socket has, without waiting.
    mutating func receive(from descriptor: Int32) -> Outcome {
        let count = unsafe bytes.withUnsafeMutableBytes { bytes in
            unsafe recv(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT))
        }
        if count > 0 { return .bytes(count) }
        if count == 0 { return .end }
        return errno == EAGAIN || errno == EINTR ? .nothing : .failed
    }
}
