// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import Figures
import Glibc
import Sockets
import Testing

/// Somebody asks for the state of a daemon.
@Suite struct StatusListenerTests {
    @Test(arguments: ["/metrics", "/metrics?x=/health"])
    func `what is gathered is told as Prometheus wants it`(_ target: String) throws {
        try withDaemon { daemon in
            let answer = try daemon.get(target)
            #expect(
                answer == """
                    HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
                    Content-Length: 8\r\nCache-Control: no-store\r\nConnection: close\r\n\r\nfigures\n
                    """)
        }
    }

    @Test func `health is its sentence`() throws {
        try withDaemon { daemon in
            let answer = try daemon.get("/health")
            #expect(
                answer.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"))
            #expect(answer.hasSuffix("\r\n\r\nok\n"))
        }
        try withDaemon(problem: "It is broken.") { daemon in
            for target in ["/health", "/metrics"] {
                let answer = try daemon.get(target)
                #expect(answer.hasPrefix("HTTP/1.1 503 "))
                #expect(answer.hasSuffix("\r\n\r\nIt is broken.\n"))
            }
        }
    }

    @Test(arguments: [
        ("GET / HTTP/1.1", "404"), ("GET /health/ HTTP/1.1", "404"), ("GET  HTTP/1.1", "400"),
        ("POST /metrics HTTP/1.1", "405"), ("HEAD /health HTTP/1.0", "405"),
        ("get /health HTTP/1.1", "405"), ("GET /health", "400"), ("nonsense", "400"),
        ("GET /health FTP/1.1", "400"), ("", "400"), ("GET /a b HTTP/1.1", "400"),
    ])
    func `there is nothing else, and no other way to ask`(_ line: String, _ status: String) throws {
        try withDaemon { daemon in
            let answer = try daemon.ask(line + "\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
        }
    }

    @Test func `a request comes in pieces, or with more than its head`() throws {
        try withDaemon { daemon in
            let connection = try daemon.connection()
            for piece in ["GET /hea", "lth HTTP/1.1\r\nHost: x\r", "\n\r"] {
                BlockingSocket.send(Array(piece.utf8), to: connection)
                usleep(20_000)
            }
            #expect(daemon.ask("\n", on: connection).hasPrefix("HTTP/1.1 200 "))
            let answer = try daemon.ask("GET /health HTTP/1.1\r\nContent-Length: 1\r\n\r\nx")
            #expect(answer.hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func `who is slow, or says too much, keeps nobody waiting for long`() throws {
        try withDaemon { daemon in
            let began = ContinuousClock.now
            let slow = try daemon.connection()
            BlockingSocket.send(Array("GET /hea".utf8), to: slow)
            let loud = try daemon.connection()
            BlockingSocket.send([UInt8](repeating: 0x20, count: 10_000), to: loud)
            #expect(try daemon.get("/health").hasPrefix("HTTP/1.1 200 "))
            #expect(began.duration(to: .now) < .seconds(4))
            #expect(daemon.ask("lth HTTP/1.1\r\n\r\n", on: slow).isEmpty)
            #expect(daemon.ask("", on: loud).isEmpty)
        }
    }

    @Test func `it ends at once, whoever has not asked yet, and leaves nothing`() throws {
        let daemon = try Daemon()
        let silent = try daemon.connection()
        usleep(50_000)
        let took = ContinuousClock().measure { daemon.listener.close() }
        #expect(took < .seconds(1))
        #expect(daemon.ask("", on: silent).isEmpty)
        #expect(throws: (any Error).self) { try daemon.connection() }
        let isThere = unsafe access(daemon.path, F_OK) == 0
        #expect(!isThere)

        // As after a restart.
        let next = try daemon.again()
        #expect(try next.get("/health").hasPrefix("HTTP/1.1 200 "))
        next.listener.close()
    }

    @Test func `a port is as good as a socket`() throws {
        let listener = try StatusListener(
            at: .tcp(host: "127.0.0.1", port: 0), mode: 0, metrics: { "" }, health: { "" })
        listener.close()
    }

    private func withDaemon(problem: String? = nil, _ body: (Daemon) throws -> Void) throws {
        let daemon = try Daemon(problem: problem)
        defer { daemon.listener.close() }
        try body(daemon)
    }
}

/// A daemon that tells of itself, and somebody who asks it.
private struct Daemon {
    let listener: StatusListener
    let path: String
    private let folder: TemporaryFolder

    init(problem: String? = nil, in folder: TemporaryFolder? = nil) throws {
        self.folder = try folder ?? TemporaryFolder()
        path = self.folder.file("status")
        @Sendable func tell(_ text: String) throws(StatusProblem) -> String {
            if let problem { throw StatusProblem(problem) }
            return text
        }
        listener = try StatusListener(
            at: .unix(path: path), mode: 0o600,
            metrics: { () throws(StatusProblem) in try tell("figures\n") },
            health: { () throws(StatusProblem) in try tell("ok\n") })
    }

    /// Another at the same place.
    func again() throws -> Daemon { try Daemon(in: folder) }

    func get(_ target: String) throws -> String {
        try ask("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n")
    }

    /// The whole answer to a request.
    func ask(_ request: String) throws -> String { ask(request, on: try connection()) }

    func ask(_ request: String, on connection: Int32) -> String {
        defer { close(connection) }
        BlockingSocket.limitReceiving(on: connection, seconds: 10)
        BlockingSocket.send(Array(request.utf8), to: connection)
        var answer: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 4_096)
        while case let count = unsafe recv(connection, &part, part.count, 0), count > 0 {
            answer += part[..<count]
        }
        return String(decoding: answer, as: UTF8.self)
    }

    func connection() throws -> Int32 { try unixConnection(to: path) }
}
