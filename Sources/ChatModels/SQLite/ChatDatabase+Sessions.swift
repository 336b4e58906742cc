// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB

extension ChatDatabase {
    /// As ``SessionStorage`` says.
    public func createSession(
        for user: User, replacing tokens: [String] = []
    ) throws -> (session: LoginSession, token: String) {
        let token = SessionToken.random()
        let now = clock()
        let expiresAt = now.adding(seconds: limits.sessionLifetimeSeconds)
        let id = try write { db in
            try db.execute(
                sql: "DELETE FROM sessions WHERE expires_at <= ?", arguments: [now.iso8601])
            try db.execute(
                sql: """
                    INSERT INTO sessions (user_id, token_hash, created_at, expires_at)
                    SELECT id, ?, ?, ? FROM users WHERE id = ? AND disabled_at IS NULL
                    """,
                arguments: [Data(token.hash), now.iso8601, expiresAt.iso8601, user.id])
            guard db.changesCount > 0 else { throw ChatError(.unauthenticated) }
            let id = db.lastInsertedRowID
            for token in tokens {
                guard let former = try session(token: token, db), former.id != id else { continue }
                try endSession(former.id, by: .user(user.id), db)
            }
            try endSessions(of: user.id, beyond: limits.sessionsPerUserMax, by: .user(user.id), db)
            return id
        }
        return (LoginSession(id: id, user: user, expiresAt: expiresAt), token.text)
    }

    /// As ``SessionStorage`` says.
    public func session(token: String) throws -> LoginSession? {
        try read { db in try session(token: token, db) }
    }

    func session(token: String, _ db: Database) throws -> LoginSession? {
        guard let token = SessionToken(text: token) else { return nil }
        let statement = try FastStatement(Self.sessionByToken, in: db)
        statement.bind(1, token.hash)
        statement.bind(2, clock().iso8601)
        guard try statement.step() else { return nil }
        defer { statement.finish() }
        return Self.session(statement)
    }

    private static let sessionByToken = """
        SELECT s.id, s.expires_at, \(User.columns)
        FROM sessions s JOIN users u ON u.id = s.user_id
        WHERE s.token_hash = ? AND s.expires_at > ? AND u.disabled_at IS NULL
        """

    /// As ``SessionStorage`` says.
    public func endSession(_ sessionID: Int64, by actor: Actor) throws {
        try write { db in try endSession(sessionID, by: actor, db) }
    }

    private func endSession(_ sessionID: Int64, by actor: Actor, _ db: Database) throws {
        let userID = try Int64.fetchOne(
            db, sql: "DELETE FROM sessions WHERE id = ? RETURNING user_id", arguments: [sessionID])
        guard let userID else { throw ChatError(.notFound, "There is no session \(sessionID).") }
        try logEnded([sessionID], of: userID, by: actor, db)
    }

    /// As ``SessionStorage`` says.
    public func renewSession(_ session: LoginSession) throws -> Bool {
        let expiresAt = clock().adding(seconds: limits.sessionLifetimeSeconds)
        // A session of less than two days would be written all the time.
        let daySeconds = min(86_400, limits.sessionLifetimeSeconds / 2)
        guard session.expiresAt.adding(seconds: daySeconds) <= expiresAt else { return false }
        return try write { db in
            // What another request did in between stands, an end as well as a renewal.
            try db.execute(
                sql: "UPDATE sessions SET expires_at = ? WHERE id = ? AND expires_at = ?",
                arguments: [expiresAt.iso8601, session.id, session.expiresAt.iso8601])
            guard db.changesCount > 0 else { return false }
            try log(
                .sessionRenewed(sessionID: session.id, userID: session.user.id),
                by: .user(session.user.id), in: db)
            return true
        }
    }

    /// As ``SessionStorage`` says.
    @discardableResult
    public func endSessions(of userID: Int64, by actor: Actor) throws -> Int {
        try write { db in try endSessions(of: userID, but: nil, by: actor, db) }
    }

    /// As ``SessionStorage`` says.
    public func sessions(of userID: Int64? = nil) throws -> [SessionSummary] {
        let now = clock().iso8601
        return try read { db in
            let row = try FastStatement(Self.sessionsOfUser, in: db)
            row.bind(1, now)
            row.bind(2, userID)
            defer { row.finish() }
            var sessions: [SessionSummary] = []
            while try row.step() {
                guard let session = Self.session(row) else { continue }
                sessions.append(
                    SessionSummary(session: session, createdAt: row.text(2 + User.columnCount)))
            }
            return sessions
        }
    }

    private static let sessionsOfUser = """
        SELECT s.id, s.expires_at, \(User.columns), s.created_at
        FROM sessions s JOIN users u ON u.id = s.user_id
        WHERE s.expires_at > ?1 AND (?2 IS NULL OR s.user_id = ?2) ORDER BY s.id
        """

    @discardableResult
    func endSessions(
        of userID: Int64, but kept: Int64?, by actor: Actor, _ db: Database
    ) throws -> Int {
        let ended = try Int64.fetchAll(
            db, sql: "DELETE FROM sessions WHERE user_id = ? AND id IS NOT ? RETURNING id",
            arguments: [userID, kept])
        try logEnded(ended, of: userID, by: actor, db)
        return ended.count
    }

    /// Ends those that were used least lately.
    private func endSessions(
        of userID: Int64, beyond countMax: Int, by actor: Actor, _ db: Database
    ) throws {
        let ended = try Int64.fetchAll(
            db,
            sql: """
                DELETE FROM sessions WHERE id IN (
                    SELECT id FROM sessions WHERE user_id = ?
                    ORDER BY expires_at DESC, id DESC LIMIT -1 OFFSET ?) RETURNING id
                """, arguments: [userID, countMax])
        try logEnded(ended, of: userID, by: actor, db)
    }

    private func logEnded(
        _ sessions: [Int64], of userID: Int64, by actor: Actor, _ db: Database
    ) throws {
        for sessionID in sessions {
            try log(.sessionEnded(sessionID: sessionID, userID: userID), by: actor, in: db)
        }
    }

    private static func session(_ row: FastStatement) -> LoginSession? {
        guard let expiresAt = Timestamp(iso8601: row.text(1)) else { return nil }
        return LoginSession(
            id: row.integer(0), user: User(row, startingAt: 2), expiresAt: expiresAt)
    }
}
