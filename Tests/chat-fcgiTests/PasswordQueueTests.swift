// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatTesting
import CompactJSON
import Foundation
import Synchronization
import Testing

@testable import chat_fcgi

struct PasswordQueueTests {
    private let queue = PasswordQueue(countMax: 2)

    @Test func `so many are in it, and again when one comes out`() throws {
        try queue.pass(account: "ana", address: "192.0.2.1") {
            try queue.pass(account: "ben", address: "192.0.2.2") {
                _ = #expect(throws: ChatError(.busy, retryAfter: 1)) {
                    try queue.pass(account: "eva", address: "192.0.2.3") {}
                }
            }
            try queue.pass(account: "eva", address: "192.0.2.3") {}
        }
        #expect(queue.counts == .init(passed: 3, full: 1))
    }

    @Test func `an account has one place, from wherever`() throws {
        try queue.pass(account: "ana", address: "192.0.2.1") {
            _ = #expect(throws: ChatError(.rateLimited, retryAfter: 1)) {
                try queue.pass(account: "ana", address: "192.0.2.2") {}
            }
        }
        try queue.pass(account: "ana", address: "192.0.2.2") {}
        #expect(queue.counts == .init(passed: 2, accountBusy: 1))
    }

    @Test func `an address has one place, and a network of IPv6 is one`() throws {
        try queue.pass(account: "ana", address: "2001:db8::1") {
            _ = #expect(throws: ChatError(.rateLimited, retryAfter: 1)) {
                try queue.pass(account: "ben", address: "2001:db8::2") {}
            }
            try queue.pass(account: "ben", address: "2001:db8:0:1::1") {}
        }
        #expect(queue.counts == .init(passed: 2, addressBusy: 1))
    }

    @Test func `what is thrown inside leaves no place taken`() throws {
        #expect(throws: ChatError(.notFound)) {
            try queue.pass(account: "ana", address: "192.0.2.1") { throw ChatError(.notFound) }
        }
        try queue.pass(account: "ana", address: "192.0.2.1") {}
    }

    @Test func `who logs in over many connections keeps nobody else from it`() throws {
        let folder = try TemporaryFolder()
        _ = try folder.database().makeUser("ana")
        _ = try folder.database().makeUser("ben")
        let site = try Client().site
        let isOver = Mutex(false)
        let crowd = DispatchGroup()
        for router in try (0..<8).map({ _ in Router(database: try folder.database(), site: site) })
        {
            crowd.enter()
            Thread {
                while !isOver.withLock({ $0 }) {
                    _ = router.respond(to: Self.post("login", "ana", from: "192.0.2.1"))
                }
                crowd.leave()
            }.start()
        }

        let router = Router(database: try folder.database(), site: site)
        for number in 1...20 {
            let login = router.respond(to: Self.post("login", "ben", from: "192.0.2.2"))
            #expect(login.code == nil)
            let name = "new\(number)"
            #expect(router.respond(to: Self.post("register", name, from: "192.0.2.3")).code == nil)
        }

        isOver.withLock { $0 = true }
        crowd.wait()
        #expect(site.passwords.counts.full == 0)
        #expect(site.passwords.counts.passed > 40)
        let ana = try folder.database().account(named: "ana").user
        #expect(try folder.database().sessions(of: ana.id).count <= 50)
    }

    private static func post(
        _ path: String, _ name: String, from address: String
    ) -> HTTPRequest {
        var request = HTTPRequest()
        request.method = .post
        request.target = "/chat/" + path
        request.host = "chat.example"
        request.remoteAddress = address
        request.contentType = "application/json"
        let body: JSONValue = ["username": .string(name), "password": "password1"]
        request.body = .whole(body.bytes)
        return request
    }
}
