// SPDX-License-Identifier: Apache-2.0

/// What has come of a message that is not whole. Confined to its loop.
final class UnfinishedMessage {
    /// Whether there is a deadline for its end.
    var isTimed = false
    /// Its fragments.
    private var reader = WebSocketMessageReader()
    /// The beginning of a frame.
    private var partial: [UInt8] = []
    /// Counts it; none where nobody's bytes are counted.
    private let hold: ByteHold?

    init(_ hold: ByteHold?) { self.hold = hold }

    /// Gives what there is, to go on with it.
    func give(_ reader: inout WebSocketMessageReader, _ partial: inout [UInt8]) {
        swap(&reader, &self.reader)
        swap(&partial, &self.partial)
    }

    /// Takes what there is now.
    ///
    /// - Returns: whether it may be so much.
    func take(_ reader: WebSocketMessageReader, _ partial: [UInt8]) -> Bool {
        self.reader = reader
        self.partial = partial
        return hold?.set((reader.bytesHeld ?? 0) + partial.capacity) ?? true
    }
}
