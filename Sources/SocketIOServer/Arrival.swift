// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A connection that has not said what it wants. With its first bytes it becomes a WebSocket, or goes where HTTP is spoken.
/// Confined to its loop.
final class Arrival: Timed, DescriptorWatcher {
    private let descriptor: Int32
    private let server: ServerLoops
    private let loop: ServerLoop

    private init(_ descriptor: Int32, server: ServerLoops, loop: ServerLoop) {
        self.descriptor = descriptor
        self.server = server
        self.loop = loop
    }

    /// Takes in a socket that was accepted, unless there are too many; on the loop.
    static func take(_ descriptor: Int32, server: ServerLoops, loop: ServerLoop) {
        guard loop.admission.openConnection() else {
            loop.counters.count(.refused(.connections))
            close(descriptor)
            return
        }
        let arrival = Arrival(descriptor, server: server, loop: loop)
        do {
            try loop.poll.add(descriptor, arrival)
        } catch {
            close(descriptor)
            return loop.admission.closeConnection()
        }
        loop.setDeadline(arrival, at: loop.tick(after: loop.configuration.requestTimeout))
    }

    func readable() {
        switch loop.receiveBuffer.receive(from: descriptor) {
        case .bytes(let count):
            // Before a session is asked for: that turns the wheel, which must not end us meanwhile.
            loop.removeDeadline(self)
            begin(loop.receiveBuffer.bytes, count)
        case .nothing: break
        case .end, .failed: end()
        }
    }

    func writable() {}

    override func deadlineReached() {
        loop.counters.count(.requestTimedOut)
        end()
    }

    private func end() {
        loop.removeDeadline(self)
        loop.poll.close(descriptor)
        loop.admission.closeConnection()
    }

    private func begin(_ bytes: [UInt8], _ count: Int) {
        var place = 0
        guard let request = UpgradeRequest(bytes, count: count, end: &place),
            let route = server.route(request)
        else { return speakHTTP(bytes[..<count]) }
        let rest = bytes[place..<count]
        switch route {
        case .begin: begin(request, rest)
        case .echo: become(request, rest) { $0.echo() }
        case .probe(let id): probe(id, request, rest, bytes[..<count])
        }
    }

    /// The first request of a session.
    private func begin(_ request: UpgradeRequest, _ rest: ArraySlice<UInt8>) {
        let handshake = loop.handshake(request, peer: peerAddress(descriptor))
        if let refusal = loop.refusal(of: handshake) {
            if handshake.isForged { server.reportForged() }
            // A crowd that comes too early is refused at the least cost: nothing more was read than was looked at.
            let answer = HTTPAnswer(refusal, keepsAlive: false).bytes
            _ = unsafe send(descriptor, answer, answer.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            return end()
        }
        become(request, rest) {
            $0.serve(EngineSession.webSocket(handshake, $0, on: loop))
        }
    }

    /// A WebSocket for a session that polls, which may live on another loop.
    private func probe(
        _ id: SessionID, _ request: UpgradeRequest, _ rest: ArraySlice<UInt8>,
        _ bytes: ArraySlice<UInt8>
    ) {
        let home = server.loops[id.loop]
        if home === loop {
            guard let session = loop.session(id) else { return speakHTTP(bytes) }
            become(request, rest) { $0.probe(session) }
        } else {
            loop.poll.remove(descriptor)
            let (rest, bytes) = (Array(rest), Array(bytes))
            home.execute { [descriptor, server] in
                guard let session = home.session(id) else {
                    return server.http.take(descriptor, bytes, for: server)
                }
                WebSocketConnection.open(descriptor, on: home, answer: request.answer, rest) {
                    $0.probe(session)
                }
            }
        }
    }

    /// Goes on as a WebSocket.
    ///
    /// - Parameters:
    ///   - rest: what came behind the request.
    ///   - begin: says what the connection is for.
    private func become(
        _ request: UpgradeRequest, _ rest: ArraySlice<UInt8>,
        _ begin: (WebSocketConnection) -> Void
    ) {
        let connection = WebSocketConnection(descriptor, on: loop, answer: request.answer)
        loop.poll.hand(descriptor, to: connection)
        begin(connection)
        connection.take(Array(rest), rest.count)
    }

    /// Whatever else it is, those who know all of HTTP find out.
    private func speakHTTP(_ bytes: ArraySlice<UInt8>) {
        loop.poll.remove(descriptor)
        server.http.take(descriptor, Array(bytes), for: server)
    }
}

/// The address of the other side of a socket, as text; empty for a unix socket.
private func peerAddress(_ descriptor: Int32) -> String {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN) + 32)
    let isKnown = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            guard unsafe getpeername(descriptor, address, &length) == 0,
                unsafe address.pointee.sa_family != sa_family_t(AF_UNIX)
            else { return false }
            return unsafe getnameinfo(
                address, length, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
        }
    }
    return isKnown
        ? String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) : ""
}
