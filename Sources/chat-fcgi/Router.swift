// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON
import Logging
import Sockets

/// From a request to its answer: the table of routes, and what holds for all of them. Each thread has its own, with its
/// own connection to the database.
struct Router: Sendable {
    let database: ChatDatabase
    let site: Site
    /// What it has answered.
    let tally = RequestTally()

    /// What is served under the base path, as docs/protocol.md says it.
    static let routes: [Route] = [
        Route(.get, "health", anyone: health),

        Route(.post, "register", accounts: UserRoutes.register),
        Route(.post, "login", accounts: UserRoutes.login),
        Route(.post, "logout", accounts: UserRoutes.logout),
        Route(.post, "logout/everywhere", accounts: UserRoutes.logoutEverywhere),
        Route(.post, "password", accounts: UserRoutes.changePassword),
        Route(.get, "me", anyone: UserRoutes.me),
        Route(.get, "session", anyone: UserRoutes.session),

        Route(.get, "halls", reader: HallRoutes.list),
        Route(.post, "halls", user: HallRoutes.create),
        Route(.post, "halls/join", user: HallRoutes.join),
        Route(.post, "halls/leave", user: HallRoutes.leave),
        Route(.get, "halls/<id>/members", reader: HallRoutes.members),

        Route(.get, "messages/<id>", reader: MessageRoutes.history),
        Route(.post, "messages/<id>", user: MessageRoutes.create),
    ]

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
        let matching = Self.routes.filter {
            $0.matches(path) && (site.hasAccounts || !$0.needsAccounts)
        }
        guard !matching.isEmpty else { throw ChatError(.notFound) }
        guard let route = matching.first(where: { $0.answers(request.method) }) else {
            let allowed = matching.map { $0.method == .get ? "GET, HEAD" : "POST" }
            return .problem(
                ChatError(.methodNotAllowed),
                headers: [.init("Allow", allowed.joined(separator: ", "))])
        }
        name = route.name
        if route.method == .post { try requireOrigin(of: request) }
        let call = Call(
            request: request, target: target, id: route.id(in: path), database: database, site: site
        )
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
    static func problem(of database: ChatDatabase, _ site: Site) -> String? {
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

/// One request on its way through a route.
struct Call {
    let request: HTTPRequest
    let target: RequestTarget
    /// The number in the path; 0 in a path without.
    let id: Int64
    let database: ChatDatabase
    let site: Site
    let use = SessionUse()
}

/// A line of the table: a method, a path, and what answers.
struct Route: Sendable {
    typealias Responder = @Sendable (Call) throws -> HTTPResponse

    let method: HTTPRequest.Method
    let needsAccounts: Bool
    let respond: Responder
    /// The segments of the path; `<id>` stands for a number.
    private let path: [String]
    /// What it is called in the figures: `POST messages/<id>`.
    let name: String

    /// A route for everybody.
    init(_ method: HTTPRequest.Method, _ path: String, anyone respond: @escaping Responder) {
        self.init(method, path, needsAccounts: false, respond)
    }

    /// A route that exists only where there are built-in accounts.
    init(_ method: HTTPRequest.Method, _ path: String, accounts respond: @escaping Responder) {
        self.init(method, path, needsAccounts: true, respond)
    }

    /// A route for those who are signed in.
    init(
        _ method: HTTPRequest.Method, _ path: String,
        user respond: @escaping @Sendable (Call, User) throws -> HTTPResponse
    ) {
        self.init(method, path, needsAccounts: false) { call in
            guard let visitor = try call.visitor() else { throw ChatError(.unauthenticated) }
            return try respond(call, visitor.user)
        }
    }

    /// A route that only reads, for those who are signed in: all in one transaction.
    init(
        _ method: HTTPRequest.Method, _ path: String,
        reader respond: @escaping @Sendable (Call, User, ChatReader) throws -> HTTPResponse
    ) {
        self.init(method, path, needsAccounts: false) { call in try call.answerUser(respond) }
    }

    private init(
        _ method: HTTPRequest.Method, _ path: String, needsAccounts: Bool,
        _ respond: @escaping Responder
    ) {
        self.method = method
        self.path = path.split(separator: "/").map(String.init)
        name = "\(method == .get ? "GET" : "POST") \(path)"
        self.needsAccounts = needsAccounts
        self.respond = respond
    }

    /// Whether the path is this route's.
    func matches(_ segments: ArraySlice<String>) -> Bool {
        guard segments.count == path.count else { return false }
        return zip(path, segments).allSatisfy { part, segment in
            part == "<id>" ? (segment.positiveDecimal ?? 0) > 0 : part.isExactly(segment)
        }
    }

    /// The number in a path that matches; 0 where there is none.
    func id(in segments: ArraySlice<String>) -> Int64 {
        zip(path, segments).first { $0.0 == "<id>" }?.1.positiveDecimal ?? 0
    }

    /// Whether requests of that method come here: HEAD is GET without the body.
    func answers(_ method: HTTPRequest.Method) -> Bool {
        method == self.method || (method == .head && self.method == .get)
    }
}
