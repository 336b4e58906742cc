// SPDX-License-Identifier: Apache-2.0

import SocketIO

/// A packet that waits for its attachments. Confined to its loop.
final class UnfinishedPacket {
    /// A packet in memory takes about so many times what its text took.
    private static let weight = 20

    /// The tick at which it is too late for them.
    let tick: Int64
    private var assembler: SocketIOPacketAssembler
    private var bytes: Int
    private let hold: ByteHold

    /// - Parameter bytes: how many the packet's text has.
    init(_ assembler: SocketIOPacketAssembler, bytes: Int, until tick: Int64, hold: ByteHold) {
        self.assembler = assembler
        self.bytes = bytes * Self.weight
        self.tick = tick
        self.hold = hold
    }

    /// Counts what it takes.
    ///
    /// - Returns: whether it may be so much.
    func count() -> Bool { hold.set(bytes) }

    /// Takes an attachment; returns the packet if it was the last.
    func take(
        _ attachment: ArraySlice<UInt8>
    ) throws(SocketIOPacketAssembler.AssemblyError) -> SocketIOPacketAssembler.Assembled? {
        bytes += attachment.count
        return try assembler.take(attachment: attachment)
    }
}
