// SPDX-License-Identifier: Apache-2.0

/// The cookie that holds a session's token.
enum SessionCookie {
    /// The token in a `Cookie` header (RFC 6265 §4.2); `nil` if there is none.
    static func token(_ header: String) -> String? {
        for pair in header.split(separator: ";") {
            let pair = pair.drop { $0 == " " }
            guard let equals = pair.firstIndex(of: "="), pair[..<equals] == "halls_session" else {
                continue
            }
            return String(pair[pair.index(after: equals)...])
        }
        return nil
    }
}
