// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore

/// Writes to a connection's socket past the channel, as long as nothing waits in the channel: most frames fit into the
/// system's buffer at once, and the way through the pipeline costs more than half of what the system itself takes.
///
/// Used on the connection's event loop. The channel owns the descriptor: there must be no writer any more once the channel
/// is closed, and the channel must be told what was left over.
struct DirectWriter {
    private let descriptor: Int32
    /// What was put since the last flush.
    private var held: ByteBuffer?

    /// A writer for the socket of a channel; `nil` for channels that have none.
    init?(_ channel: any Channel) {
        let descriptor = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
            of: NIOBSDSocket.Handle.self
        ) { $0 }
        guard let descriptor = descriptor ?? nil else { return nil }
        self.descriptor = descriptor
    }

    /// What waits for the next flush, in bytes.
    var bytes: Int { held?.readableBytes ?? 0 }

    /// Holds frames until the next flush. What goes to many is not copied, unless something else is held as well.
    ///
    /// - Parameter bytesMax: how much may be held with it; what is more is not taken.
    /// - Returns: whether it was taken.
    @discardableResult
    mutating func put(_ frames: ByteBuffer, bytesMax: Int = .max) -> Bool {
        guard held != nil else {
            held = frames
            return true
        }
        guard bytes <= bytesMax - frames.readableBytes else { return false }
        held?.writeImmutableBuffer(frames)
        return true
    }

    /// Writes what is held, in one call.
    ///
    /// - Returns: what the system did not take; the channel has to.
    mutating func flush() -> ByteBuffer? {
        guard var frames = held.take() else { return nil }
        let count = frames.readableBytes
        let written = unsafe frames.withUnsafeReadableBytes { bytes in
            unsafe send(
                descriptor, bytes.baseAddress, bytes.count,
                Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        }
        if written == count { return nil }
        // Whatever is wrong with the socket, the channel meets it too and knows what to do.
        frames.moveReaderIndex(forwardBy: max(written, 0))
        return frames
    }
}
