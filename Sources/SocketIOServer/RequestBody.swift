// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// What has come of a request's body.
struct RequestBody {
    /// Less is soon whole, and not worth counting.
    static let countedMin = 1_024

    private(set) var bytes: [UInt8] = []
    private var hold: ByteHold?

    /// Takes a part.
    ///
    /// - Parameter newHold: counts it.
    /// - Returns: whether it may be so much.
    mutating func append(_ part: ByteBuffer, _ newHold: () -> ByteHold) -> Bool {
        bytes.append(contentsOf: part.readableBytesView)
        guard bytes.count > Self.countedMin else { return true }
        let hold = hold ?? newHold()
        self.hold = hold
        return hold.set(bytes.capacity)
    }
}
