// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import Foundation

/// A person as the site's own login says who that is, in the normal form of each part.
public struct SitePerson: Sendable, Hashable {
    /// The longest id, in bytes.
    public static let idBytesMax = 255

    /// The site's own id: always the same for the same person, and never another's.
    public var id: String
    /// The username that the site wants for the person; `nil` where it says none, and the id is one.
    public var handle: String?
    /// What is to be shown of the person, where the site says so. An empty text of the profile's is never meant here.
    public var profile: Profile

    /// What cannot be shown is left out: nobody is locked out for a name.
    ///
    /// - Parameters:
    ///   - id: any text, where there is a handle; else a username.
    ///   - handle: what the username is made of; empty for none.
    ///   - name: empty for none.
    ///   - picture: empty for none.
    /// - Throws: ``ChatError``: `invalid_username` for an id that is none.
    public init(
        id: String, handle: String = "", name: String = "", picture: String = "", _ limits: Limits
    ) throws {
        if handle.isEmpty {
            self.id = try Names.username(id, lengthMax: limits.usernameLengthMax)
        } else {
            self.id = try Self.id(id)
            self.handle = Names.handle(handle, lengthMax: limits.usernameLengthMax)
        }
        profile = Profile()
        if !name.isEmpty { profile.name = try? Names.shown(name) }
        if !picture.isEmpty {
            profile.picture = try? Profile(picture: picture).normalized(by: .operator).picture
        }
    }

    /// An id in its normal form.
    ///
    /// - Throws: ``ChatError``: `invalid_username`.
    static func id(_ text: String) throws -> String {
        let hasControls = text.unicodeScalars.contains {
            $0.properties.generalCategory == .control
        }
        guard (1...idBytesMax).contains(text.utf8.count), !hasControls else {
            throw ChatError(
                .invalidUsername,
                "The site's id of a person has 1 to \(idBytesMax) bytes and no control characters.",
                limit: idBytesMax)
        }
        return text.precomposedStringWithCanonicalMapping
    }

    /// Whether the site says something else than is kept.
    public func differs(from user: User) -> Bool {
        if let handle, !Names.isHandle(user.username, madeOf: handle) { return true }
        if let name = profile.name, name != user.name { return true }
        return profile.picture != nil && profile.picture != user.picture
    }
}

extension Names {
    /// How much room there is behind a handle for the number that tells it from others.
    private static let numberLengthMax = 6

    /// A username made of what a site calls somebody: what may not stand in one becomes a point.
    static func handle(_ text: String, lengthMax: Int) -> String {
        let start = String(text.unicodeScalars.prefix(4 * lengthMax))
        var scalars = String.UnicodeScalarView()
        for scalar in start.precomposedStringWithCanonicalMapping.unicodeScalars {
            let isAllowed = (try? username("x\(scalar)", lengthMax: lengthMax)) != nil
            if isAllowed {
                scalars.append(scalar)
            } else if let last = scalars.last, last != "." {
                scalars.append(".")
            }
        }
        scalars = String.UnicodeScalarView(scalars.prefix(lengthMax - numberLengthMax))
        while scalars.last == "." { scalars.removeLast() }
        return (try? username(String(scalars), lengthMax: lengthMax)) ?? "person"
    }

    /// A handle, and then the same with numbers behind it, from 2 on.
    static func variants(of handle: String, lengthMax: Int) -> some Sequence<String> {
        let start = String(handle.unicodeScalars.prefix(lengthMax - numberLengthMax))
        return (1...99_999).lazy.map { $0 == 1 ? handle : start + String($0) }
    }

    /// Whether a username is one of a handle's variants.
    static func isHandle(_ username: String, madeOf handle: String) -> Bool {
        username.isExactly(handle)
            || username.hasPrefix(handle)
                && username.dropFirst(handle.count).allSatisfy { $0.isASCII && $0.isNumber }
    }
}
