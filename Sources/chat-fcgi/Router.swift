// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON
import Logging
import Sockets

/// From a request to its answer: the table of routes, and what holds for all of them. Each thread has its own, with its
/// own connection to the database.
struct Router: Sendable {
    let database: any ChatStorage
    let site: Site
    /// Those of the product, but for tests.
    var routes = Router.routes
    /// What it has answered.
    let tally = RequestTally()

    /// What is served under the base path, as docs/protocol.md says it.
    static let routes = RouteTable(
        [Route(.get, "health", anyone: health)] + UserRoutes.routes + HallRoutes.routes
            + MessageRoutes.routes + ReadRoutes.routes)

    /// Answers any request; never throws.
    func respond(to request: HTTPRequest) -> HTTPResponse {
        let began = ContinuousClock.now
        var route: String?
        let response = answer(request, &route)
        tally.count(route, response.status, took: began.duration(to: .now))
        return response
    }

    /// - Parameter name: is set to the route's, if there is one.
    private func answer(_ request: HTTPRequest, _ name: inout String?) -> HTTPResponse {
        do {
            return try route(request, &name)
        } catch let error as ChatError where error.code != .internalError {
            return .problem(error)
        } catch let error as HTTPRequest.Malformed {
            return .problem(
                ChatError(.invalidRequest, "\"\(error.part)\" is missing or malformed."))
        } catch {
            site.log.error(
                "A request failed.",
                metadata: [
                    "error": "\(error)", "request.path": "\(request.path.forLog)",
                ])
            return .problem(ChatError(.internalError))
        }
    }

    private func route(_ request: HTTPRequest, _ name: inout String?) throws -> HTTPResponse {
        try requireFrontEnd(of: request)
        guard let target = RequestTarget(request.target) else { throw ChatError(.notFound) }
        let base = site.basePath
        guard target.segments.starts(with: base, by: { $0.isExactly($1) }) else {
            throw ChatError(.notFound)
        }
        let path = target.segments[base.count...]
        guard let match = routes.match(request.method, path, hasAccounts: site.hasAccounts) else {
            let allowed = routes.methods(for: path, hasAccounts: site.hasAccounts)
            guard !allowed.isEmpty else { throw ChatError(.notFound) }
            return .problem(
                ChatError(.methodNotAllowed),
                headers: [.init("Allow", allowed.map(\.rawValue).joined(separator: ", "))])
        }
        let route = match.route
        name = route.name
        if !request.method.isSafe { try requireOrigin(of: request) }
        let call = Call(
            request: request, target: target, ids: match.ids, database: database, site: site)
        return call.renewingSession(try route.respond(call))
    }

    private func requireFrontEnd(of request: HTTPRequest) throws(ChatError) {
        guard !site.frontEnd.believes(request.secret) else { return }
        if site.frontEnd.isFirstRefusal() {
            site.log.warning(
                "A request without the front end's secret was refused (--secret-file, own/secret.conf)."
            )
        }
        throw ChatError(.frontEndRefused)
    }

    private func requireOrigin(of request: HTTPRequest) throws(ChatError) {
        guard !site.origins.allows(request) else { return }
        if let news = site.origins.firstRefusal(of: request.origin, host: request.host) {
            site.log.warning(
                "A request from another site was refused; --origins names those that may.",
                metadata: [
                    "request.origin": "\(news.origin)", "request.host": "\(news.host)",
                ])
        }
        throw ChatError(.originRefused)
    }

    /// What is wrong, in a sentence; `nil` if nothing is.
    static func problem(of database: any ChatStorage, _ site: Site) -> String? {
        do {
            try database.ping()
        } catch {
            if !(error is ChatError) {
                site.log.error("The database does not answer.", metadata: ["error": "\(error)"])
            }
            return "The database does not answer."
        }
        return site.outage.isOngoing(tryWriting: database.tryWriting) ? Outage.sentence : nil
    }

    private static func health(_ call: Call) throws -> HTTPResponse {
        if let problem = problem(of: call.database, call.site) {
            throw ChatError(.busy, problem)
        }
        return .json { $0.raw("{\"status\":\"ok\"}") }
    }
}

/// What the operator set, and what the threads share.
struct Site: Sendable {
    /// The segments of the path under which the routes lie.
    var basePath = ["chat"]
    /// Whether there are built-in accounts; if not, the site's own login says who is who.
    var hasAccounts = true
    /// Where the site's own login is, if the operator said it.
    var loginURL: LoginURL?
    /// Whether anybody may make an account.
    var isRegistrationOpen = true
    /// Whom to believe who a client is.
    var frontEnd = FrontEndPolicy()
    /// Which pages may change something.
    var origins = OriginPolicy()
    /// Where a session's token is.
    var cookie = SessionCookie()
    /// How fast one user may say things.
    var sends = RateLimiter(perSecond: 10, burst: 20)
    /// How fast one user may ask for what there is.
    var reads = RateLimiter(perSecond: 100, burst: 1_000)
    /// How fast one user may join, leave and make halls.
    var joins = RateLimiter(perSecond: 10, burst: 50)
    /// How often one user may say how far a hall is read.
    var marks = RateLimiter(
        perSecond: Double(Limits.marksPerSecond), burst: Limits.marksPerSecond * 10)
    /// How fast one user may change what others see of them: ten times at once, and ten times a day.
    var profiles = RateLimiter(perSecond: 10.0 / 86_400, burst: 10)
    /// How often the site may say something else of one user.
    var siteProfiles = RateLimiter(perSecond: 1.0 / 60, burst: 1)
    /// How many logins and registrations run at once.
    var passwords = PasswordQueue(countMax: 4)
    /// The newest page of halls that were read lately, by hall.
    var pages = ReadyAnswers<HistoryPage> { $0.byteCount }
    /// The halls of users who looked lately, by user.
    var hallLists = ReadyAnswers<HallList> { $0.byteCount }
    /// Whether the database lets itself be written.
    var outage = Outage()
    /// Tells the push daemon that something was written.
    var wake: @Sendable () -> Void = {}
    var log = Logger(label: "chat-fcgi")

    /// What a client has to know before it signs in: `login`, `registration` and, with the site's own login, `login_url`
    /// where the operator said it.
    var waysIn: [JSONValue.Member] {
        var ways: [JSONValue.Member] = [
            .init("login", hasAccounts ? "accounts" : "site"),
            .init("registration", .bool(hasAccounts && isRegistrationOpen)),
        ]
        if !hasAccounts, let loginURL { ways.append(.init("login_url", .string(loginURL.text))) }
        return ways
    }
}
