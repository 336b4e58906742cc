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
    /// The names under which it may come, the one that counts most first.
    public let names: [String]
    // As they stand in a header: with their equals signs.
    private let keys: [[UInt8]]

    /// Makes the cookie of that name; ``isName(_:)`` says which are allowed.
    public init(name: String = formerName) {
        self.name = name
        names = [Self.hostPrefix + name, name] + (name == Self.formerName ? [] : [Self.formerName])
        keys = names.map { Array("\($0)=".utf8) }
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

    /// The tokens in a `Cookie` header (RFC 6265 §4.2.1): those of the name that counts most, in their order; what cannot
    /// be a token is passed over.
    public func tokens(in header: String) -> [String] {
        guard (1...Self.headerBytesMax).contains(header.utf8.count) else { return [] }
        // Each request comes here. Bytes in an array are looked through several times as fast as those in a string.
        let header = Array(header.utf8)
        for key in keys {
            var tokens: [String] = []
            var rest = header[...]
            while !rest.isEmpty, tokens.count < Self.tokensMax {
                let pair = rest.prefix { $0 != UInt8(ascii: ";") }
                rest = rest[pair.endIndex...].dropFirst()
                let value = pair.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
                guard value.starts(with: key) else { continue }
                let text = String(decoding: value.dropFirst(key.count), as: UTF8.self)
                if let token = SessionToken(text: text) { tokens.append(token.text) }
            }
            if !tokens.isEmpty { return tokens }
        }
        return []
    }
}
