// SPDX-License-Identifier: Apache-2.0

import CLinux
import Figures
import Foundation
import Glibc
import Logging
import Sockets

/// Answers `GET /metrics` and `GET /health` at an address of its own, for the operator's eyes: not the one that web servers
/// speak to. One request after the other, on a thread of its own that takes none from those who are served.
final class StatusListener: Sendable {
    /// What a client has for its request, and again to take the answer.
    private static let patience = Duration.seconds(2)
    private static let headBytesMax = 8_192

    private let socket: ListeningSocket
    private let figures: @Sendable () -> String
    private let problem: @Sendable () -> String?

    /// - Parameters:
    ///   - figures: what `/metrics` answers.
    ///   - problem: what is wrong, in a sentence; `nil` if nothing is.
    init(
        at address: ListenAddress, mode: mode_t, log: Logger,
        figures: @escaping @Sendable () -> String, problem: @escaping @Sendable () -> String?
    ) throws {
        socket = try address.listen(mode: mode)
        self.figures = figures
        self.problem = problem
        log.info("Metrics.", metadata: ["listen": "\(address)"])
    }

    /// Answers until the process ends.
    func start() {
        Thread { [self] in
            while true { serveNext() }
        }.start()
    }

    /// Takes the socket's path away.
    func removePath() {
        socket.file?.remove()
    }

    private func serveNext() {
        Self.wait(for: socket.descriptor, atMost: -1)
        let connection = accept(socket.descriptor, nil, nil)
        guard connection >= 0 else {
            if [EMFILE, ENFILE, ENOMEM, ENOBUFS].contains(errno) { usleep(100_000) }
            return
        }
        defer { close(connection) }
        guard let target = Self.target(of: connection) else { return }
        var timeout = timeval(tv_sec: 2, tv_usec: 0)
        let length = socklen_t(MemoryLayout<timeval>.size)
        unsafe setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &timeout, length)
        _ = FrontEndSocket.send(answer(to: target), to: connection)
    }

    /// The answer to a request, as it is written. Tests have no socket.
    func answer(to target: String) -> [UInt8] {
        switch target.prefix(while: { $0 != "?" }) {
        case "/metrics": Self.answer("200 OK", MetricsText.contentType, figures())
        case "/health":
            if let problem = problem() {
                Self.answer("503 Service Unavailable", Self.plain, problem + "\n")
            } else {
                Self.answer("200 OK", Self.plain, "ok\n")
            }
        default: Self.answer("404 Not Found", Self.plain, "/metrics or /health.\n")
        }
    }

    private static let plain = "text/plain; charset=utf-8"

    private static func answer(_ status: String, _ type: String, _ text: String) -> [UInt8] {
        Array(
            """
            HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(text.utf8.count)\r\n\
            Cache-Control: no-store\r\nConnection: close\r\n\r\n\(text)
            """.utf8)
    }

    /// Reads the head of a request.
    ///
    /// - Returns: what is asked for; `nil` for what is no GET, and for who is too slow.
    private static func target(of connection: Int32) -> String? {
        let end = ContinuousClock.now + patience
        var head: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 2_048)
        while !head.ends(with: "\r\n\r\n".utf8) {
            let left = ContinuousClock.now.duration(to: end) / .milliseconds(1)
            guard left >= 1, head.count < headBytesMax else { return nil }
            wait(for: connection, atMost: Int32(left))
            let count = unsafe recv(connection, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count < 0, [EAGAIN, EINTR].contains(errno) { continue }
            guard count > 0 else { return nil }
            head += buffer[..<count]
        }
        let words = head.prefix { $0 != UInt8(ascii: "\r") }.split(separator: UInt8(ascii: " "))
        guard words.count == 3, words[0].elementsEqual("GET".utf8) else { return nil }
        return String(decoding: words[1], as: UTF8.self)
    }

    private static func wait(for descriptor: Int32, atMost milliseconds: Int32) {
        var one = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        unsafe poll(&one, 1, milliseconds)
    }
}

extension [UInt8] {
    fileprivate func ends(with bytes: String.UTF8View) -> Bool {
        suffix(bytes.count).elementsEqual(bytes)
    }
}
