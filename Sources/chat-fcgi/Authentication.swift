// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON
import Synchronization

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
            return Visitor(user: try database.siteUser(named: request.remoteUser))
        }
        return try database.reading(visitorWithSession)
    }

    /// Answers who is signed in, and reads what the answer needs in the same transaction that says who it is.
    func answerUser(
        _ respond: (Call, User, ChatReader) throws -> HTTPResponse
    ) throws -> HTTPResponse {
        // A site's own user may have to be written first.
        let known = site.hasAccounts ? nil : try visitor()
        return try database.reading { reader in
            guard let visitor = try known ?? visitorWithSession(reader) else {
                throw ChatError(.unauthenticated)
            }
            return try respond(self, visitor.user, reader)
        }
    }

    private func visitorWithSession(_ reader: ChatReader) throws -> Visitor? {
        guard site.hasAccounts else { return nil }
        for token in SessionCookie.tokens(in: request.cookie) {
            guard let session = try reader.session(token: token) else { continue }
            return Visitor(user: session.user, sessionID: session.id)
        }
        return nil
    }
}

extension SessionCookie {
    /// The header that gives a client its token.
    static func header(token: String, lifetimeSeconds: Int64, isSecure: Bool) -> HTTPResponse.Header
    {
        let secure = isSecure ? "; Secure" : ""
        return HTTPResponse.Header(
            "Set-Cookie",
            "\(name)=\(token); Path=/; HttpOnly; SameSite=Lax; Max-Age=\(lifetimeSeconds)\(secure)")
    }

    /// The header that takes it away again.
    static func removal(isSecure: Bool) -> HTTPResponse.Header {
        header(token: "", lifetimeSeconds: 0, isSecure: isSecure)
    }
}

/// Which pages may make a browser change something here: those of the site itself, and those that the operator names.
/// The session cookie alone proves nothing: a browser sends it along with what any page makes it send.
final class OriginPolicy: Sendable {
    private let others: Set<Origin>
    /// The refused ones that were reported: each is worth a line in the log, a flood of them is not.
    private let reported = Mutex<Set<String>>([])
    private static let reportedMax = 100

    /// - Parameter others: the origins that may, beside the site's own.
    init(others: some Sequence<Origin> = []) {
        self.others = Set(others)
    }

    /// Whether the request comes from a page that may.
    func allows(_ request: HTTPRequest) -> Bool {
        guard !request.origin.isEmpty else {
            // Not a browser, or an old one; a new one says where it comes from in any case.
            return ["", "same-origin", "none"].contains(where: request.fetchSite.isExactly)
        }
        // "null", what a sandbox sends, is no origin and refused.
        guard let origin = Origin(request.origin) else { return false }
        if others.contains(origin) { return true }
        // A proxy further out may have ended TLS unbeknownst to us, so https is believed of a request that seems
        // plain; a plain page never speaks for a secure one.
        return origin == Origin("\(origin.scheme)://\(request.host)")
            && (origin.scheme == "https" || !request.isSecure)
    }

    /// Whether a refused request is the first of its origin.
    func isNews(_ request: HTTPRequest) -> Bool {
        reported.withLock { reported in
            reported.count < Self.reportedMax
                && reported.insert(request.origin.beginning).inserted
        }
    }
}

/// Where a page comes from (RFC 6454): scheme and authority, in lower case, without a port that goes without saying.
struct Origin: Sendable, Hashable {
    let scheme: String
    let authority: String

    /// A name in DNS has 253 bytes; around it stand `https://` and `:65535`.
    static let bytesMax = 267

    /// - Returns: `nil` for what is not `http://…` or `https://…` with nothing behind the authority, or too long for it.
    init?(_ text: String) {
        guard text.utf8.count <= Self.bytesMax else { return nil }
        let text = text.lowercased()
        for scheme in ["https", "http"] where text.hasPrefix(scheme + "://") {
            self.init(scheme: scheme, authority: String(text.dropFirst(scheme.count + 3)))
            guard !authority.isEmpty, !authority.utf8.contains(where: { "/?#@ ".utf8.contains($0) })
            else { return nil }
            return
        }
        return nil
    }

    private init(scheme: String, authority: String) {
        let port = scheme == "https" ? ":443" : ":80"
        self.scheme = scheme
        self.authority =
            authority.hasSuffix(port) ? String(authority.dropLast(port.count)) : authority
    }
}
