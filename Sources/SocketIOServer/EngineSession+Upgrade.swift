// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import SocketIO

/// From polling to a WebSocket.
extension EngineSession {
    /// A WebSocket came that wants to take over. There is one at a time.
    ///
    /// - Returns: whether it is tried.
    func takeUpgrade(to peer: WebSocketConnection) -> Bool {
        guard case .polling = transport, probe == nil, !isClosed else { return false }
        probe = (peer, works: false)
        return true
    }

    /// The WebSocket said `2probe`: it works in one direction, and is told so in the other.
    ///
    /// - Returns: whether it may go on.
    func tryUpgrade(to peer: WebSocketConnection) -> Bool {
        guard let probe, probe.peer === peer, !probe.works, case .polling(let polling) = transport
        else { return false }
        self.probe?.works = true
        peer.write(webSocketFrame(.text, [EngineIOPacketType.pong] + Array("probe".utf8)))
        peer.flush()
        if polling.waiting != nil, polling.queue.isEmpty {
            polling.queue.append([EngineIOPacketType.noop])
            polling.answer()
        }
        return true
    }

    /// The WebSocket said `5`: it takes over, with what polling has not delivered.
    func completeUpgrade(to peer: WebSocketConnection) {
        guard !isClosed, let probe, probe.peer === peer, probe.works,
            case .polling(let polling) = transport
        else {
            webSocketClosed(peer, .protocolError)
            return peer.close(.protocolError)
        }
        self.probe = nil
        transport = .webSocket(peer)
        for socket in sockets { loop.transportChanged(socket) }
        polling.waiting?.respond(.ok, body: [EngineIOPacketType.noop])
        for packet in polling.queue.takeAll() where packet != [EngineIOPacketType.noop] {
            if case .binary(let bytes)? = try? EngineIOPacket(polled: packet[...]) {
                peer.write(webSocketFrame(.binary, Array(bytes)))
            } else {
                peer.write(webSocketFrame(.text, packet))
            }
        }
        peer.flush()
    }

    /// A WebSocket is gone: the session with it, unless it was only being tried.
    func webSocketClosed(_ peer: WebSocketConnection, _ reason: DisconnectReason) {
        if probe?.peer === peer { probe = nil }
        if case .webSocket(let current) = transport, current === peer { close(reason) }
    }
}
