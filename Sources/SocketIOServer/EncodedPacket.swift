// SPDX-License-Identifier: Apache-2.0

public import CompactJSON
import NIOCore
import SocketIO

/// Packets that are encoded once and sent to many: the bytes of WebSocket frames, header included, and the same packets
/// as a poll's body carries them.
public struct EncodedPackets: Sendable {
    /// Engine.IO packets, each with its type.
    let packets: [[UInt8]]
    /// All of them as WebSocket frames, one behind the other.
    let frames: ByteBuffer

    /// Encodes Engine.IO packets in text.
    init(packets: [[UInt8]]) {
        self.packets = packets
        var frames = ByteBufferAllocator().buffer(
            capacity: packets.reduce(0) { $0 + $1.count + 10 })
        for packet in packets { frames.writeWebSocketFrame(.text, packet) }
        self.frames = frames
    }

    /// Encodes events, each given as the bytes of a Socket.IO packet with its Engine.IO type; see ``eventBytes(_:_:)``.
    public init(events: [[UInt8]]) {
        self.init(packets: events)
    }

    /// An event of the default namespace, as the bytes that ``init(events:)`` takes.
    ///
    /// - Parameters:
    ///   - name: the event's name.
    ///   - writeArgument: writes the event's only argument, as JSON.
    public static func eventBytes(
        _ name: StaticString, _ writeArgument: (inout JSONWriter) -> Void
    ) -> [UInt8] {
        var writer = JSONWriter(capacity: 256)
        writer.raw("42[\"")
        writer.raw(name)
        writer.raw("\",")
        writeArgument(&writer)
        writer.raw("]")
        return writer.bytes
    }
}
