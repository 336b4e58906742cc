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
