// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import SocketIO

/// The requests of a client that polls.
extension EngineSession {
    /// A poll came: answered as soon as there is something to say.
    func poll(_ exchange: HTTPExchange) {
        guard !isClosed, case .polling(let polling) = transport else {
            return exchange.refuse(.badRequest)
        }
        guard polling.waiting == nil else {
            exchange.refuse(.badRequest)
            return close(.pollingOverlap)
        }
        polling.waiting = exchange
        // While a WebSocket is tried the client wants its poll back, so that it can change over.
        if probe?.works == true, polling.queue.isEmpty {
            polling.queue.append([EngineIOPacketType.noop])
        }
        polling.answer()
    }

    /// The client gave up a poll.
    func pollCancelled(_ exchange: HTTPExchange) {
        guard case .polling(let polling) = transport, polling.waiting === exchange else { return }
        polling.waiting = nil
        close(.transportClose)
    }

    /// A body came.
    func post(_ body: [UInt8], _ exchange: HTTPExchange) {
        guard !isClosed, case .polling = transport else { return exchange.refuse(.badRequest) }
        guard isUTF8(body[...]),
            let packets = try? EngineIOPayload.decode(
                body, packetsMax: loop.configuration.payloadPacketsMax)
        else {
            exchange.refuse(.badRequest)
            return close(.parseError)
        }
        let bytes = body.count / packets.count
        for packet in packets where !isClosed && mayWork(packets: 1, bytes: bytes) {
            receive(packet)
        }
        if closeReason == .parseError {
            exchange.refuse(.badRequest)
        } else {
            exchange.respond(.ok, body: Array("ok".utf8))
        }
        loop.scheduleTurnEnd()
    }
}
