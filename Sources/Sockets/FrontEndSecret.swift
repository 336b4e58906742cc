// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// What the web server in front says to show that it is the site's own: who does not say it may say nothing of who a
/// client is and where it comes from.
public struct FrontEndSecret: Sendable {
    /// Why a file holds no secret.
    public enum ReadError: Error, CustomStringConvertible {
        /// It cannot be read.
        case unreadable(SystemError)
        /// What it holds is none.
        case malformed(path: String)

        /// The sentence for the operator.
        public var description: String {
            switch self {
            case .unreadable(let error): "\(error)."
            case .malformed(let path):
                "\(path) does not hold a secret: a line of 32 to 128 letters and digits, - and _."
            }
        }
    }

    /// The word for "there is none", so that a file can be there in any case.
    private static let none = "none"

    private let bytes: [UInt8]

    /// - Parameter text: 32 to 128 letters and digits, `-` and `_`: what every front end can say without quotes.
    public init?(_ text: some StringProtocol) {
        bytes = Array(text.utf8)
        guard 32...128 ~= bytes.count, bytes.allSatisfy(Self.isAllowed) else { return nil }
    }

    /// For the configuration of a front end.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Reads the secret in a file.
    ///
    /// - Returns: `nil` if the file says that there is none.
    public static func read(_ path: String) throws(ReadError) -> FrontEndSecret? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .unreadable(SystemError(number: errno, path: path))
        }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
        guard count >= 0 else {
            throw .unreadable(SystemError(number: errno, path: path))
        }
        var text = String(decoding: buffer.prefix(count), as: UTF8.self)[...]
        while let last = text.last, last.isWhitespace { text.removeLast() }
        if text == Self.none { return nil }
        guard let secret = FrontEndSecret(text) else { throw .malformed(path: path) }
        return secret
    }

    /// Whether that is it. How long this takes does not tell how much of it was right.
    public func matches(_ text: String) -> Bool {
        let other = Array(text.utf8.prefix(129))
        guard other.count == bytes.count else { return false }
        return zip(bytes, other).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

/// Whom a daemon believes what it says of a client: its address, and who it is.
public final class FrontEndPolicy: Sendable {
    private let secret: FrontEndSecret?
    private let wasReported = Atomic(false)

    /// - Parameter secret: what the front end says; without one everybody who can connect is believed.
    public init(secret: FrontEndSecret? = nil) {
        self.secret = secret
    }

    /// What the operator is told where there is none.
    public static let warning =
        "There is no front end's secret: whoever reaches the daemons' sockets may say who a client is (docs/operating.md, Secret)."

    /// Whether there is a secret: without one a site is as safe as the sockets' permissions.
    public var isSafe: Bool { secret != nil }

    /// Whether to believe who says this.
    public func believes(_ said: String?) -> Bool {
        guard let secret else { return true }
        return said.map(secret.matches) ?? false
    }

    /// Notes that somebody was not believed.
    ///
    /// - Returns: whether the log is to say so: once is enough, the counters have the rest.
    public func isFirstRefusal() -> Bool { !wasReported.exchange(true, ordering: .relaxed) }
}
