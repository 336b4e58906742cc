// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON
import Sockets

/// Who sends a request.
struct Visitor: Sendable, Equatable {
    var user: User
    /// The session behind the cookie; `nil` where the site has its own login.
    var sessionID: Int64?
}

extension Call {
    /// Who sends the request; `nil` for somebody unknown.
    func visitor() throws -> Visitor? {
        guard site.hasAccounts else {
            guard !request.remoteUser.isEmpty else { return nil }
            return Visitor(user: try siteUser())
        }
        return try database.reading(visitorWithSession)
    }

    /// Whom the site means, as the site says now. What others see of a person changes once a minute at most, however often
    /// the site has another mind.
    private func siteUser() throws -> User {
        let person = try SitePerson(
            id: request.remoteUser, handle: request.handle, name: request.name,
            picture: request.picture, database.limits)
        let user = try database.siteUser(person)
        guard person.differs(from: user), (try? site.siteProfiles.take(for: user.id)) != nil
        else { return user }
        let changed = try database.update(user.id, as: person)
        if changed != user { site.wake() }
        return changed
    }

    /// Answers who is signed in, and reads what the answer needs in the same transaction that says who it is.
    func answerUser(
        _ respond: (Call, User, any ChatReading) throws -> HTTPResponse
    ) throws -> HTTPResponse {
        // A site's own user may have to be written first.
        let known = site.hasAccounts ? nil : try visitor()
        return try database.reading { reader in
            guard let visitor = try known ?? visitorWithSession(reader) else {
                throw ChatError(.unauthenticated)
            }
            try site.reads.take(for: visitor.user.id)
            return try respond(self, visitor.user, reader)
        }
    }

    private func visitorWithSession(_ reader: any ChatReading) throws -> Visitor? {
        guard site.hasAccounts else { return nil }
        for token in site.cookie.tokens(in: request.cookie) {
            guard let session = try reader.session(token: token) else { continue }
            use.session = (session, token)
            return Visitor(user: session.user, sessionID: session.id)
        }
        return nil
    }
}

/// The session behind a request, once somebody asked for it.
final class SessionUse {
    var session: (LoginSession, token: String)?
}

extension Call {
    /// Keeps the session of an active person from ending: the client is given its token anew, to keep it as long.
    func renewingSession(_ response: HTTPResponse) -> HTTPResponse {
        // A database that cannot write does so another time; the answer is right without.
        guard let (session, token) = use.session,
            (try? database.renewSession(session)) == true
        else { return response }
        site.wake()
        var response = response
        response.headers.append(cookie(token))
        return response
    }

    /// The header that gives the client a session's token.
    func cookie(_ token: String) -> HTTPResponse.Header {
        site.cookie.header(
            token: token, lifetimeSeconds: database.limits.sessionLifetimeSeconds,
            isSecure: request.isSecure)
    }
}

extension SessionCookie {
    /// The header that gives a client its token.
    func header(token: String, lifetimeSeconds: Int64, isSecure: Bool) -> HTTPResponse.Header {
        Self.header(name(isSecure: isSecure), token, lifetimeSeconds, isSecure)
    }

    /// The headers that take it away again, by whatever name it came.
    func removals(from cookies: String, isSecure: Bool) -> [HTTPResponse.Header] {
        let own = name(isSecure: isSecure)
        return [Self.header(own, "", 0, isSecure)]
            + names.filter { $0 != own && cookies.contains($0 + "=") }
            .map { Self.header($0, "", 0, isSecure) }
    }

    private static func header(
        _ name: String, _ token: String, _ lifetimeSeconds: Int64, _ isSecure: Bool
    ) -> HTTPResponse.Header {
        let secure = isSecure ? "; Secure" : ""
        return HTTPResponse.Header(
            "Set-Cookie",
            "\(name)=\(token); Path=/; HttpOnly; SameSite=Lax; Max-Age=\(lifetimeSeconds)\(secure)")
    }
}

extension OriginPolicy {
    /// Whether the request comes from a page that may.
    func allows(_ request: HTTPRequest) -> Bool {
        guard !request.origin.isEmpty else {
            // Not a browser, or an old one; a new one says where it comes from in any case.
            return ["", "same-origin", "none"].contains(where: request.fetchSite.isExactly)
        }
        return allows(request.origin, host: request.host, isSecure: request.isSecure)
    }
}
