// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ChatModels
import ChatOptions
import NIOCore
import SocketIOServer
import Sockets

/// Where chat-push listens, and the bounds of what it takes.
struct PushOptions: ParsableArguments {
    @Option(
        help: """
            Where to listen: the path of a unix socket, or HOST:PORT. Several are separated by \
            commas.
            """)
    var listen: String

    @Option(help: "The permissions of a unix socket, octal.")
    var socketMode = "0660"

    @Option(
        help: """
            Where to answer GET /metrics (for Prometheus) and GET /health: the path of a unix \
            socket, or HOST:PORT; not for the public.
            """)
    var metrics: String?

    @Option(
        help: "How many event loops share the connections; if not said, one for every two cores.")
    var eventLoops: Int?

    @Option(help: "Between two pings, in milliseconds.")
    var pingInterval = ServerConfiguration().pingInterval

    @Option(help: "What a client has to answer a ping, in milliseconds.")
    var pingTimeout = ServerConfiguration().pingTimeout

    @Option(help: "What a client has to sign in after its handshake, in milliseconds.")
    var connectTimeout = ServerConfiguration().connectTimeout

    @Option(help: "What a client has to send a whole request or message, in milliseconds.")
    var requestTimeout = ServerConfiguration().requestTimeout

    @Option(
        help: """
            The most bytes in one message or in the body of one poll; before a client has signed in \
            it is 4,096.
            """)
    var payloadBytesMax = ServerConfiguration().payloadBytesMax

    @Option(
        help: """
            What may wait for a client that reads slowly, in bytes; beyond it the client is \
            closed.
            """)
    var queueBytesMax = ServerConfiguration().queueBytesMax

    @Option(
        help: """
            What all clients together may have begun to send and not finished, in bytes; those of \
            one address an eighth of it. Beyond it a client is closed.
            """)
    var unfinishedBytesMax = ServerConfiguration().unfinishedBytesMax

    @Option(
        help: """
            What may wait for all clients together, in bytes; for those of one address a quarter of \
            it. Beyond it a client that reads slowly is closed.
            """)
    var backlogBytesMax = ServerConfiguration().backlogBytesMax

    @Option(help: "Connections at once.")
    var connectionsMax = ServerConfiguration().connectionsMax

    @Option(help: "Connections at once from one address.")
    var connectionsPerAddressMax = ServerConfiguration().connectionsPerAddressMax

    @Option(help: "Connections at once of one user.")
    var connectionsPerUserMax = 100

    @Option(help: "New connections in a second.")
    var handshakesPerSecond = ServerConfiguration().handshakesPerSecond

    @Option(help: "Messages that one user may send in a second; twice as many at once.")
    var sendsPerSecond = Limits.sendsPerSecond

    @Option(help: "Halls that one user may join in a second; ten times as many at once.")
    var joinsPerSecond = 100

    @Option(
        help: """
            Times in a second that one user may say how far a hall is read; ten times as many at once.
            """)
    var marksPerSecond = Limits.marksPerSecond

    @Option(
        help: """
            Packets of any kind in a second on one connection, each KiB of one counted as one more; \
            beyond twice as many at once it is closed. Of one user on all connections, four times as many events.
            """)
    var eventsPerSecond = 1_000

    @Option(
        help: """
            With --auth site: how old a connection becomes, in seconds, before its client has to come back, so that the \
            site is asked again who it is; between half of that and the whole. 0: that is never asked.
            """)
    var siteLoginRecheck: Int64 = 0

    @Option(help: "Messages that may wait to be written; beyond it the answer is \"busy\".")
    var sendsWaitingMax = 10_000

