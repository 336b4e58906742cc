// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Where a page comes from (RFC 6454): scheme and authority, in lower case, without a port that goes without saying.
public struct Origin: Sendable, Hashable {
    /// `http` or `https`.
    public let scheme: String
    /// The host, and a port that does not go without saying.
    public let authority: String

    /// A name in DNS has 253 bytes; around it stand `https://` and `:65535`.
    public static let bytesMax = 267

    /// - Returns: `nil` for what is not `http://…` or `https://…` with nothing behind the authority, or too long for it.
    public init?(_ text: String) {
        guard text.utf8.count <= Self.bytesMax else { return nil }
        let text = text.lowercased()
        for scheme in ["https", "http"] where text.hasPrefix(scheme + "://") {
            self.init(scheme: scheme, authority: String(text.dropFirst(scheme.count + 3)))
            guard !authority.isEmpty,
                authority.utf8.allSatisfy({ 0x21...0x7E ~= $0 && !"/?#@\\".utf8.contains($0) })
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

    /// Whether a request to that `Host` came from this origin.
    ///
    /// A proxy further out may have ended TLS unbeknownst to ours, so `https` is believed of a request that seems plain;
    /// a plain page never speaks for a secure one.
    ///
    /// - Parameter isSecure: whether the front end tells that the request came by `https`.
    public func isSame(asHost host: String, isSecure: Bool) -> Bool {
        self == Origin("\(scheme)://\(host)") && (scheme == "https" || !isSecure)
    }
}

/// Which pages may make a browser change something here: those of the site itself, and those that the operator names.
/// The session cookie alone proves nothing: a browser sends it along with what any page makes it send.
public final class OriginPolicy: Sendable {
    private let others: Set<Origin>
    /// The refused ones that were reported: each is worth a line in the log, a flood of them is not.
    private let reported = Mutex<Set<String>>([])
    private static let reportedMax = 100

    /// - Parameter others: the origins that may, beside the site's own.
    public init(others: Set<Origin> = []) {
        self.others = others
    }

    /// Whether a page may.
    ///
    /// - Parameters:
    ///   - origin: what the browser says; `null`, what a sandbox sends, is no origin and refused.
    ///   - host: whom it asked for.
    ///   - isSecure: whether the front end tells that the request came by `https`.
    public func allows(_ origin: String, host: String, isSecure: Bool) -> Bool {
        guard let origin = Origin(origin) else { return false }
        return others.contains(origin) || origin.isSame(asHost: host, isSecure: isSecure)
    }

    /// Whether a page is one of those that the operator named.
    public func allows(foreign origin: String) -> Bool {
        !others.isEmpty && Origin(origin).map(others.contains) ?? false
    }

    /// Notes that a page was refused.
    ///
    /// - Returns: what the log is to say of it, with the host, which shows whether a proxy changes that; `nil` if it was
    ///   said before, or enough was.
    public func firstRefusal(of origin: String, host: String) -> (origin: String, host: String)? {
        let origin = origin.forLog
        let isNews = reported.withLock {
            $0.count < Self.reportedMax && $0.insert(origin).inserted
        }
        return isNews ? (origin, host.forLog) : nil
    }
}

extension String {
    /// The beginning of a text that a client sent, fit for a line of a log: what a terminal would obey, or a reader take for
    /// another line, stands there escaped.
    public var forLog: String {
        var text = ""
        for scalar in unicodeScalars.prefix(200) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
                text += "\\u{" + String(scalar.value, radix: 16) + "}"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
