// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import Glibc
public import Sockets
import Synchronization

/// Answers `GET /metrics` and `GET /health` at an address of its own, for the operator's eyes: not the one that web servers
/// speak to. One request after the other, on a thread of its own that takes none from those who are served, and answers
/// also when they do not.
public final class StatusListener: Sendable {
    /// What a client has for its request, and again to take the answer.
    private static let patienceSeconds = 2
    private static let headBytesMax = 8_192

    /// Says how things are.
    public typealias Teller = @Sendable () throws(StatusProblem) -> String

    private struct State {
        var isClosing = false
        /// Who is being answered.
        var connection: Int32?
    }

    private let socket: ListeningSocket
    private let metrics: Teller
    private let health: Teller
    private let state = Mutex(State())
    private let ended = DispatchSemaphore(value: 0)

    /// Listens, and answers until ``close()``.
    ///
    /// - Parameters:
    ///   - mode: who may connect to a unix socket.
    ///   - metrics: what `/metrics` answers, for Prometheus.
    ///   - health: what `/health` answers when all is well.
    public init(
        at address: ListenAddress, mode: UInt32, metrics: @escaping Teller, health: @escaping Teller
    ) throws {
        socket = try address.listen(mode: mode)
        self.metrics = metrics
        self.health = health
        Thread { [self] in serve() }.start()
    }

    /// Stops answering. Who has asked is still answered.
    public func close() {
        state.withLock { state in
            state.isClosing = true
            shutdown(socket.descriptor, Int32(SHUT_RDWR))
            // Who has not asked yet is not waited for.
            if let connection = state.connection { shutdown(connection, Int32(SHUT_RD)) }
        }
        socket.file?.remove()
        ended.wait()
    }

    // MARK: On the thread

    private func serve() {
        while !state.withLock(\.isClosing) {
            Self.wait(for: socket.descriptor, milliseconds: -1)
            let connection = accept(socket.descriptor, nil, nil)
            guard connection >= 0 else {
                if [EMFILE, ENFILE, ENOMEM, ENOBUFS].contains(errno) { usleep(100_000) }
                continue
            }
            let isOpen = state.withLock { state in
                state.connection = connection
                return !state.isClosing
            }
            if isOpen { serve(connection) }
            state.withLock { $0.connection = nil }
            Glibc.close(connection)
        }
        Glibc.close(socket.descriptor)
        ended.signal()
    }

    private func serve(_ connection: Int32) {
        guard let request = Self.request(on: connection) else { return }
        BlockingSocket.limitSending(on: connection, seconds: Self.patienceSeconds)
        BlockingSocket.send(answer(to: request).bytes, to: connection)
    }

    private func answer(to request: Request) -> Answer {
        do throws(StatusProblem) {
            switch request {
            case .get("/metrics"):
                return Answer(type: MetricsText.contentType, text: try metrics())
            case .get("/health"): return Answer(text: try health())
            case .get: return Answer(status: "404 Not Found", text: "/metrics or /health.\n")
            case .otherMethod:
                return Answer(status: "405 Method Not Allowed", text: "Only GET.\n")
            case .malformed: return Answer(status: "400 Bad Request", text: "Only HTTP.\n")
            }
        } catch {
            return Answer(status: "503 Service Unavailable", text: error.sentence + "\n")
        }
    }

    /// Reads the head of a request; what else comes is not looked at.
    ///
    /// - Returns: `nil` for who is too slow, says too much, or goes away.
    private static func request(on connection: Int32) -> Request? {
        let end = ContinuousClock.now + .seconds(patienceSeconds)
        var head: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 2_048)
        while true {
            if let end = head.firstRange(of: "\r\n\r\n".utf8) {
                return Request(head[..<end.lowerBound])
            }
            let left = ContinuousClock.now.duration(to: end) / .milliseconds(1)
            guard left >= 1, head.count < headBytesMax else { return nil }
            wait(for: connection, milliseconds: Int32(left))
            let count = unsafe recv(connection, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count < 0, [EAGAIN, EINTR].contains(errno) { continue }
            guard count > 0 else { return nil }
            head += buffer[..<count]
        }
    }

    private static func wait(for descriptor: Int32, milliseconds: Int32) {
        var one = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        unsafe poll(&one, 1, milliseconds)
    }
}

/// What is wrong, in a sentence.
public struct StatusProblem: Error, Equatable {
    let sentence: String

    /// Makes one of its sentence.
    public init(_ sentence: String) { self.sentence = sentence }
}

private enum Request {
    /// The path, without a query.
    case get(String)
    case otherMethod
    case malformed

    /// - Parameter head: of a request, with or without headers.
    init(_ head: ArraySlice<UInt8>) {
        let words = head.prefix { $0 != UInt8(ascii: "\r") }.split(separator: UInt8(ascii: " "))
        guard words.count == 3, words[2].starts(with: "HTTP/1.".utf8) else {
            self = .malformed
            return
        }
        let path = words[1].prefix { $0 != UInt8(ascii: "?") }
        self =
            words[0].elementsEqual("GET".utf8)
            ? .get(String(decoding: path, as: UTF8.self)) : .otherMethod
    }
}

private struct Answer {
    var status = "200 OK"
    var type = "text/plain; charset=utf-8"
    var text: String

    /// As it is written.
    var bytes: [UInt8] {
        Array(
            """
            HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(text.utf8.count)\r\n\
            Cache-Control: no-store\r\nConnection: close\r\n\r\n\(text)
            """.utf8)
    }
}
