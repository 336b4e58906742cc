// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ChatModels
import ChatOptions
import Figures
import Glibc
import Logging
import Sockets

/// Answers the chat's REST requests for any web server that speaks FastCGI or CGI.
@main
struct ChatFCGI: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat-fcgi",
        abstract: "Answers the chat's REST requests for a web server, by FastCGI.",
        discussion: """
            It serves the socket of --listen, or a listening socket that it finds on descriptor 0 (spawn-fcgi, systemd, \
            lighttpd). Started with neither by a web server, as a plain CGI program, it answers the one request.

            Each flag has an environment variable: HALLS_DATABASE for --database.
            """,
        version: Release.version)

    @OptionGroup(title: "Database") var database: DatabaseOptions
    @OptionGroup(title: "Server") var server: ServerOptions
    @OptionGroup(title: "Server") var prefix: PrefixOptions
    @OptionGroup(title: "Accounts") var accounts: AccountOptions
    @OptionGroup(title: "Limits") var limits: LimitOptions
    @OptionGroup(title: "Log") var log: LogOptions

    static func main() {
        do {
            if PlainCGI.isAsked, PlainCGI.hasQueryAsArguments {
                return try PlainCGI.answer(.problem(ChatError(.invalidRequest)))
            }
            try parseWithEnvironment().run()
        } catch {
            exit(withError: error)
        }
    }

    func run() throws {
        if let place = server.listen {
            try serve(FrontEndSocket.open(place, mode: server.socketMode.bits))
        } else if let inherited = FrontEndSocket.inherited() {
            try serve(inherited)
        } else if PlainCGI.isAsked {
            try answerOnce()
        } else {
            throw ValidationError(
                """
                Nobody asks: give a socket with --listen PATH or --listen HOST:PORT, or let a web server start the \
                program.
                """)
        }
    }

    /// Runs until the process is told to end.
    private func serve(_ listener: FrontEndSocket) throws {
        let logger = log.logger("chat-fcgi")
        do {
            // Plain CGI needs no secret: the front end has started the process.
            var site = site
            site.frontEnd = try accounts.frontEnd()
            if !site.frontEnd.isSafe { logger.warning("\(FrontEndPolicy.warning)") }
            guard FastCGI.start() else { throw SystemError(number: errno, path: "libfcgi") }
            // libfcgi takes SIGTERM for itself; blocked, it waits for us.
            ProcessSignals.block()
            let process = ProcessFigures()
            let outage = Outage(log: logger)
            site.outage = outage
            let databases = try (0..<server.threads).map { _ in try openDatabase(outage) }
            let routers = databases.map { [site] in router($0, site) }
            let fcgi = try FastCGIServer(listener, server.configuration, log: logger)
            let figures = ServerFigures(
                tallies: routers.map(\.tally), site: site, process: process,
                connectionCount: { fcgi.connectionCount })
            let status = try statusListener(figures, try openDatabase(outage), logger)
            fcgi.start(routers)
            logger.info("Ready.", metadata: ["listen": "\(server.listen ?? "descriptor 0")"])
            let number = ProcessSignals.wait()
            logger.info("Told to end; finishing what is asked.", metadata: ["signal": "\(number)"])
            fcgi.stop()
            status?.close()
            for database in databases { try? database.close() }
            logger.info("Done.")
        } catch {
            listener.removePath()
            throw error
        }
    }

    private func statusListener(
        _ figures: ServerFigures, _ database: @autoclosure () throws -> any ChatStorage,
        _ logger: Logger
    ) throws -> StatusListener? {
        guard let address = server.fcgiMetrics.flatMap(ListenAddress.init) else { return nil }
        let database = try database()
        let listener = try StatusListener(
            at: address, mode: server.socketMode.bits, metrics: { figures.text },
            health: { () throws(StatusProblem) in
                if let problem = Router.problem(of: database, figures.site) {
                    throw StatusProblem(problem)
                }
                return "ok\n"
            })
        logger.info("Metrics.", metadata: ["listen": "\(address)"])
        return listener
    }

    /// Answers the one request of plain CGI.
    private func answerOnce() throws {
        let request = PlainCGI.request(bodyBytesMax: server.bodyBytesMax)
        do {
            let outage = Outage(log: log.logger("chat-fcgi"))
            let router = router(try openDatabase(outage), site)
            try PlainCGI.answer(router.respond(to: request), to: request.method)
        } catch {
            log.logger("chat-fcgi").error("No database.", metadata: ["error": "\(error)"])
            try PlainCGI.answer(.problem(ChatError(.internalError)), to: request.method)
        }
    }

    private func openDatabase(_ outage: Outage) throws -> any ChatStorage {
        try ChatDatabase(
            path: database.database, limits: limits.limits, noteBusy: outage.note(isBusy:))
    }

    private func router(_ chat: any ChatStorage, _ site: Site) -> Router {
        var site = site
        site.cookie = accounts.cookie(of: chat)
        return Router(database: chat, site: site)
    }

    private var site: Site {
        var site = Site()
        site.basePath = server.basePathSegments(below: prefix.prefix)
        site.hasAccounts = accounts.auth == .accounts
        site.loginURL = server.loginURL
        site.isRegistrationOpen = server.registration == .open
        site.origins = OriginPolicy(others: accounts.allowedOrigins)
        site.sends = RateLimiter(
            perSecond: Double(server.sendsPerSecond), burst: server.sendsPerSecond * 2)
        site.reads = RateLimiter(
            perSecond: Double(server.readsPerSecond), burst: server.readsPerSecond * 10)
        site.joins = RateLimiter(
            perSecond: Double(server.hallChangesPerSecond), burst: server.hallChangesPerSecond * 10)
        site.marks = RateLimiter(
            perSecond: Double(server.marksPerSecond), burst: server.marksPerSecond * 10)
        site.passwords = PasswordQueue(countMax: max(1, server.threads / 2))
        let wake = database.wake
        site.wake = { wake.wake() }
        site.log = log.logger("chat-fcgi")
        return site
    }

    func validate() throws {
        try limits.requireRoomForMessage("--body-bytes-max", server.bodyBytesMax)
    }
}
