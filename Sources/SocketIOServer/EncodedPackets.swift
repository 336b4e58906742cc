// SPDX-License-Identifier: Apache-2.0

public import CompactJSON
import SocketIO

/// Packets that are encoded once and sent to many: WebSocket frames, header included, one behind the other.
public struct EncodedPackets: Sendable {
    private(set) var frames: [UInt8] = []

    /// Makes room for events to come.
    ///
    /// - Parameter capacity: about how many bytes they have.
    public init(capacity: Int = 0) {
        frames.reserveCapacity(capacity)
    }

    /// Adds an event behind the others, given as the bytes of a Socket.IO packet with its Engine.IO type; see
    /// ``eventBytes(_:_:)``.
    public mutating func append(event: [UInt8]) {
        frames.appendWebSocketFrame(.text, event)
    }

    /// An event of the default namespace, as the bytes that ``append(event:)`` takes.
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

    /// The same packets, each as the body of a poll carries it.
    func packets() -> [[UInt8]] {
        var (packets, place) = ([[UInt8]](), 0)
        while place < frames.count {
            var (length, width) = (Int(frames[place + 1]), 0)
            if length > 125 {
                width = length == 126 ? 2 : 8
                length = frames[place + 2..<place + 2 + width].reduce(0) { $0 << 8 | Int($1) }
            }
            let start = place + 2 + width
            packets.append(Array(frames[start..<start + length]))
            place = start + length
        }
        return packets
    }
}
