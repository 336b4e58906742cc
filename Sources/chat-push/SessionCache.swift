// SPDX-License-Identifier: Apache-2.0

import ChatModels

/// The sessions that were looked up lately, so that a crowd that comes back after a restart of the network costs few
/// reads. The log takes out what ended. Confined to the store's thread.
struct SessionCache {
    /// More is not remembered.
    private static let countMax = 50_000

    private var sessions: [String: LoginSession] = [:]
    private var tokens: [Int64: String] = [:]
    /// How often the database was asked.
    private(set) var reads = 0

    /// Who showed these credentials.
    ///
    /// - Throws: ``ChatError``: `unauthenticated`.
    mutating func identity(
        _ credentials: Credentials, in database: any ChatStorage
    ) throws -> Identity {
        if let name = credentials.remoteUser {
            reads += 1
            return Identity(userID: try database.siteUser(named: name).id, session: nil)
        }
        for token in credentials.tokens {
            guard let session = try session(token: token, in: database) else { continue }
            return Identity(userID: session.user.id, session: session)
        }
        throw ChatError(.unauthenticated)
    }

    private mutating func session(
        token: String, in database: any ChatStorage
    ) throws -> LoginSession? {
        if let known = sessions[token], known.expiresAt > .now() { return known }
        reads += 1
        guard let session = try database.session(token: token) else { return nil }
        if sessions.count >= Self.countMax { forgetAll() }
        sessions[token] = session
        tokens[session.id] = token
        return session
    }

    /// Forgets everybody.
    mutating func forgetAll() { (sessions, tokens) = ([:], [:]) }

    /// Forgets what an entry of the log ends or changes.
    mutating func forget(_ event: LogEvent) {
        switch event {
        case .sessionEnded(let sessionID, _), .sessionRenewed(let sessionID, _):
            if let token = tokens.removeValue(forKey: sessionID) { sessions[token] = nil }
        // The sessions of who is shut out are ended one by one, in entries of their own.
        default: break
        }
    }
}
