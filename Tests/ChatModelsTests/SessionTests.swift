// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import Foundation
import GRDB
import Testing

@testable import ChatModels

/// Who is logged in.
@Suite struct SessionTests {
    let clock = TestClock()
    let database: ChatDatabase
    let ana: User
    let ben: User

    init() throws {
        var limits = Limits()
        limits.sessionLifetimeSeconds = 100
        database = try emptyDatabase(limits, clock: clock)
        ana = try database.makeUser("ana")
        ben = try database.makeUser("ben")
    }

    @Test func `a token stands for its session`() throws {
        let (session, token) = try database.createSession(for: ana)
        _ = try database.createSession(for: ben)

        #expect(session.user == ana)
        #expect(session.expiresAt == clock.now.adding(seconds: 100))
        #expect(try database.session(token: token) == session)
    }

    @Test func `a token that was not given out stands for nothing`() throws {
        let (_, token) = try database.createSession(for: ana)
        let other = (token.first == "A" ? "B" : "A") + token.dropFirst()

        for text in [
            "", "x", other, token + "A", String(token.dropLast()), token.uppercased() + "!",
        ] {
            #expect(try database.session(token: text) == nil)
        }
    }

    @Test func `tokens are 43 characters for a cookie, and never the same`() throws {
        let tokens = try (0..<100).map { _ in try database.createSession(for: ana).token }

        #expect(Set(tokens).count == 100)
        #expect(tokens.allSatisfy { $0.wholeMatch(of: /[A-Za-z0-9_-]{43}/) != nil })
    }

    @Test func `the database does not know the token`() throws {
        let (_, token) = try database.createSession(for: ana)

        let rows = try database.read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM sessions").map { "\($0.databaseValuesAsText)" }
        }
        let hash = try database.read { db in
            try Data.fetchOne(db, sql: "SELECT token_hash FROM sessions")
        }

        #expect(!rows.joined().contains(token))
        #expect(hash?.count == 32)
        #expect(hash != Data(token.utf8.prefix(32)))
    }

    @Test func `a session ends by itself`() throws {
        let (session, token) = try database.createSession(for: ana)

        clock.advance(milliseconds: 99_999)
        #expect(try database.session(token: token) == session)
        clock.advance(milliseconds: 1)
        #expect(try database.session(token: token) == nil)
        #expect(try database.sessions().isEmpty)
    }

    @Test func `sessions that ended by themselves are swept away by the next`() throws {
        _ = try database.createSession(for: ana)
        clock.advance(seconds: 100)
        _ = try database.createSession(for: ben)

        let count = try database.read { db in
            try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM sessions")
        }

        #expect(count == 1)
    }

    @Test func `a session is ended before its time, and the log says so`() throws {
        let (session, token) = try database.createSession(for: ana)
        let (_, other) = try database.createSession(for: ana)
        let cursor = try database.logEnd()

        try database.endSession(session.id, by: .operator)

        #expect(try database.session(token: token) == nil)
        #expect(try database.session(token: other) != nil)
        #expect(
            try database.log(after: cursor).events
                == [.sessionEnded(sessionID: session.id, userID: ana.id)])
        #expect(try code { try database.endSession(session.id, by: .operator) } == .notFound)
    }

    @Test func `all sessions of a user are ended at once`() throws {
        let tokens = try (0..<3).map { _ in try database.createSession(for: ana).token }
        let (_, bens) = try database.createSession(for: ben)

        #expect(try database.endSessions(of: ana.id, by: .operator) == 3)

        #expect(try tokens.allSatisfy { try database.session(token: $0) == nil })
        #expect(try database.session(token: bens) != nil)
        #expect(try database.endSessions(of: ana.id, by: .operator) == 0)
    }

    @Test func `the operator sees the sessions of all, or of one`() throws {
        let first = try database.createSession(for: ana).session
        clock.advance(seconds: 1)
        let second = try database.createSession(for: ben).session

        #expect(
            try database.sessions() == [
                SessionSummary(session: first, createdAt: someMoment.iso8601),
                SessionSummary(session: second, createdAt: someMoment.adding(seconds: 1).iso8601),
            ])
        #expect(try database.sessions(of: ben.id).map(\.session) == [second])
    }

    @Test func `a user has so many sessions, and one more ends the one that was used least lately`()
        throws
    {
        var limits = Limits()
        limits.sessionsPerUserMax = 3
        let database = try emptyDatabase(limits, clock: clock)
        let (ana, ben) = (try database.makeUser("ana"), try database.makeUser("ben"))
        let bens = try database.createSession(for: ben).token
        var sessions: [(session: LoginSession, token: String)] = []
        for _ in 1...5 {
            sessions.append(try database.createSession(for: ana))
            clock.advance(seconds: 1)
        }

        for (number, session) in sessions.enumerated() {
            #expect(try (database.session(token: session.token) != nil) == (number >= 2))
        }
        #expect(try database.session(token: bens) != nil)
        let ended = try database.log(after: 0).events
        #expect(
            ended
                == sessions.prefix(2).map {
                    .sessionEnded(sessionID: $0.session.id, userID: ana.id)
                })
    }

    @Test func `who was shut out gets no session`() throws {
        try database.setDisabled(true, user: ana.id)

        #expect(try code { _ = try database.createSession(for: ana) } == .unauthenticated)
    }
}

extension Row {
    fileprivate var databaseValuesAsText: String {
        databaseValues.map { value in
            if let data = Data.fromDatabaseValue(value) {
                return String(decoding: data, as: UTF8.self)
            }
            return value.description
        }.joined(separator: " ")
    }
}
