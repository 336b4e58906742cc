// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import Foundation

extension Names {
    /// What a person's name looks like: two that share one of these are hardly told apart. Marks at the ends count for
    /// nothing: `ana.` and `@ana` pass for `ana`.
    static func looks(ofUser name: String) -> Set<String> {
        looks(name) { skeleton in
            let signs = "._-@+'".unicodeScalars
            let rest = skeleton.drop(while: signs.contains)
            let end = rest.lastIndex { !signs.contains($0) }
            return end.map { rest[...$0] } ?? skeleton
        }
    }

    /// What a hall's name looks like. Blanks are one, however many and whichever; what shows nothing is not there.
    static func looks(ofHall name: String) -> Set<String> {
        looks(name) { skeleton in
            let words = skeleton.split(whereSeparator: \.properties.isWhitespace).map { word in
                word.filter(\.isVisible)
            }
            return Substring.UnicodeScalarView(
                Substring(words.map { String(String.UnicodeScalarView($0)) }.joined(separator: " "))
                    .unicodeScalars)
        }
    }

    /// Whether a name is a word that the page itself has for somebody, in one of its languages.
    static func isReserved(_ username: String) -> Bool {
        !looks(ofUser: username).isDisjoint(with: reservedLooks)
    }

    /// Who reads "You" beside a message takes it for their own.
    private static let reservedLooks = ["You", "Tú", "Tu", "System", "Sistema", "Halls"]
        .reduce(into: Set()) { $0.formUnion(looks(ofUser: $1)) }

    /// The skeletons of a name as it is shown, and as it is compared: case hides some likenesses and makes others.
    private static func looks(
        _ name: String, _ trimmed: (Substring.UnicodeScalarView) -> Substring.UnicodeScalarView
    ) -> Set<String> {
        let shown = name.precomposedStringWithCompatibilityMapping
        var forms = [shown, key(name)]
        // Where a letter has its mark, an i shows no dot: a Turkish ı passes for í as well as for i.
        if shown.unicodeScalars.contains(dotlessI) {
            forms += accents.map { mark in
                var marked = String.UnicodeScalarView()
                for scalar in shown.unicodeScalars {
                    marked.append(scalar == dotlessI ? "i" : scalar)
                    if scalar == dotlessI { marked.append(mark) }
                }
                return String(marked)
            }
        }
        return Set(
            forms.map { form in
                let skeleton = skeleton(form)
                return String(Substring(trimmed(skeleton.unicodeScalars[...])))
            })
    }

    private static let dotlessI: Unicode.Scalar = "\u{131}"
    private static let accents: [Unicode.Scalar] = ["\u{301}", "\u{300}", "\u{302}", "\u{308}"]

    /// UTS #39, section 4: texts that look the same have the same skeleton.
    private static func skeleton(_ text: String) -> String {
        var prototypes = String.UnicodeScalarView()
        for scalar in text.decomposedStringWithCanonicalMapping.unicodeScalars {
            if let prototype = prototypesByScalar[scalar] {
                prototypes.append(contentsOf: prototype)
            } else {
                prototypes.append(scalar)
            }
        }
        return String(prototypes).decomposedStringWithCanonicalMapping
    }

    private static let prototypesByScalar: [Unicode.Scalar: [Unicode.Scalar]] = {
        var prototypes: [Unicode.Scalar: [Unicode.Scalar]] = [:]
        for entry in Confusables.table.split(whereSeparator: \.isWhitespace) {
            let scalars = entry.split { $0 == "=" || $0 == "," }
                .compactMap { UInt32($0, radix: 16).flatMap(Unicode.Scalar.init) }
            if let source = scalars.first { prototypes[source] = Array(scalars.dropFirst()) }
        }
        return prototypes
    }()
}
