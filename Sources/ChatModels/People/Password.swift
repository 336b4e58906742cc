// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import Foundation

/// A password as somebody types it, and as it is compared: keyboards write the same letters and blanks differently, and
/// nobody sees which way. RFC 8265's OpaqueString: every blank is U+0020, the letters are in normal form C; case, width
/// and everything else stay. What is refused is what RFC 8264 calls controls; signs that show nothing are part of many
/// an emoji and stay allowed.
enum Password {
    /// The form in which a password is hashed.
    ///
    /// - Throws: ``ChatError``: `invalid_password` for what cannot be one.
    static func prepared(_ text: String, bytesMax: Int) throws(ChatError) -> String {
        let tooLong = ChatError(
            .invalidPassword, "A password has at most \(bytesMax) bytes.", limit: bytesMax)
        // Normal form C has a third of the bytes at best. More than that is not worth bringing its marks into order.
        guard text.utf8.count <= 3 * bytesMax else { throw tooLong }
        var spaced = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control:
                throw ChatError(.invalidPassword, "A password has no control characters.")
            case .spaceSeparator: spaced.append(" ")
            default: spaced.append(scalar)
            }
        }
        let form = String(spaced).precomposedStringWithCanonicalMapping
        guard form.utf8.count <= bytesMax else { throw tooLong }
        return form
    }

    /// What the hash of an account may be of, the likeliest first: accounts from before passwords had one form keep what
    /// was typed then.
    static func candidates(_ text: String, bytesMax: Int) -> [String] {
        let form = try? prepared(text, bytesMax: bytesMax)
        guard text.utf8.count <= bytesMax, form?.isExactly(text) != true else {
            return form.map { [$0] } ?? []
        }
        return [form, text].compactMap(\.self)
    }
}
