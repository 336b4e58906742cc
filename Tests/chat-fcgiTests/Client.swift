// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatTesting
import CompactJSON
import Logging
import Synchronization

@testable import chat_fcgi

/// A router over an empty database, and somebody who asks it: no socket, no process.
final class Client {
    let database: ChatDatabase
    var site = Site()
    var cookie = ""
    var remoteUser = ""
    private let wakes = Counter()

    init(_ limits: Limits = Limits(), clock: TestClock = TestClock()) throws {
        database = try emptyDatabase(limits, clock: clock)
        site.log.logLevel = .critical
        site.wake = { [wakes] in wakes.count.withLock { $0 += 1 } }
    }

    /// A client that is signed in, and as whom.
    static func signedIn(_ limits: Limits = Limits()) throws -> (Client, User) {
        let client = try Client(limits)
        let user = try client.database.makeUser()
        try client.signIn(user)
        return (client, user)
    }

    func signIn(_ user: User) throws {
        cookie = "halls_session=\(try database.createSession(for: user).token)"
    }

    /// How often the push daemon was woken.
    var wakeCount: Int { wakes.count.withLock { $0 } }

    func get(_ target: String) -> HTTPResponse {
        send(request(.get, target))
    }

    func post(_ target: String, _ body: JSONValue = [:]) -> HTTPResponse {
        send(request(.post, target, body))
    }

    func request(
        _ method: HTTPRequest.Method, _ target: String, _ body: JSONValue? = nil
    ) -> HTTPRequest {
        var request = HTTPRequest()
        request.method = method
        request.target = target
        request.host = "chat.example"
        request.cookie = cookie
        request.remoteUser = remoteUser
        request.remoteAddress = "192.0.2.1"
        if let body {
            request.contentType = "application/json"
            request.body = .whole(body.bytes)
        }
        return request
    }

    func send(_ request: HTTPRequest) -> HTTPResponse {
        Router(database: database, site: site).respond(to: request)
    }
}

private final class Counter: Sendable {
    let count = Mutex(0)
}

extension HTTPResponse {
    /// The body.
    var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }

    /// A problem's code.
    var code: String? { json["code"]?.string }

    /// The first header of that name.
    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }

    /// The ids of an array of the body, in their order.
    func ids(_ name: String) -> [Int64] {
        json[name]?.array?.compactMap { $0["id"]?.integer } ?? []
    }
}
