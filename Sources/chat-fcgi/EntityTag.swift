// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// What tells one state of an answer from another (RFC 9110 §8.8.3): the same tag, the same bytes.
struct EntityTag: Sendable, Equatable {
    /// What stands between the quotes.
    let opaque: [UInt8]

    /// A tag whose text the closure writes: letters, digits and signs, neither quotes nor spaces.
    init(_ write: (inout JSONWriter) -> Void) {
        var text = JSONWriter(capacity: 80)
        write(&text)
        opaque = text.bytes
    }

    /// Whether an `If-None-Match` says that the client has this state (RFC 9110 §13.1.2): by `*`, or by a list with
    /// this tag in it. Weak or not is the same there, and nginx makes a tag weak when it compresses. What is malformed
    /// says nothing.
    func isNamed(in header: String) -> Bool {
        var rest = header.utf8[...]
        rest.trimListSeparators()
        if rest.first == UInt8(ascii: "*") {
            rest.removeFirst()
            rest.trimListSeparators()
            return rest.isEmpty
        }
        while let tag = rest.popEntityTag() {
            if tag.elementsEqual(opaque) { return true }
            rest.trimListSeparators()
        }
        return false
    }
}

extension Substring.UTF8View {
    /// Takes away what may stand around the elements of a list (RFC 9110 §5.6.1).
    fileprivate mutating func trimListSeparators() {
        self = drop {
            $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t")
        }
    }

    /// Takes a tag, `"…"` or `W/"…"`, and gives what stands between its quotes; `nil` where none stands.
    fileprivate mutating func popEntityTag() -> Substring.UTF8View? {
        if starts(with: "W/".utf8) { removeFirst(2) }
        guard popFirst() == UInt8(ascii: "\""), let end = firstIndex(of: UInt8(ascii: "\"")) else {
            return nil
        }
        defer { self = self[end...].dropFirst() }
        return self[..<end]
    }
}
