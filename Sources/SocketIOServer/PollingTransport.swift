// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import SocketIO

/// What a polling client has not yet fetched.
struct PollingQueue {
    /// How many packets go into one answer: stock clients in Python take no more.
    static let packetsPerPoll = 16

    private var packets: [[UInt8]] = []
    /// How much waits, with what an array costs beside its bytes.
    private(set) var bytes = 0

    var isEmpty: Bool { packets.isEmpty }

    mutating func append(_ packet: [UInt8]) {
        packets.append(packet)
        bytes += packet.count + 40
    }

    /// Takes what fits into one answer.
    mutating func take() -> ArraySlice<[UInt8]> {
        guard packets.count > Self.packetsPerPoll else { return takeAll()[...] }
        let taken = packets.prefix(Self.packetsPerPoll)
        packets.removeFirst(Self.packetsPerPoll)
        bytes -= taken.reduce(0) { $0 + $1.count + 40 }
        return taken
    }

    mutating func takeAll() -> [[UInt8]] {
        defer { self = PollingQueue() }
        return packets
    }
}

/// A client that polls: what waits for it, and the request with which it waits.
final class PollingTransport {
    var queue = PollingQueue()
    var waiting: HTTPExchange?
    private let hold: ByteHold

    /// - Parameter hold: counts what waits.
    init(_ hold: ByteHold) { self.hold = hold }

    /// Counts what waits.
    ///
    /// - Returns: whether it may be so much.
    func count() -> Bool { hold.set(queue.bytes) }

    /// Answers the waiting request, if there is one and something to say.
    func answer(withAll isLast: Bool = false) {
        guard let exchange = waiting, !queue.isEmpty else { return }
        waiting = nil
        let packets = isLast ? queue.takeAll()[...] : queue.take()
        _ = count()
        exchange.respond(.ok, body: Array(packets.joined(separator: [EngineIOPayload.separator])))
    }
}
