// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatTesting
import CompactJSON
import Testing

@testable import chat_fcgi

/// What a table of routes can say, with one that is no part of the product.
struct RouteTableTests {
    private static let routes = RouteTable([
        Route(.get, "messages/<id>/<id>", reader: { call, _, _ in said(call) }),
        Route(.patch, "messages/<id>/<id>", user: { call, _ in said(call) }),
        Route(.delete, "messages/<id>/<id>", user: { _, _ in .noContent }),
        Route(.put, "messages/<id>/<id>/pin", user: { call, _ in said(call) }),
        Route(.get, "messages/<id>", anyone: said),
        Route(.get, "messages/newest", anyone: said),
        Route(.put, "password", accounts: said),
    ])

    @Sendable private static func said(_ call: Call) -> HTTPResponse {
        .json { $0.write([.integer(call.ids.first), .integer(call.ids.second)]) }
    }

    @Test(arguments: [
        (HTTPRequest.Method.get, "7/9", [7, 9]), (.head, "7/9", [7, 9]), (.patch, "7/9", [7, 9]),
        (.put, "7/9/pin", [7, 9]), (.get, "9007199254740991", [9_007_199_254_740_991, 0]),
        (.get, "newest", [0, 0]),
    ])
    func `a path has as many numbers as its route`(
        _ method: HTTPRequest.Method, _ path: String, _ ids: [Int64]
    ) throws {
        let site = try Table(Self.routes)
        let response = site.send(method, "messages/\(path)", ["content": "x"])
        #expect(response.status == .ok)
        #expect(response.json == .array(ids.map { .integer($0) }))
    }

    @Test(arguments: [
        "messages", "messages/7/9/pin/1", "messages/7/x", "messages/x/9", "messages/7/0",
        "messages/0/9", "messages/7/", "messages/7/9007199254740992", "messages/7/9/PIN", "pin",
    ])
    func `another path is not there, whatever the method`(_ path: String) throws {
        let site = try Table(Self.routes)
        for method in HTTPRequest.Method.allCases {
            #expect(site.send(method, path).status == .notFound)
        }
    }

    @Test(arguments: [
        ("POST", "messages/7/9", "GET, HEAD, PATCH, DELETE"),
        ("PUT", "messages/7/9", "GET, HEAD, PATCH, DELETE"),
        ("OPTIONS", "messages/7/9", "GET, HEAD, PATCH, DELETE"),
        ("patch", "messages/7/9", "GET, HEAD, PATCH, DELETE"),
        ("GET", "messages/7/9/pin", "PUT"), ("TRACE", "messages/7/9/pin", "PUT"),
        ("DELETE", "messages/7", "GET, HEAD"), ("", "password", "PUT"),
    ])
    func `another method is told which there are`(
        _ method: String, _ path: String, _ allowed: String
    ) throws {
        let response = try Table(Self.routes).send(HTTPRequest.Method(method), path)
        #expect(response.status == .methodNotAllowed)
        #expect(response.header("Allow") == allowed)
    }

    @Test func `a route for accounts is not there without them`() throws {
        let site = try Table(Self.routes)
        #expect(site.send(.put, "password").status == .ok)
        site.client.site.hasAccounts = false
        #expect(site.send(.put, "password").status == .notFound)
        #expect(site.send(.get, "password").status == .notFound)
    }

    @Test(arguments: [
        (HTTPRequest.Method.put, "messages/7/9/pin"), (.patch, "messages/7/9"),
        (.delete, "messages/7/9"),
    ])
    func `a page of another site changes nothing by any method`(
        _ method: HTTPRequest.Method, _ path: String
    ) throws {
        let site = try Table(Self.routes)
        #expect(site.send(method, path, origin: "http://evil.example").code == "origin_refused")
        #expect(site.send(method, path, origin: "http://chat.example").code == nil)
        site.client.cookie = ""
        #expect(site.send(method, path).status == .unauthorized)
    }

    @Test func `nothing need come with a DELETE`() throws {
        let site = try Table(Self.routes)
        // As nginx hands it over.
        let parameters = [
            "REQUEST_METHOD": "DELETE", "REQUEST_URI": "/chat/messages/7/9", "CONTENT_TYPE": "",
            "CONTENT_LENGTH": "", "HTTP_HOST": "chat.example", "HTTP_COOKIE": site.client.cookie,
        ]
        let request = HTTPRequest(body: .whole([])) { [parameters["\($0)"]].compactMap(\.self) }
        #expect(request.method == .delete)
        #expect(site.router.respond(to: request).status == .noContent)
    }

    @Test func `the figures name a route by its method and path`() throws {
        let site = try Table(Self.routes)
        let router = site.router
        _ = router.respond(to: site.client.request(.patch, "/chat/messages/7/9", [:]))
        _ = router.respond(to: site.client.request(.head, "/chat/messages/7"))
        #expect(
            Set(router.tally.counts.answers.keys.map(\.route)) == [
                "PATCH messages/<id>/<id>", "GET messages/<id>",
            ])
    }

    @Test(arguments: [
        ("GET", HTTPRequest.Method.get), ("HEAD", .head), ("POST", .post), ("PUT", .put),
        ("PATCH", .patch), ("DELETE", .delete), ("", .other), ("get", .other), ("GETS", .other),
        ("OPTIONS", .other), ("other", .other),
    ])
    func `a method is its very name`(_ name: String, _ method: HTTPRequest.Method) {
        #expect(HTTPRequest.Method(name) == method)
        #expect(method.isSafe == (method == .get || method == .head))
    }
}

/// A site with that table, and somebody who is signed in.
private struct Table {
    let client: Client
    private let routes: RouteTable

    init(_ routes: RouteTable) throws {
        (client, _) = try Client.signedIn()
        self.routes = routes
    }

    var router: Router { Router(database: client.database, site: client.site, routes: routes) }

    func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: JSONValue? = nil, origin: String = ""
    ) -> HTTPResponse {
        var request = client.request(method, "/chat/\(path)", body)
        request.origin = origin
        return router.respond(to: request)
    }
}
