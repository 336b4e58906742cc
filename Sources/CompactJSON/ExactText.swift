// SPDX-License-Identifier: Apache-2.0

extension String {
    /// Whether this is the very same text, byte for byte (RFC 8259 §8.3).
    ///
    /// `==` asks whether two texts mean the same to Unicode, and to tell, puts the marks on a letter into their order. That
    /// takes the square of their number: of half a million, which one message may carry, ten minutes. Hashing does the
    /// same. So neither is for text of any length that comes from outside.
    public func isExactly(_ other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        // Spans take half the time of `utf8.elementsEqual`.
        let (these, those) = (utf8Span.span, other.utf8Span.span)
        for index in these.indices where these[index] != those[index] { return false }
        return true
    }
}
