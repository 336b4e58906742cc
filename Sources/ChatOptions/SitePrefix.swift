// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser

/// The folder of the host in which the whole chat lies, such as `/community`; empty at the host's root.
///
/// It has what may stand in a path as it is (RFC 3986, section 2.3: unreserved characters), so that it means the same in an
/// address, in the configuration of a web server and in a pattern there once its points are escaped.
public struct SitePrefix: ExpressibleByArgument, Equatable, Sendable {
    /// Without a slash at its end.
    public let path: String

    /// The root of the host.
    public init() {
        path = ""
    }

    /// `nil` for what is neither empty nor a path of plain segments; a slash at its end counts for nothing.
    public init?(argument: String) {
        let path = argument.last == "/" ? argument.dropLast() : argument[...]
        guard path.utf8.count <= 200 else { return nil }
        let segments = path.split(separator: "/", omittingEmptySubsequences: false)
        guard path.isEmpty || (path.first == "/" && segments.dropFirst().allSatisfy(Self.isPlain))
        else { return nil }
        self.path = String(path)
    }

    /// What `--help` says of the root.
    public var defaultValueDescription: String { "none" }

    private static func isPlain(_ segment: Substring) -> Bool {
        !segment.isEmpty && segment != "." && segment != ".."
            && segment.unicodeScalars.allSatisfy {
                $0.isASCII
                    && ($0.properties.isAlphabetic || ("0"..."9").contains($0)
                        || "-._~".unicodeScalars.contains($0))
            }
    }
}

/// Where in the host the chat lies.
public struct PrefixOptions: ParsableArguments {
    /// The folder of the host.
    @Option(
        help: """
            The folder of the host in which all of the chat lies, such as /community: page, files, REST and Socket.IO. What \
            the web server forwards still begins with it.
            """)
    public var prefix = SitePrefix()

    /// Every flag at its default.
    public init() {}
}
