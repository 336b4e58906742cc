// SPDX-License-Identifier: Apache-2.0

public import CompactJSON
import Foundation

/// A person, or a program that speaks like one. Everything but the number may change.
public struct User: Sendable, Hashable {
    /// The number by which everything refers to the user.
    public var id: Int64
    /// The handle: for signing in and for `@mentions`.
    public var username: String
    /// What is shown; the username where the user has no other name.
    public var name: String
    /// What is shown beside the name, as ``Profile/picture`` has it; `nil` where nothing was chosen.
    public var picture: String?
    /// Grows with each change of what is shown: of two copies the one with the larger number is the newer.
    public var version: Int64

    /// Makes a user of its parts.
    ///
    /// - Parameter name: what is shown; `nil` for the username.
    public init(
        id: Int64, username: String, name: String? = nil, picture: String? = nil, version: Int64 = 0
    ) {
        self.id = id
        self.username = username
        self.name = name ?? username
        self.picture = picture
        self.version = version
    }

    /// The user as docs/protocol.md shows one.
    public func write(to json: inout JSONWriter) {
        json.raw("{")
        writeMembers(to: &json)
        json.raw("}")
    }

    /// What an object has that shows a user, without its braces.
    func writeMembers(to json: inout JSONWriter) {
        json.raw("\"id\":")
        json.integer(id)
        json.raw(",\"username\":")
        json.string(username)
        json.raw(",\"name\":")
        json.string(name)
        if let picture {
            json.raw(",\"picture\":")
            json.string(picture)
        }
        json.raw(",\"version\":")
        json.integer(version)
    }
}

/// A user with the halls in which others see the user: those that the user is or was in.
public struct UserSnapshot: Sendable, Equatable {
    /// The user.
    public var user: User
    /// The halls, by id.
    public var hallIDs: [Int64]
}

/// A user as the operator sees one.
public struct Account: Sendable, Equatable {
    /// The user.
    public var user: User
    /// The site's own id for the user, which never changes; `nil` for one whom the site does not know.
    public var externalID: String?
    /// Whether the user has a password here; one who came by the site's own login has none.
    public var hasPassword: Bool
    /// Whether the operator shut the user out.
    public var isDisabled: Bool
    /// When the user was made.
    public var createdAt: String
}

/// The rules for names: what is allowed, and when two are the same.
enum Names {
    /// A username in its normal form: letters, marks and digits of any script, and `. _ - @ + '`.
    static func username(_ text: String, lengthMax: Int) throws -> String {
        let name = mayBeName(text, lengthMax) ? text.precomposedStringWithCanonicalMapping : ""
        let isAllowed = name.unicodeScalars.allSatisfy { scalar in
            // Some letters, such as the Hangul fillers, show nothing.
            guard scalar.isVisible else { return false }
            return scalar.properties.isAlphabetic || CharacterSet.nonBaseCharacters.contains(scalar)
                || CharacterSet.decimalDigits.contains(scalar)
                || "._-@+'".unicodeScalars.contains(scalar)
        }
        // A mark at the beginning would sit on whatever stands before the name.
        guard (1...lengthMax).contains(name.unicodeScalars.count), isAllowed,
            let first = name.unicodeScalars.first, !CharacterSet.nonBaseCharacters.contains(first)
        else {
            throw ChatError(
                .invalidUsername,
                "A username has 1 to \(lengthMax) letters, digits or the signs . _ - @ + '.",
                limit: lengthMax)
        }
        return name
    }

    /// The name of a hall in its normal form: one line, no control characters, no space at its ends, something to see.
    static func hall(_ text: String, lengthMax: Int) throws -> String {
        let name =
            mayBeName(text, lengthMax)
            ? text.precomposedStringWithCanonicalMapping
                .trimmingCharacters(in: .whitespacesAndNewlines) : ""
        let isAllowed = name.unicodeScalars.allSatisfy { scalar in
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse: false
            // Signs that turn the direction of what follows would reach into the page around the name.
            case .format: scalar == "\u{200D}" || scalar == "\u{200C}"
            default: true
            }
        }
        guard (1...lengthMax).contains(name.unicodeScalars.count), isAllowed,
            name.unicodeScalars.contains(where: \.isVisible)
        else {
            throw ChatError(
                .invalidHallName, "A hall's name has 1 to \(lengthMax) characters, in one line.",
                limit: lengthMax)
        }
        return name
    }

    /// The key of what somebody says is a name; `nil` for what is too long to be one.
    static func key(of text: String, lengthMax: Int) -> String? {
        mayBeName(text, lengthMax) ? key(text) : nil
    }

    /// Whether a text has no more bytes than the longest name may be spelled with. Asked before anything else: to put the
    /// marks on a letter into their order takes the square of their number, seconds for what one request may carry.
    static func mayBeName(_ text: String, _ lengthMax: Int) -> Bool {
        // A code point of a normal form is spelled with nine bytes at most, such as 한 with three jamo; spaces at the ends
        // of a hall's name have the rest.
        text.utf8.count <= 12 * lengthMax
    }

    /// What two names have in common that people take for the same: case and width do not count.
    static func key(_ name: String) -> String {
        // Up and down again, since some letters meet only above: ß and SS, σ and ς.
        name.precomposedStringWithCompatibilityMapping.uppercased().lowercased()
            .precomposedStringWithCompatibilityMapping
    }
}

extension Unicode.Scalar {
    /// Whether it shows something, alone or on the letter before it.
    var isVisible: Bool {
        // U+2800 is the Braille pattern without a dot.
        !properties.isWhitespace && !properties.isDefaultIgnorableCodePoint && self != "\u{2800}"
    }
}
