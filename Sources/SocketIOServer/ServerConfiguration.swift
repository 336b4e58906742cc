// SPDX-License-Identifier: Apache-2.0

public import Sockets

/// The terms and bounds of a Socket.IO server. Times are in milliseconds.
public struct ServerConfiguration: Sendable {
    /// Where the server answers.
    public var path = "/socket.io/"
    /// Between two pings.
    public var pingInterval: Int64 = 25_000
    /// What a client has to answer one.
    public var pingTimeout: Int64 = 20_000
    /// What a client has to ask for a namespace.
    public var connectTimeout: Int64 = 20_000
    /// What a client has to finish an upgrade.
    public var upgradeTimeout: Int64 = 10_000
    /// What a client has to send a whole request or message, and a packet's attachments.
    public var requestTimeout: Int64 = 15_000
    /// How long a connection may wait for its next request: longer than proxies keep theirs (nginx: 60 s), for a proxy that
    /// sends a request while we close answers with an error.
    public var keepAliveTimeout: Int64 = 75_000
    /// The most bytes in one message, and in one body of a poll.
    public var payloadBytesMax = 65_536
    /// The same for who is in no namespace yet: a token, and what stands around it.
    public var earlyPayloadBytesMax = 4_096
    /// What all clients together have sent of messages, bodies and packets that are not whole yet, in bytes.
    public var unfinishedBytesMax = 64 << 20
    /// The same for those of one address.
    public var unfinishedBytesPerAddressMax = 8 << 20
    /// What waits for all clients together because they read slowly, in bytes.
    public var backlogBytesMax = 256 << 20
    /// The same for those of one address.
    public var backlogBytesPerAddressMax = 64 << 20
    /// Packets in a second on one connection, whatever they are, and twice as many at once; each KiB of one counts as one
    /// more. Beyond it the client is closed.
    public var packetsPerSecond = 1_000
    /// The most packets in one body of a poll.
    public var payloadPacketsMax = 1_000
    /// The most bytes in a packet that waits for its attachments; in memory it has some twenty times as many.
    public var waitingPacketBytesMax = 65_536
    /// What may wait for a client that reads slowly, in bytes; beyond it the client is closed.
    public var queueBytesMax = 1_048_576
    /// Sessions at once.
    public var connectionsMax = 100_000
    /// Sessions at once from one address.
    public var connectionsPerAddressMax = 1_000
    /// What of an address counts as one.
    public var countedAddress: @Sendable (_ address: String) -> String = { $0 }
    /// New sessions in a second, over all addresses; who comes too early is asked to come again.
    public var handshakesPerSecond = 5_000
    /// Namespaces that one session may be in.
    public var namespacesPerSessionMax = 16
    /// Origins, beside the site's own, whose pages may connect.
    public var allowedOrigins: Set<Origin> = []
    /// Whether the proxy in front tells the client's address (`X-Real-IP`).
    public var trustsProxy = true
    /// Who is that proxy: others may not say `X-Real-IP`, `X-Remote-User` or `X-Halls-Expires`.
    public var frontEnd = FrontEndPolicy()

    /// The defaults.
    public init() {}
}
