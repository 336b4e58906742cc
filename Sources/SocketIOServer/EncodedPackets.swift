// SPDX-License-Identifier: Apache-2.0

public import CompactJSON

/// Packets that are encoded once and sent as they are, to one or to many: WebSocket frames, header included, one behind
/// the other.
public struct EncodedPackets: Sendable {
    /// The bytes, as a WebSocket carries them.
    public private(set) var frames: [UInt8] = []

    /// No packets.
    public init() {}

    /// A packet of Engine.IO, in text.
    ///
    /// - Parameters:
    ///   - capacity: about how many bytes it has.
    ///   - write: writes it.
    init(capacity: Int, _ write: (inout JSONWriter) -> Void) {
        var writer = JSONWriter(capacity: capacity + [UInt8].webSocketHeaderRoom)
        writer.bytes.appendWebSocketHeaderRoom()
        write(&writer)
        swap(&frames, &writer.bytes)
        frames.completeWebSocketFrame(.text)
    }

    /// An event of the default namespace, with one argument.
    ///
    /// - Parameters:
    ///   - name: the event's name.
    ///   - capacity: about how many bytes the argument has.
    ///   - writeArgument: writes the argument, as JSON.
    public init(
        event name: StaticString, capacity: Int = 256,
        _ writeArgument: (inout JSONWriter) -> Void
    ) {
        self.init(capacity: capacity + name.utf8CodeUnitCount + 7) { writer in
            writer.raw("42[\"")
            writer.raw(name)
            writer.raw("\",")
            writeArgument(&writer)
            writer.raw("]")
        }
    }

    /// Where the argument stands in ``frames``, if they are one event and no more.
    public func argument(ofEvent name: StaticString) -> Range<Int> {
        Self.head(of: frames, at: 0).payload + name.utf8CodeUnitCount + 6..<frames.count - 1
    }

    /// Adds others behind these.
    public mutating func append(_ others: EncodedPackets) {
        if frames.isEmpty { frames = others.frames } else { frames += others.frames }
    }

    /// The same packets, each as the body of a poll carries it.
    func packets() -> [[UInt8]] {
        var (packets, place) = ([[UInt8]](), 0)
        while place < frames.count {
            let head = Self.head(of: frames, at: place)
            packets.append(Array(frames[head.payload..<head.end]))
            place = head.end
        }
        return packets
    }

    /// Where the payload of a frame of ours begins and ends.
    private static func head(of frames: [UInt8], at place: Int) -> (payload: Int, end: Int) {
        var (length, width) = (Int(frames[place + 1]), 0)
        if length > 125 {
            width = length == 126 ? 2 : 8
            length = frames[place + 2..<place + 2 + width].reduce(0) { $0 << 8 | Int($1) }
        }
        let payload = place + 2 + width
        return (payload, payload + length)
    }
}
