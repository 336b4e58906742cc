// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import Dispatch
import Foundation
import GRDB
import Synchronization
import Testing

@testable import ChatModels

/// How often one may try to log in.
@Suite struct AttemptTests {
    let clock = TestClock()
    let database: ChatDatabase

    init() throws {
        var limits = Limits()
        limits.loginsPerAccountMax = 3
        limits.signInsPerAccountMax = 9
        limits.loginsPerAddressMax = 5
        limits.loginWindowSeconds = 60
        database = try emptyDatabase(limits, clock: clock)
        _ = try database.makeUser("ana")
        _ = try database.makeUser("ben")
    }

    private func logIn(_ name: String, _ password: String, from address: String = "1.1.1.1") throws
        -> ChatError.Code?
    {
        try code {
            _ = try database.authenticate(username: name, password: password, address: address)
        }
    }

    @Test func `an account takes so many wrong passwords from an address in a window`() throws {
        for _ in 1...3 { #expect(try logIn("ana", "wrong") == .wrongCredentials) }

        #expect(try logIn("ana", "password1") == .rateLimited)
        #expect(try logIn("ANA", "password1") == .rateLimited)
        #expect(try logIn("ben", "password1") == nil)
    }

    @Test func `who guesses shuts out nobody elsewhere`() throws {
        for _ in 1...4 { _ = try logIn("ana", "wrong") }

        #expect(try logIn("ana", "password1", from: "2.2.2.2") == nil)
        #expect(try logIn("ana", "wrong", from: "2.2.2.2") == .wrongCredentials)
    }

    @Test
    func `an account that many guess at gives each address fewer tries, and shuts out nobody`()
        throws
    {
        for number in 0..<30 {
            #expect(try logIn("ana", "wrong", from: "1.1.1.\(number / 3)") == .wrongCredentials)
        }

        #expect(try logIn("ana", "wrong", from: "2.2.2.1") == .wrongCredentials)
        #expect(try logIn("ana", "wrong", from: "2.2.2.1") == .rateLimited)
        #expect(try logIn("ana", "password1", from: "2.2.2.2") == nil)
        #expect(try logIn("ben", "wrong", from: "2.2.2.2") == .wrongCredentials)
        #expect(try logIn("ben", "wrong", from: "2.2.2.2") == .wrongCredentials)
        clock.advance(seconds: 60)
        #expect(try logIn("ana", "wrong", from: "2.2.2.1") == .wrongCredentials)
        #expect(try logIn("ana", "wrong", from: "2.2.2.1") == .wrongCredentials)
    }

    @Test func `an address may try so often, with whatever account`() throws {
        for number in 1...5 { #expect(try logIn("user\(number)", "wrong") == .wrongCredentials) }

        #expect(try logIn("ana", "password1") == .rateLimited)
        #expect(try logIn("ana", "password1", from: "2.2.2.2") == nil)
    }

    @Test func `a network of IPv6 counts as one address`() throws {
        for number in 1...5 {
            let code = try logIn("u\(number)", "x", from: "2001:db8::\(number):1")
            #expect(code == .wrongCredentials)
        }

        #expect(try logIn("ana", "password1", from: "2001:db8::6:1") == .rateLimited)
        #expect(try logIn("ana", "password1", from: "2001:db8:0:1::1") == nil)
    }

    @Test func `the refusal says when to come back, and then it is over`() throws {
        for _ in 1...3 { _ = try logIn("ana", "wrong") }
        clock.advance(milliseconds: 20_001)

        let error = #expect(throws: ChatError.self) {
            try database.authenticate(username: "ana", password: "password1", address: "1.1.1.1")
        }

        #expect(error?.code == .rateLimited)
        #expect(error?.retryAfter == 40)
        clock.advance(milliseconds: 39_998)
        #expect(try logIn("ana", "password1") == .rateLimited)
        clock.advance(milliseconds: 1)
        #expect(try logIn("ana", "password1") == nil)
    }

    @Test func `a success forgets the account's failures, not the address's`() throws {
        for _ in 1...2 { _ = try logIn("ana", "wrong") }
        #expect(try logIn("ana", "password1") == nil)

        for _ in 1...2 { #expect(try logIn("ana", "wrong") == .wrongCredentials) }
        #expect(try logIn("ana", "password1") == nil)
        #expect(try logIn("ben", "wrong") == .wrongCredentials)
        #expect(try logIn("ben", "password1") == .rateLimited)
    }

    @Test func `successes are no failures`() throws {
        for number in 0..<20 {
            if number % 9 == 0 { clock.advance(seconds: 60) }
            #expect(try logIn("ana", "password1") == nil)
        }
        for _ in 1...3 { #expect(try logIn("ana", "wrong") == .wrongCredentials) }
    }

    @Test func `an account signs in so often in a window, from wherever`() throws {
        for number in 1...9 {
            #expect(try logIn("ana", "password1", from: "1.1.1.\(number)") == nil)
        }

        #expect(try logIn("ana", "password1", from: "2.2.2.2") == .rateLimited)
        #expect(try logIn("ben", "password1", from: "2.2.2.2") == nil)
        clock.advance(seconds: 60)
        #expect(try logIn("ana", "password1", from: "2.2.2.2") == nil)
    }

    @Test func `from an address so many sign in in a window`() throws {
        for number in 1...6 { _ = try database.makeUser("user\(number)") }
        for number in 0..<30 { #expect(try logIn("user\(number / 5 + 1)", "password1") == nil) }

        #expect(try logIn("ben", "password1") == .rateLimited)
        #expect(try logIn("ben", "password1", from: "2.2.2.2") == nil)
    }

    /// Whether the system promises memory that it does not have.
    private static let promisesAll =
        (try? String(contentsOfFile: "/proc/sys/vm/overcommit_memory", encoding: .utf8)) == "1\n"

    @Test(.disabled(if: promisesAll))
    func `what could not be judged for want of memory counts for nothing`() throws {
        // So much that no machine has it.
        let hash =
            "$argon2id$v=19$m=4294967295,t=1,p=1$w1ljUZp4861RtGeSF0RPtQ$"
            + "P7FZSXgA/NkwAg8ruPrx/LALVyV76ImcnCfmOw068X0"
        try database.write { db in
            try db.execute(
                sql: "UPDATE users SET password_hash = ? WHERE username = 'ana'", arguments: [hash])
        }

        for _ in 1...5 { #expect(try logIn("ana", "password1") == .busy) }

        #expect(
            try database.read { db in
                try Int.fetchOne(db, sql: "SELECT SUM(count) FROM attempts") ?? 0
            } == 0)
    }

    @Test func `registrations count for the address`() throws {
        for _ in 1...5 {
            #expect(try code { try database.countRegistration(from: "1.1.1.1") } == nil)
        }

        #expect(try code { try database.countRegistration(from: "1.1.1.1") } == .rateLimited)
        #expect(try logIn("ana", "password1") == .rateLimited)
        #expect(try code { try database.countRegistration(from: "2.2.2.2") } == nil)
        clock.advance(seconds: 60)
        #expect(try code { try database.countRegistration(from: "1.1.1.1") } == nil)
    }

    @Test func `what is counted is bounded, whatever names come`() throws {
        // One code point that becomes eighteen.
        let growing = String(repeating: "\u{FDFA}", count: 256)
        for name in [endless, growing] {
            #expect(try logIn(name, "wrong", from: endless) == .wrongCredentials)
        }

        let longest = try database.read { db in
            try Int.fetchOne(db, sql: "SELECT MAX(LENGTH(CAST(subject AS BLOB))) FROM attempts")
        }

        #expect(try #require(longest) < 1_000)
    }

    @Test func `a name that is too long for anybody counts for the address`() throws {
        for _ in 1...5 { #expect(try logIn(endless, "wrong") == .wrongCredentials) }

        #expect(try logIn(endless, "wrong") == .rateLimited)
        #expect(try logIn("ana", "password1") == .rateLimited)
    }

    @Test func `a clock that ran ahead leaves nobody out when it goes right again`() throws {
        clock.advance(seconds: 7_200)
        for _ in 1...5 { _ = try logIn("ana", "wrong") }
        #expect(try logIn("ana", "password1") == .rateLimited)

        clock.advance(seconds: -7_200)

        #expect(try logIn("ana", "password1") == nil)
        for _ in 1...3 { #expect(try logIn("ana", "wrong") == .wrongCredentials) }
        #expect(try logIn("ana", "password1") == .rateLimited)
        clock.advance(seconds: 60)
        #expect(try logIn("ana", "password1") == nil)
    }

    @Test func `old windows are swept away`() throws {
        for number in 1...10 { _ = try logIn("user\(number)", "wrong", from: "1.1.1.\(number)") }
        clock.advance(seconds: 60)
        _ = try logIn("ana", "wrong")

        let count = try database.read { db in
            try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM attempts")
        }

        #expect(count == 3)
    }

    @Test func `many at once get no more attempts than one after the other`() throws {
        let folder = try TemporaryFolder()
        var limits = Limits()
        limits.loginsPerAccountMax = 3
        _ = try folder.database().makeUser("ana")
        // Judging a password takes its time: everybody asks before the first one is judged.
        let connections = try (0..<8).map { _ in
            try ChatDatabase(path: folder.file("chat.db"), limits: limits, passwords: .interactive)
        }
        let wrong = Mutex(0)

        DispatchQueue.concurrentPerform(iterations: 8) { index in
            for _ in 0..<3 {
                let code = try? code {
                    _ = try connections[index].authenticate(
                        username: "ana", password: "wrong", address: "1.1.1.1")
                }
                if code == .wrongCredentials { wrong.withLock { $0 += 1 } }
            }
        }

        #expect(wrong.withLock { $0 } == 3)
    }
}