    func validate() throws {
        try requireRange("--event-loops", threads, 1...64)
        try requireRange("--ping-interval", pingInterval, 50...3_600_000)
        try requireRange("--ping-timeout", pingTimeout, 50...3_600_000)
        try requireRange("--connect-timeout", connectTimeout, 50...3_600_000)
        try requireRange("--request-timeout", requestTimeout, 50...3_600_000)
        try requireRange("--payload-bytes-max", payloadBytesMax, 1_000...100_000_000)
        try requireRange("--queue-bytes-max", queueBytesMax, 10_000...1_000_000_000)
        try requireRange("--unfinished-bytes-max", unfinishedBytesMax, 1_000_000...1 << 40)
        try requireRange("--backlog-bytes-max", backlogBytesMax, 1_000_000...1 << 40)
        try requireRange("--connections-max", connectionsMax, 1...10_000_000)
        try requireRange("--connections-per-address-max", connectionsPerAddressMax, 1...10_000_000)
        try requireRange("--connections-per-user-max", connectionsPerUserMax, 1...10_000_000)
        try requireRange("--handshakes-per-second", handshakesPerSecond, 1...10_000_000)
        try requireRange("--sends-per-second", sendsPerSecond, 1...10_000_000)
        try requireRange("--joins-per-second", joinsPerSecond, 1...10_000_000)
        try requireRange("--marks-per-second", marksPerSecond, 1...10_000_000)
        try requireRange("--events-per-second", eventsPerSecond, 1...10_000_000)
        try requireRange("--sends-waiting-max", sendsWaitingMax, 1...10_000_000)
        try requireRange("--site-login-recheck", siteLoginRecheck, 0...30 * 86_400)
        _ = try addresses()
        _ = try metricsAddress()
        _ = try socketPermissions()
    }

    /// How many event loops there are. On a small machine nginx and the store's thread want a core as well, and every loop
    /// looks at every message.
    var threads: Int { eventLoops ?? min(max(System.coreCount / 2, 1), 64) }

    var sendRate: Rate { Rate(perSecond: sendsPerSecond, burst: sendsPerSecond * 2) }
    var joinRate: Rate { Rate(perSecond: joinsPerSecond, burst: joinsPerSecond * 10) }
    var markRate: Rate { Rate(perSecond: marksPerSecond, burst: marksPerSecond * 10) }
    /// Of all connections of a person together: a browser with several windows joins all halls in each of them when the
    /// server comes back.
    var eventRate: Rate { Rate(perSecond: eventsPerSecond * 4, burst: eventsPerSecond * 8) }
    /// In bytes; half of what may wait for a client at once.
    var catchUpRate: Rate { Rate(perSecond: queueBytesMax / 8, burst: queueBytesMax / 2) }

    func addresses() throws -> [ListenAddress] {
        let addresses = try listen.split(separator: ",").map { text in
            guard let address = ListenAddress(String(text)) else {
                throw ValidationError("--listen takes a path or HOST:PORT, not \(text).")
            }
            return address
        }
        guard !addresses.isEmpty else {
            throw ValidationError("--listen takes a path or HOST:PORT.")
        }
        return addresses
    }

    func metricsAddress() throws -> ListenAddress? {
        guard let metrics else { return nil }
        guard let address = ListenAddress(metrics) else {
            throw ValidationError("--metrics takes a path or HOST:PORT, not \(metrics).")
        }
        return address
    }

    func socketPermissions() throws -> UInt32 {
        guard let mode = UInt32(socketMode, radix: 8), mode <= 0o777 else {
            throw ValidationError("--socket-mode takes an octal number such as 0660.")
        }
        return mode
    }

    func serverConfiguration(
        of accounts: AccountOptions, below prefix: SitePrefix
    ) throws -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.path = prefix.path + configuration.path
        configuration.pingInterval = pingInterval
        configuration.pingTimeout = pingTimeout
        configuration.connectTimeout = connectTimeout
        configuration.requestTimeout = requestTimeout
        configuration.payloadBytesMax = payloadBytesMax
        configuration.queueBytesMax = queueBytesMax
        configuration.unfinishedBytesMax = unfinishedBytesMax
        configuration.unfinishedBytesPerAddressMax = unfinishedBytesMax / 8
        configuration.backlogBytesMax = backlogBytesMax
        configuration.backlogBytesPerAddressMax = backlogBytesMax / 4
        configuration.packetsPerSecond = eventsPerSecond
        // No event of the chat has attachments; who sends some is told so.
        configuration.waitingPacketBytesMax = 4_096
        configuration.connectionsMax = connectionsMax
        configuration.connectionsPerAddressMax = connectionsPerAddressMax
        configuration.countedAddress = AddressPrefix.of
        configuration.handshakesPerSecond = handshakesPerSecond
        configuration.allowedOrigins = accounts.allowedOrigins
        configuration.frontEnd = try accounts.frontEnd()
        return configuration
    }
}
