// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// How large the buffer is that a connection reads into. The channel keeps its first one for as long as it lives, and most
/// connections are idle: so it is small, and large ones, for who sends more, live for one read.
struct ReceiveBufferSize: RecvByteBufferAllocator {
    private static let small = 256
    private static let large = 65_536

    /// Whether the last read filled its buffer.
    private var wasFilled = false

    private var size: Int { wasFilled ? Self.large : Self.small }

    func nextBufferSize() -> Int? { size }

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
        allocator.buffer(capacity: size)
    }

    mutating func record(actualReadBytes: Int) -> Bool {
        let couldGrow = !wasFilled
        wasFilled = actualReadBytes >= size
        return wasFilled && couldGrow
    }
}
