// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What goes out on a socket: what was put since the last flush, and what the system has not yet taken. What goes to many
/// is not copied; while it waits, only small pieces are.
struct SendQueue {
    /// What became of a flush.
    enum Outcome {
        /// The system has it all.
        case sent
        /// Some of it waits until the socket takes more.
        case waits
        /// The connection is broken; what there was is dropped.
        case failed
    }

    /// Put since the last flush.
    private var held: [UInt8] = []
    /// What the system did not take; `nil` most of the time.
    private var waiting: Waiting?

    private final class Waiting {
        /// So large are pieces that are put together of smaller ones: each costs more than its bytes.
        private static let pieceBytes = 4_096

        private var pieces: [[UInt8]]
        /// The first piece that the system has not wholly, and how much of it the system has.
        private var (first, offset): (Int, Int)
        private(set) var bytes: Int

        init(_ piece: [UInt8], from offset: Int) {
            pieces = [piece]
            (first, self.offset) = (0, offset)
            bytes = piece.count - offset
        }

        func append(_ piece: [UInt8]) {
            bytes += piece.count
            let last = pieces.count - 1
            if pieces[last].count + piece.count <= Self.pieceBytes {
                pieces[last].append(contentsOf: piece)
            } else {
                pieces.append(piece)
            }
        }

        /// Sends as much as the system takes.
        func send(to descriptor: Int32) -> Outcome {
            while first < pieces.count {
                let piece = pieces[first]
                guard let count = SendQueue.send(piece, from: offset, to: descriptor) else {
                    return .failed
                }
                bytes -= count
                offset += count
                guard offset == piece.count else { return .waits }
                pieces[first] = []
                (first, offset) = (first + 1, 0)
                // What is sent goes in large parts, so that it costs little.
                if first > 64, first * 2 > pieces.count {
                    pieces.removeFirst(first)
                    first = 0
                }
            }
            return .sent
        }
    }

    /// How many bytes are not yet the system's.
    var bytes: Int { held.count + (waiting?.bytes ?? 0) }

    /// Whether nothing is put and nothing waits.
    var isEmpty: Bool { held.isEmpty && waiting == nil }

    /// Adds bytes, to leave with the next flush.
    mutating func put(_ bytes: [UInt8]) {
        if held.isEmpty { held = bytes } else { held.append(contentsOf: bytes) }
    }

    /// Sends what was put, in one call, unless something waits already.
    mutating func flush(to descriptor: Int32) -> Outcome {
        guard !held.isEmpty else { return waiting == nil ? .sent : .waits }
        let bytes = held
        held = []
        if let waiting {
            waiting.append(bytes)
            return .waits
        }
        return sendNow(bytes, to: descriptor)
    }

    /// Goes on with what waits: the socket takes more.
    mutating func resume(to descriptor: Int32) -> Outcome {
        guard let outcome = waiting?.send(to: descriptor) else { return .sent }
        if outcome != .waits { waiting = nil }
        return outcome
    }

    /// Sends bytes past the queue; only while it is empty.
    mutating func sendNow(_ bytes: [UInt8], to descriptor: Int32) -> Outcome {
        switch Self.send(bytes, from: 0, to: descriptor) {
        case nil: return .failed
        case bytes.count?: return .sent
        case let count?:
            waiting = Waiting(bytes, from: count)
            return .waits
        }
    }

    /// - Returns: how many bytes the system took; `nil` if the connection is broken.
    private static func send(_ bytes: [UInt8], from offset: Int, to descriptor: Int32) -> Int? {
        let count = unsafe bytes.withUnsafeBytes { bytes in
            unsafe Glibc.send(
                descriptor, bytes.baseAddress.map { unsafe $0 + offset }, bytes.count - offset,
                Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        }
        if count >= 0 { return count }
        return errno == EAGAIN || errno == EINTR ? 0 : nil
    }
}
