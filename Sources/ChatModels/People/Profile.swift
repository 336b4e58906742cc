// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What is to be shown of a person from now on. An empty text takes away what there was; `nil` leaves it as it is.
public struct Profile: Sendable, Hashable {
    /// The longest name, in Unicode code points.
    public static let nameLengthMax = 100
    /// The longest address of a picture, in bytes.
    public static let pictureBytesMax = 512

    /// The name.
    public var name: String?
    /// The picture: `hue:` and a number of degrees from 0 to 359, which is the colour of the initials; or the path of a
    /// picture on the site's own origin.
    public var picture: String?

    /// Makes a profile of its parts.
    public init(name: String? = nil, picture: String? = nil) {
        self.name = name
        self.picture = picture
    }

    /// The same in its normal form.
    ///
    /// - Parameter actor: whose wish it is. A path is for the operator alone: whoever looks at a picture asks the site for
    ///   it in their own name, so that a person's own choice of path could be one that signs others out.
    /// - Throws: ``ChatError``: `invalid_name`, `invalid_request`.
    func normalized(by actor: Actor) throws -> Profile {
        Profile(
            name: try name.map { $0.isEmpty ? "" : try Names.shown($0) },
            picture: try picture.map { try Self.picture($0, isFree: actor == .operator) })
    }

    private static func picture(_ text: String, isFree: Bool) throws -> String {
        if text.isEmpty { return "" }
        if let degrees = hue(of: text) { return "hue:\(degrees)" }
        let bytes = text.utf8
        guard isFree, bytes.count <= pictureBytesMax, bytes.first == UInt8(ascii: "/"),
            bytes.dropFirst().first != UInt8(ascii: "/"),
            bytes.allSatisfy({ 0x21...0x7E ~= $0 && $0 != UInt8(ascii: "\\") })
        else {
            throw ChatError(
                .invalidRequest,
                isFree
                    ? "A picture is a path on this site, or hue: and a number from 0 to 359."
                    : "A picture is hue: and a number from 0 to 359.")
        }
        return text
    }

    private static func hue(of text: String) -> Int? {
        guard text.utf8.starts(with: "hue:".utf8), (5...7).contains(text.utf8.count),
            let degrees = Int(text.dropFirst(4)), 0..<360 ~= degrees
        else { return nil }
        return degrees
    }
}

extension Names {
    /// The name that is shown of a person, in its normal form: one line, blanks one by one. What shows nothing, or turns the
    /// direction of what follows, is left out and no reason to refuse it: sites hand over names as they have them.
    static func shown(_ text: String) throws -> String {
        let lengthMax = Profile.nameLengthMax
        let name = mayBeName(text, lengthMax) ? text.precomposedStringWithCanonicalMapping : ""
        var scalars = String.UnicodeScalarView()
        for scalar in name.unicodeScalars {
            if scalar.properties.isWhitespace {
                if let last = scalars.last, last != " " { scalars.append(" ") }
            } else if isShown(scalar) {
                scalars.append(scalar)
            }
        }
        if scalars.last == " " { scalars.removeLast() }
        guard (1...lengthMax).contains(scalars.count), scalars.contains(where: \.isVisible),
            let first = scalars.first, !CharacterSet.nonBaseCharacters.contains(first)
        else {
            throw ChatError(
                .invalidName, "A name has 1 to \(lengthMax) characters, in one line.",
                limit: lengthMax)
        }
        return String(scalars)
    }

    /// Whether a sign may stand in a name that is shown: also those that join others, and make a sign an emoji.
    private static func isShown(_ scalar: Unicode.Scalar) -> Bool {
        if ["\u{200C}", "\u{200D}", "\u{FE0F}"].contains(scalar) { return true }
        switch scalar.properties.generalCategory {
        case .control, .format, .unassigned, .privateUse, .surrogate: return false
        default: return scalar.isVisible
        }
    }
}
