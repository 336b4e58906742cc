// SPDX-License-Identifier: Apache-2.0

/// The cookie that holds a session's token.
public enum SessionCookie {
    /// Its name.
    public static let name = "halls_session"
    // A browser has one, and another where a site with a longer name left one behind; a client with more tries its luck.
    // Each costs a look into the database.
    private static let tokensMax = 4
    private static let headerBytesMax = 16_384

    /// The tokens in a `Cookie` header (RFC 6265 §4.2.1), in their order; what cannot be a token is passed over.
    public static func tokens(in header: String) -> [String] {
        guard (1...headerBytesMax).contains(header.utf8.count) else { return [] }
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
