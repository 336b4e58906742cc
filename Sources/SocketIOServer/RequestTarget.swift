// SPDX-License-Identifier: Apache-2.0

/// The path and the query of a request.
struct RequestTarget {
    let path: Substring
    private let query: Substring.UTF8View

    init(_ uri: String) {
        let mark = uri.utf8.firstIndex(of: UInt8(ascii: "?")) ?? uri.utf8.endIndex
        path = uri[..<mark]
        query = uri[mark...].dropFirst().utf8
    }

    /// A parameter; of several with the same name the first. What we look for is never percent-encoded, so nothing is
    /// decoded.
    subscript(name: String) -> String? {
        for pair in query.split(separator: UInt8(ascii: "&")) {
            let end = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            guard pair[..<end].elementsEqual(name.utf8) else { continue }
            return String(Substring(pair[end...].dropFirst()))
        }
        return nil
    }
}

/// A web origin (RFC 6454): what a browser says of the page that asks.
struct Origin {
    /// The longest that is looked at: a host has 253 bytes at most (RFC 1035 §2.3.4), and a scheme and a port come to it.
    static let bytesMax = 300

    let scheme: Substring
    let authority: Substring

    /// Reads `http://host[:port]` or `https://…` in lower case; `nil` for anything else, `null` among it.
    init?(_ text: String) {
        guard let separator = text.firstRange(of: "://") else { return nil }
        scheme = text[..<separator.lowerBound]
        authority = text[separator.upperBound...]
        guard scheme == "http" || scheme == "https", !authority.isEmpty, !authority.contains("/")
        else { return nil }
    }

    /// Whether a request to that `Host` came from this origin.
    ///
    /// A proxy further out may have ended TLS unbeknownst to ours, so `https` is believed of a request that seems plain;
    /// a plain page never speaks for a secure one.
    ///
    /// - Parameter isSecure: whether the proxy tells that the request came by `https`.
    func isSame(asHost host: String, isSecure: Bool) -> Bool {
        if isSecure, scheme != "https" { return false }
        return Self.withoutDefaultPort(authority, scheme)
            == Self.withoutDefaultPort(host[...], scheme)
    }

    private static func withoutDefaultPort(
        _ authority: Substring, _ scheme: Substring
    ) -> Substring {
        let port = scheme == "https" ? ":443" : ":80"
        return authority.hasSuffix(port) ? authority.dropLast(port.count) : authority
    }
}
