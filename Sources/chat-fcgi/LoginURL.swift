// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// Where a site with its own login signs people in: a path on the site, or an https address. It becomes a link in the page,
/// so nothing else will do, `javascript:` least of all.
struct LoginURL: ExpressibleByArgument, Sendable {
    /// As the operator wrote it.
    let text: String

    init?(argument: String) {
        // What a browser would take for something else: space, control characters, the backslash, quotes.
        let isPlain = argument.utf8.allSatisfy {
            (0x21...0x7E).contains($0) && !"\"'<>\\^`{|}".utf8.contains($0)
        }
        guard isPlain, argument.utf8.count <= 2_000 else { return nil }
        // Two slashes begin the name of another host.
        let isPath = argument.hasPrefix("/") && !argument.hasPrefix("//")
        guard isPath || Self.isHTTPS(argument) else { return nil }
        text = argument
    }

    private static func isHTTPS(_ text: String) -> Bool {
        let scheme = "https://"
        guard text.lowercased().hasPrefix(scheme) else { return false }
        let host = text.dropFirst(scheme.count).prefix { !"/?#".contains($0) }
        return !host.isEmpty && !host.hasPrefix(":") && !host.contains("@")
    }
}
