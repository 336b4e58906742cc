// SPDX-License-Identifier: Apache-2.0

/// The cookie that holds a session's token. Its name is one of the instance: a browser sends cookies to all ports of a
/// host, and two chats there would take each other's away.
public struct SessionCookie: Sendable, Equatable {
    /// The name that all instances had; sessions of that time go on.
    public static let formerName = "halls_session"
    /// A browser takes a cookie of such a name by HTTPS alone, from the host itself and for all of it, so that no
    /// neighbour under the same domain can plant one (RFC 6265bis §4.1.3.2).
    private static let hostPrefix = "__Host-"
    // A browser has one, and another where a site with a longer name left one behind; a client with more tries its luck.
    // Each costs a look into the database.
    private static let tokensMax = 4
    private static let headerBytesMax = 16_384

    /// Its name, without the prefix that it has over HTTPS.
    public let name: String

    /// Makes the cookie of that name; ``isName(_:)`` says which are allowed.
    public init(name: String = formerName) {
        self.name = name
    }

    /// The cookie of the chat in that database, unless the operator names it.
    public init(of storage: any ChatStorage) {
        self.init(name: "halls_" + storage.instance)
    }

    /// Whether a cookie may have that name: letters, digits, `_` and `-`, and no prefix that means something to browsers.
    public static func isName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count) && !name.hasPrefix("__")
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// The name under which a client is given it.
    public func name(isSecure: Bool) -> String {
        isSecure ? Self.hostPrefix + name : name
    }

    /// The names under which it may come, the one that counts most first.
    public var names: [String] {
        [name(isSecure: true), name] + (name == Self.formerName ? [] : [Self.formerName])
    }

    /// The tokens in a `Cookie` header (RFC 6265 §4.2.1): those of the name that counts most, in their order; what cannot
    /// be a token is passed over.
    public func tokens(in header: String) -> [String] {
        guard (1...Self.headerBytesMax).contains(header.utf8.count) else { return [] }
        for name in names {
            let tokens = Self.tokens(named: name, in: header)
            if !tokens.isEmpty { return tokens }
        }
        return []
    }

    private static func tokens(named name: String, in header: String) -> [String] {
        var tokens: [String] = []
        for pair in header.utf8.split(separator: UInt8(ascii: ";")) {
            let pair = pair.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            guard pair.starts(with: name.utf8),
                pair.dropFirst(name.utf8.count).first == UInt8(ascii: "="),
                let token = SessionToken(
                    text: String(Substring(pair.dropFirst(name.utf8.count + 1))))
            else { continue }
            tokens.append(token.text)
            if tokens.count == tokensMax { break }
        }
        return tokens
    }
}
