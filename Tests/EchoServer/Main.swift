// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import Glibc
import SocketIOServer
import Sockets

/// A server to hold protocol suites and stock clients against: it sends back what it gets. Runs until it is killed.
///
///     socketio-echo [--profile engine|socket] [--port 3000] [--threads 2] [--timings suite|product|patient]
///
/// Profile `engine` echoes the messages of Engine.IO, under `/engine.io/`; profile `socket` the events of Socket.IO, under
/// `/socket.io/`, in the namespaces `/` and `/custom`. Plain WebSocket messages are echoed under `/raw`.
@main
struct Main {
    static func main() throws {
        let options = Options(CommandLine.arguments.dropFirst())
        // Before there are other threads: they inherit it.
        var signals = ignoredUntilAwaited(SIGTERM, SIGINT)
        var configuration = ServerConfiguration()
        configuration.path = options["profile"] == "engine" ? "/engine.io/" : "/socket.io/"
        switch options["timings"] {
        case "product": break
        case "patient": configuration.pingInterval = 300
        default:
            // What the official suites count on.
            configuration.pingInterval = 300
            configuration.pingTimeout = 200
            configuration.connectTimeout = 1_000
        }
        // Suites send large messages, and many.
        configuration.payloadBytesMax = 1_000_000
        configuration.packetsPerSecond = 1_000_000
        configuration.connectionsPerAddressMax = configuration.connectionsMax
        configuration.handshakesPerSecond = configuration.connectionsMax
        let server = try SocketIOServer(
            configuration: configuration, threads: Int(options["threads"] ?? "") ?? 2,
            rawWebSocketPath: "/raw",
            echoesMessages: options["profile"] == "engine"
        ) { _ in EchoApplication() }
        let port = try server.listen(
            at: .tcp(host: "127.0.0.1", port: Int(options["port"] ?? "") ?? 3_000))
        print("listening on \(port ?? 0)")
        fflush(nil)
        var signal: Int32 = 0
        unsafe sigwait(&signals, &signal)
        try server.shutDown()
        for line in server.counters.all.map({ "\($0.key) \($0.value)" }).sorted() { print(line) }
        print("sessions", server.sessionCount)
    }

    private static func ignoredUntilAwaited(_ numbers: Int32...) -> sigset_t {
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        for number in numbers { unsafe sigaddset(&signals, number) }
        unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
        return signals
    }
}

/// `--name value` pairs.
struct Options {
    private var values: [String: String] = [:]

    init(_ arguments: some Collection<String>) {
        var name = ""
        for argument in arguments {
            if argument.hasPrefix("--") {
                name = String(argument.dropFirst(2))
            } else {
                values[name] = argument
            }
        }
    }

    subscript(name: String) -> String? { values[name] }
}

/// What the suite for Socket.IO expects of a server. `shout` is for our own tests of rooms and broadcasts.
final class EchoApplication: SocketIOApplication {
    private static let namespaces = ["/", "/custom"]
    private static let everybody = RoomID(1)

    func connect(_ socket: Socket, auth: JSONValue?) {
        guard Self.namespaces.contains(socket.namespace) else {
            return socket.refuse(message: "Invalid namespace")
        }
        socket.accept()
        if socket.namespace == "/" { socket.loop.join(Self.everybody, socket) }
        socket.emit("auth", [auth ?? [:]])
    }

    func received(_ event: IncomingEvent, from socket: Socket) {
        switch event.name {
        case "message":
            socket.emit("message-back", event.arguments, attachments: event.attachments)
        case "message-with-ack":
            event.acknowledgement?(event.arguments, attachments: event.attachments)
        case "shout":
            let argument = event.arguments.first ?? .null
            socket.loop.broadcast(
                EncodedPackets(event: "shout-back") { $0.write(argument) }, to: Self.everybody)
        case "leave-me":
            socket.disconnect()
        default: break
        }
    }
}
