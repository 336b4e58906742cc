// SPDX-License-Identifier: Apache-2.0

import ChatModels
import Foundation
import Logging
import Sockets
import Synchronization

/// A few threads that answer requests from many connections.
///
/// A thread belongs to a request, never to a connection: between requests all connections wait in one ``Poller``. So
/// front ends may keep as many connections as they like; none of them takes a thread from the others.
final class FastCGIServer: Sendable {
    /// How the server is cut.
    struct Configuration: Sendable {
        var threads = 8
        /// Connections at a time; who comes then waits in the socket's queue.
        var connectionsMax = 1_024
        /// How long a peer may leave a request half sent or an answer unread.
        var timeoutSeconds = 10
        var bodyBytesMax = 65_536
    }

    private struct Connections {
        var count = 0
        /// Whether the listening socket is left alone until a connection closes.
        var isFull = false
    }

    /// How long kept connections are waited for at the end, in hundredths of a second.
    private static let patience = 30

    private let listener: FrontEndSocket
    private let configuration: Configuration
    private let poller: Poller
    private let log: Logger
    private let isStopping = Atomic(false)
    // Taken for a line by the thread that opens or closes a connection.
    private let connections = Mutex(Connections())
    private let threads = DispatchGroup()

    /// - Throws: the system's error.
    init(_ listener: FrontEndSocket, _ configuration: Configuration, log: Logger) throws {
        self.listener = listener
        self.configuration = configuration
        self.log = log
        poller = try Poller()
        guard poller.add(listener.descriptor) else {
            throw SystemError(number: errno, path: "epoll_ctl")
        }
    }

    /// How many connections front ends have open.
    var connectionCount: Int { connections.withLock { $0.count } }

    /// Starts a thread for each router; each has its own connection to the database.
    func start(_ routers: [Router]) {
        for router in routers {
            threads.enter()
            Thread { [self] in
                work(router)
                threads.leave()
            }.start()
        }
    }

    /// Ends the server: what was asked is answered. Returns when all threads are done.
    ///
    /// Our own socket is served until the last moment, so that between this process and the next one nobody stands before
    /// a closed door for longer than a start takes. An inherited one keeps its queue for whoever serves it next.
    func stop() {
        isStopping.store(true, ordering: .sequentiallyConsistent)
        if listener.isInherited { poller.remove(listener.descriptor) }
        // A front end may be sending on a connection that it keeps, at this very moment. Each is closed behind its next
        // answer, which the front end notices; closed under a request, that request would be lost.
        for _ in 0..<Self.patience where connections.withLock({ $0.count > 0 }) { usleep(10_000) }
        // Whoever came before our own path vanished is still served. The queue of another socket may never end.
        if !listener.removePath() { poller.remove(listener.descriptor) }
        poller.stop()
        threads.wait()
    }

    // MARK: One thread

    private func work(_ router: Router) {
        let request = FastCGIRequest()
        var sawStop = false
        while true {
            switch poller.next() {
            case .stop:
                // Events come in turn, so that stop twice in a row means that there is nothing else.
                if sawStop { return }
                sawStop = true
                continue
            case .readable(listener.descriptor):
                takeConnection(router, request)
            case .readable(let connection):
                serve(connection, isWatched: true, router, request)
            }
            sawStop = false
        }
    }

    private func takeConnection(_ router: Router, _ request: FastCGIRequest) {
        guard hasRoom() else { return }
        let accepted = listener.accept(timeoutSeconds: configuration.timeoutSeconds)
        if case .success = accepted { connections.withLock { $0.count += 1 } }
        if case .failure(let error) = accepted,
            ![EAGAIN, ECONNABORTED, EINTR].contains(error.number)
        {
            // Out of descriptors or memory: a short rest instead of a loop at full speed.
            log.error("A connection could not be taken.", metadata: ["error": "\(error)"])
            usleep(100_000)
        }
        // Another thread may take the next one while this one answers.
        poller.rearm(listener.descriptor)
        guard case .success(let connection) = accepted else { return }
        switch FrontEndSocket.glance(at: connection) {
        case .data: serve(connection, isWatched: false, router, request)
        case .nothingYet: watch(connection, isWatched: false)
        case .gone: drop(connection)
        }
    }

    private func serve(
        _ connection: Int32, isWatched: Bool, _ router: Router, _ request: FastCGIRequest
    ) {
        router.tally.note(isBusy: true)
        defer { router.tally.note(isBusy: false) }
        guard request.begin(on: connection) else { return wasClosed() }
        let body = request.body(bytesMax: configuration.bodyBytesMax)
        let http = HTTPRequest(body: body, request.values)
        let response = router.respond(to: http)
        let isGood = request.finish(
            head: response.head, body: http.method == .head ? [] : response.body)
        if isGood, !isStopping.load(ordering: .relaxed) {
            watch(connection, isWatched: isWatched)
        } else {
            drop(connection)
        }
    }

    // MARK: Connections

    private func watch(_ connection: Int32, isWatched: Bool) {
        let isWatching = isWatched ? poller.rearm(connection) : poller.add(connection)
        if !isWatching { drop(connection) }
    }

    private func drop(_ connection: Int32) {
        close(connection)
        wasClosed()
    }

    private func hasRoom() -> Bool {
        connections.withLock { connections in
            connections.isFull = connections.count >= configuration.connectionsMax
            return !connections.isFull
        }
    }

    private func wasClosed() {
        let wasFull = connections.withLock { connections in
            connections.count -= 1
            defer { connections.isFull = false }
            return connections.isFull
        }
        if wasFull { poller.rearm(listener.descriptor) }
    }
}
