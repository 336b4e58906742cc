// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ChatModels
import ChatOptions
import Glibc
import Sockets

/// The flags that only chat-fcgi has.
struct ServerOptions: ParsableArguments {
    /// Whether anybody may make an account.
    enum Registration: String, ExpressibleByArgument, CaseIterable {
        case open, closed
    }

    /// The permissions of a file, as chmod has them.
    struct FileMode: ExpressibleByArgument {
        var bits: mode_t

        init(bits: mode_t) {
            self.bits = bits
        }

        init?(argument: String) {
            guard let bits = mode_t(argument, radix: 8), bits <= 0o777 else { return nil }
            self.bits = bits
        }

        var defaultValueDescription: String { "0" + String(bits, radix: 8) }
    }

    @Option(help: "Where to listen: PATH of a unix socket, or HOST:PORT.")
    var listen: String?

    @Option(help: "Who may connect to the unix socket of --listen, in octal.")
    var socketMode = FileMode(bits: 0o660)

    // Not `metrics`, which is chat-push's: both read the same variables, and cannot listen at one place.
    @Option(
        help: """
            Where GET /metrics and GET /health are answered: PATH of a unix socket, or HOST:PORT. It is not for the public.
            """)
    var fcgiMetrics: String?

    @Option(
        help: """
            The path under which the web server forwards requests; chat below --prefix if not given.
            """)
    var basePath: String?

    @Option(help: "How many requests are answered at the same time.")
    var threads = FastCGIServer.Configuration().threads

    @Option(help: "How many connections web servers may keep open.")
    var fastcgiConnectionsMax = FastCGIServer.Configuration().connectionsMax

    @Option(help: "How long a web server may leave a request half sent, in seconds.")
    var fastcgiTimeout = FastCGIServer.Configuration().timeoutSeconds

    @Option(help: "The largest body of a request, in bytes.")
    var bodyBytesMax = FastCGIServer.Configuration().bodyBytesMax

    @Option(help: "Whether anybody may make an account: \"open\" or \"closed\".")
    var registration = Registration.open

    @Option(
        help: """
            Where the site signs people in, with --auth site: a path on the site, such as /login, or an https address. \
            The page offers it.
            """)
    var loginURL: LoginURL?

    @Option(help: "Messages that one user may send in a second; twice as many at once.")
    var sendsPerSecond = Limits.sendsPerSecond

    @Option(
        help: "Requests that read which one user may make in a second; ten times as many at once.")
    var readsPerSecond = 100

    @Option(
        help: """
            Halls that one user may make, join or leave in a second; ten times as many at once.
            """)
    var hallChangesPerSecond = 5

    @Option(
        help: """
            Times in a second that one user may say how far a hall is read; ten times as many at once.
            """)
    var marksPerSecond = Limits.marksPerSecond

    func validate() throws {
        try requireRange("--threads", threads, 1...256)
        try requireRange("--fastcgi-connections-max", fastcgiConnectionsMax, 1...65_536)
        try requireRange("--fastcgi-timeout", fastcgiTimeout, 1...600)
        try requireRange("--body-bytes-max", bodyBytesMax, 1_024...16_777_216)
        try requireRange("--sends-per-second", sendsPerSecond, 1...10_000_000)
        try requireRange("--reads-per-second", readsPerSecond, 1...10_000_000)
        try requireRange("--hall-changes-per-second", hallChangesPerSecond, 1...10_000_000)
        try requireRange("--marks-per-second", marksPerSecond, 1...10_000_000)
        guard fcgiMetrics.map({ ListenAddress($0) != nil }) ?? true else {
            throw ValidationError("--fcgi-metrics takes a path or HOST:PORT.")
        }
        guard basePath.map({ $0.hasPrefix("/") && ($0 == "/" || !$0.hasSuffix("/")) }) ?? true
        else {
            throw ValidationError("--base-path begins with a slash and does not end in one.")
        }
    }

    /// The base path without its slashes.
    func basePathSegments(below prefix: SitePrefix) -> [String] {
        (basePath ?? prefix.path + "/chat").split(separator: "/").map(String.init)
    }

    /// How the server is cut.
    var configuration: FastCGIServer.Configuration {
        FastCGIServer.Configuration(
            threads: threads, connectionsMax: fastcgiConnectionsMax,
            timeoutSeconds: fastcgiTimeout,
            bodyBytesMax: bodyBytesMax)
    }
}
