// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON

/// One request on its way through a route.
struct Call {
    let request: HTTPRequest
    let target: RequestTarget
    /// The numbers in the path.
    let ids: PathIDs
    let database: any ChatStorage
    let site: Site
    let use = SessionUse()
}

/// The numbers in a path, in its order: of `messages/<hall>/<message>` the first is the hall's. 0 where there is none.
struct PathIDs: Sendable, Equatable {
    /// So many a path may have.
    static let countMax = 2

    private(set) var first: Int64 = 0
    private(set) var second: Int64 = 0

    /// Takes one more.
    fileprivate mutating func append(_ id: Int64) {
        if first == 0 { first = id } else { second = id }
    }
}

/// The routes that there are. It is looked at for each request, so a look makes no list.
struct RouteTable: Sendable {
    /// By the number of segments in their paths.
    private var routes: [[Route]] = []

    init(_ all: [Route]) {
        for route in all {
            while routes.count <= route.path.count { routes.append([]) }
            routes[route.path.count].append(route)
        }
    }

    /// The route for a request, and the numbers in its path.
    ///
    /// - Parameter hasAccounts: whether routes count that need built-in accounts.
    func match(
        _ method: HTTPRequest.Method, _ path: ArraySlice<String>, hasAccounts: Bool
    ) -> (route: Route, ids: PathIDs)? {
        guard path.count < routes.count else { return nil }
        for route in routes[path.count]
        where route.answers(method) && (hasAccounts || !route.needsAccounts) {
            if let ids = route.match(path) { return (route, ids) }
        }
        return nil
    }

    /// The methods that a path answers; none if it is not there.
    func methods(for path: ArraySlice<String>, hasAccounts: Bool) -> [HTTPRequest.Method] {
        guard path.count < routes.count else { return [] }
        return routes[path.count]
            .filter { (hasAccounts || !$0.needsAccounts) && $0.match(path) != nil }
            .flatMap { $0.method == .get ? [.get, .head] : [$0.method] }
    }
}

/// A line of the table: a method, a path, and what answers.
struct Route: Sendable {
    typealias Responder = @Sendable (Call) throws -> HTTPResponse

    /// A part of a path.
    fileprivate enum Segment {
        case word(String)
        /// A number, written `<id>`.
        case id
    }

    fileprivate let method: HTTPRequest.Method
    fileprivate let needsAccounts: Bool
    let respond: Responder
    fileprivate let path: [Segment]
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
        reader respond: @escaping @Sendable (Call, User, any ChatReading) throws -> HTTPResponse
    ) {
        self.init(method, path, needsAccounts: false) { call in try call.answerUser(respond) }
    }

    private init(
        _ method: HTTPRequest.Method, _ path: String, needsAccounts: Bool,
        _ respond: @escaping Responder
    ) {
        self.method = method
        self.path = path.split(separator: "/").map { $0 == "<id>" ? .id : .word(String($0)) }
        precondition(
            self.path.count { if case .id = $0 { true } else { false } } <= PathIDs.countMax)
        name = "\(method.rawValue) \(path)"
        self.needsAccounts = needsAccounts
        self.respond = respond
    }

    /// Whether requests of that method come here: HEAD is GET without the body.
    fileprivate func answers(_ method: HTTPRequest.Method) -> Bool {
        method == self.method || (method == .head && self.method == .get)
    }

    /// The numbers in a path of as many segments, if it is this route's.
    fileprivate func match(_ segments: ArraySlice<String>) -> PathIDs? {
        var ids = PathIDs()
        for (part, segment) in zip(path, segments) {
            switch part {
            case .word(let word): guard word.isExactly(segment) else { return nil }
            case .id:
                guard let id = segment.positiveDecimal, id > 0 else { return nil }
                ids.append(id)
            }
        }
        return ids
    }
}
