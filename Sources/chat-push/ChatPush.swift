// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ChatModels
import ChatOptions
import Figures
import Logging
import SocketIOServer
import Sockets

/// The push daemon: takes WebSockets and polls, and delivers what is said in the halls.
@main
struct ChatPush: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat-push",
        abstract: "Delivers the messages of the halls, as a Socket.IO server.",
        discussion: """
            Each flag can also be given as an environment variable: HALLS_PING_INTERVAL for --ping-interval. \
            SIGTERM ends it: what it has is finished, clients are told to come back.
            """,
        version: Release.version)

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var push: PushOptions
    @OptionGroup var limits: LimitOptions
    @OptionGroup var accounts: AccountOptions
    @OptionGroup var prefix: PrefixOptions
    @OptionGroup var log: LogOptions

    static func main() {
        parseWithEnvironment().runOrExit()
    }

    func validate() throws {
        try limits.requireRoomForMessage("--payload-bytes-max", push.payloadBytesMax)
    }

    private func runOrExit() {
        do {
            try run()
        } catch {
            Self.exit(withError: error)
        }
    }

    func run() throws {
        ProcessSignals.block()
        let process = ProcessFigures()
        let logger = log.logger("chat-push")
        let chat = try ChatDatabase(path: database.database, limits: limits.limits)
        let cookie = accounts.cookie(of: chat)
        let store = try ChatStore(
            database: chat,
            wake: database.wake, sendsWaitingMax: push.sendsWaitingMax, logger: logger)
        let settings = ChatSettings(
            auth: accounts.auth, limits: limits.limits, catchUps: push.catchUpRate,
            users: UserLimits(
                connectionsMax: push.connectionsPerUserMax,
                rates: PersonRates(
                    sends: push.sendRate, joins: push.joinRate, marks: push.markRate,
                    events: push.eventRate)),
            cookie: cookie, siteLogin: SiteLogin(recheckSeconds: push.siteLoginRecheck),
            warnOfAddress: { address in
                logger.warning(
                    """
                    More than \(SharedAddress.peopleMax) people have one private address: nginx takes a proxy for them, \
                    and limits by address count for all together (docs/operating.md, TLS: set_real_ip_from).
                    """, metadata: ["address": "\(address)"])
            })
        OpenFiles.raise(logger)
        let configuration = try push.serverConfiguration(of: accounts, below: prefix.prefix)
        if !configuration.frontEnd.isSafe { logger.warning("\(FrontEndPolicy.warning)") }
        let server = try SocketIOServer(
            configuration: configuration,
            threads: push.threads, logger: logger
        ) { loop in
            ChatApplication(loop: loop, store: store, settings: settings)
        }
        store.start(delivering: server.loops)
        for address in try push.addresses() {
            _ = try server.listen(at: address, socketMode: push.socketPermissions())
        }
        let metrics = Metrics(
            server: server, store: store, process: process,
            isFrontEndKnown: configuration.frontEnd.isSafe)
        let status = try push.metricsAddress().map { address in
            let listener = try StatusListener(
                at: address, mode: push.socketPermissions(), metrics: metrics.text,
                health: metrics.health)
            logger.info("metrics", metadata: ["address": "\(address)"])
            return listener
        }
        MemoryReturn.begin(for: server, store)

        let signal = ProcessSignals.wait()
        logger.info("ending", metadata: ["signal": "\(signal)"])
        // First what was accepted is written and acknowledged, then the goodbyes follow it on the same connections.
        store.finish()
        status?.close()
        try server.shutDown()
        logger.info("ended")
    }
}
