// SPDX-License-Identifier: Apache-2.0

/// A user's session: what a cookie stands for.
public struct LoginSession: Sendable, Hashable {
    /// Its number; the token itself is known to the client alone.
    public var id: Int64
    /// Whose it is.
    public var user: User
    /// When it ends by itself.
    public var expiresAt: Timestamp

    /// Makes a session of its parts.
    public init(id: Int64, user: User, expiresAt: Timestamp) {
        self.id = id
        self.user = user
        self.expiresAt = expiresAt
    }
}

/// A session as the operator sees one.
public struct SessionSummary: Sendable, Equatable {
    /// The session.
    public var session: LoginSession
    /// When it began.
    public var createdAt: String
}
