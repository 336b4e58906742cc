// SPDX-License-Identifier: Apache-2.0

public import CompactJSON
import NIOCore
import SocketIO

/// Packets that are encoded once and sent to many: WebSocket frames, header included, one behind the other.
public struct EncodedPackets: Sendable {
    private(set) var frames = ByteBuffer()

    /// Makes room for events to come.
    ///
    /// - Parameter capacity: about how many bytes they have.
    public init(capacity: Int = 0) {
        frames.reserveCapacity(capacity)
    }

    /// Adds an event behind the others, given as the bytes of a Socket.IO packet with its Engine.IO type; see
    /// ``eventBytes(_:_:)``.
    public mutating func append(event: [UInt8]) {
        frames.writeWebSocketFrame(.text, event)
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
        var (frames, packets) = (frames, [[UInt8]]())
        while let packet = frames.readServerFrame() { packets.append(packet) }
        return packets
    }
}

extension ByteBuffer {
    /// Takes the payload of the next frame of those that ``writeWebSocketFrame(_:_:)`` has written.
    fileprivate mutating func readServerFrame() -> [UInt8]? {
        guard readableBytes >= 2 else { return nil }
        moveReaderIndex(forwardBy: 1)
        switch readInteger(as: UInt8.self) {
        case nil: return nil
        case 126?: return readInteger(as: UInt16.self).flatMap { readBytes(length: Int($0)) }
        case 127?: return readInteger(as: UInt64.self).flatMap { readBytes(length: Int($0)) }
        case let length?: return readBytes(length: Int(length))
        }
    }
}
