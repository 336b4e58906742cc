// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
public import ChatModels
public import Logging
public import Sockets

/// Where the chat is kept.
public struct DatabaseOptions: ParsableArguments {
    /// The SQLite file.
    @Option(help: "The SQLite file that holds the chat.")
    public var database: String

    /// The wake-up's path.
    @Option(help: "The unix socket by which writers wake chat-push; at most 107 bytes.")
    public var wakeSocket: String?

    /// Every flag at its default.
    public init() {}

    /// The wake-up between the processes: beside the database unless told otherwise.
    public var wake: WakeSocket {
        WakeSocket(path: wakeSocket ?? database + "-wake")
    }
}

/// The bounds of what is kept; see ``Limits``.
public struct LimitOptions: ParsableArguments {
    @Option(help: "The longest message, in Unicode code points.")
    var messageLengthMax = Limits().messageLengthMax

    @Option(help: "How long one may edit what one has said, in seconds; 0: for ever.")
    var editTime = Limits().editSecondsMax

    @Option(help: "For whom the texts are kept that messages had before their edits.")
    var earlierTexts = EarlierTexts.none

    @Option(help: "The largest page of a history, in messages.")
    var pageSizeMax = Limits().pageSizeMax

    @Option(help: "The page for who asks for no size, in messages.")
    var pageSizeDefault = Limits().pageSizeDefault

    @Option(help: "How many halls one user may be in.")
    var hallsPerUserMax = Limits().hallsPerUserMax

    @Option(help: "How long a session lasts, in seconds.")
    var sessionLifetime = Limits().sessionLifetimeSeconds

    @Option(help: "The shortest password, in characters.")
    var passwordLengthMin = Limits().passwordLengthMin

    @Option(help: "Wrong passwords that one account takes from one address in a login window.")
    var loginsPerAccount = Limits().loginsPerAccountMax

    @Option(help: "Wrong passwords and registrations that one address may try in a login window.")
    var loginsPerAddress = Limits().loginsPerAddressMax

    @Option(help: "The login window, in seconds.")
    var loginWindow = Limits().loginWindowSeconds

    @Option(help: "How many entries the log of changes keeps.")
    var changesKept = Limits().changesKept

    /// Every flag at its default.
    public init() {}

    /// Refuses bounds that make no sense.
    public func validate() throws {
        try requireRange("--message-length-max", messageLengthMax, 1...100_000)
        try requireRange("--edit-time", editTime, 0...10 * 366 * 86_400)
        try requireRange("--page-size-max", pageSizeMax, 1...1_000)
        try requireRange("--page-size-default", pageSizeDefault, 1...pageSizeMax)
        try requireRange("--halls-per-user-max", hallsPerUserMax, 1...100_000)
        try requireRange("--session-lifetime", sessionLifetime, 1...10 * 366 * 86_400)
        try requireRange("--password-length-min", passwordLengthMin, 1...256)
        try requireRange("--logins-per-account", loginsPerAccount, 1...1_000_000)
        try requireRange("--logins-per-address", loginsPerAddress, 1...1_000_000)
        try requireRange("--login-window", loginWindow, 1...86_400)
        try requireRange("--changes-kept", changesKept, 1_000...1_000_000_000)
    }

    /// Refuses a bound on what comes at once if the longest message is larger: four bytes a code point, and what stands
    /// around them.
    public func requireRoomForMessage(_ flag: String, _ bytesMax: Int) throws {
        let bytes = 4 * messageLengthMax + 1_024
        guard bytesMax >= bytes else {
            throw ValidationError(
                "\(flag) must be \(bytes) at least, for messages of \(messageLengthMax) code points."
            )
        }
    }

    /// The bounds.
    public var limits: Limits {
        var limits = Limits()
        limits.messageLengthMax = messageLengthMax
        limits.editSecondsMax = editTime
        limits.keepsEarlierTexts = earlierTexts == .moderators
        limits.pageSizeMax = pageSizeMax
        limits.pageSizeDefault = pageSizeDefault
        limits.hallsPerUserMax = hallsPerUserMax
        limits.sessionLifetimeSeconds = sessionLifetime
        limits.passwordLengthMin = passwordLengthMin
        limits.loginsPerAccountMax = loginsPerAccount
        limits.loginsPerAddressMax = loginsPerAddress
        limits.loginWindowSeconds = loginWindow
        limits.changesKept = changesKept
        return limits
    }
}

/// For whom it is kept what messages said before they were edited.
enum EarlierTexts: String, ExpressibleByArgument, CaseIterable {
    /// For nobody: an edit leaves nothing of the text before.
    case none
    /// For moderators and owners of the hall.
    case moderators
}

/// How it is decided who is who.
public enum AuthMode: String, ExpressibleByArgument, CaseIterable, Sendable {
    /// Built-in accounts and the session cookie.
    case accounts
    /// The site's own login: nginx says who it is.
    case site
}

/// Who is who, and from where.
public struct AccountOptions: ParsableArguments {
    /// How it is decided who is who.
    @Option(
        help: """
            Who says who a user is: "accounts" (built-in accounts, session cookie) or "site" (nginx: REMOTE_USER, \
            X-Remote-User).
            """)
    public var auth = AuthMode.accounts

    /// Origins, separated by commas; see ``allowedOrigins``.
    @Option(
        help: """
            Another origin under which browsers see this site, such as https://www.example.com, where a proxy changes \
            the Host; the one that they name always may. Several are separated by commas.
            """)
    public var origins = ""

    /// The front end's secret; see ``frontEnd()``.
    @Option(
        help: """
            A file with the secret that the front end sends as X-Halls-Secret, or HALLS_SECRET by FastCGI: a line of 32 \
            to 128 letters and digits. Who does not send it is not believed who a client is. Without the file everybody \
            is who can connect.
            """)
    public var secretFile: String?

    @Option(
        help: """
            The name of the cookie that holds a session; one of this chat's own if not given. Over HTTPS it begins with \
            __Host-.
            """)
    var sessionCookie: String?

    /// Every flag at its default.
    public init() {}

    /// The other origins.
    public var allowedOrigins: Set<Origin> {
        Set(originTexts.compactMap { Origin($0) })
    }

    private var originTexts: [String] {
        origins.split(whereSeparator: { $0 == "," || $0 == " " }).map(String.init)
    }

    /// Whom to believe who a client is.
    ///
    /// - Throws: `ValidationError` for a file without a secret.
    public func frontEnd() throws -> FrontEndPolicy {
        do {
            return FrontEndPolicy(secret: try secretFile.flatMap(FrontEndSecret.read))
        } catch {
            throw ValidationError("--secret-file: \(error)")
        }
    }

    /// The cookie that holds a session.
    public func cookie(of database: any ChatStorage) -> SessionCookie {
        sessionCookie.map { SessionCookie(name: $0) } ?? SessionCookie(of: database)
    }

    /// Refuses what is no origin, and a name that a cookie cannot have.
    public func validate() throws {
        for text in originTexts where Origin(text) == nil {
            throw ValidationError(
                "--origins: \"\(text)\" is no origin such as https://www.example.com.")
        }
        if let sessionCookie, !SessionCookie.isName(sessionCookie) {
            throw ValidationError(
                "--session-cookie has 1 to 64 letters, digits, _ and -, and does not begin with __."
            )
        }
    }
}

/// What is logged.
public struct LogOptions: ParsableArguments {
    /// The least that is logged.
    @Option(
        help: "The least that is logged: trace, debug, info, notice, warning, error or critical.")
    public var logLevel = Logger.Level.info

    /// Every flag at its default.
    public init() {}

    /// A logger that writes to standard error.
    public func logger(_ label: String) -> Logger {
        var logger = Logger(label: label) { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = logLevel
        return logger
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}

/// Refuses a flag's value outside a range, with a sentence.
public func requireRange<Value: Comparable>(
    _ flag: String, _ value: Value, _ range: ClosedRange<Value>
) throws {
    guard range.contains(value) else {
        throw ValidationError(
            "\(flag) must lie between \(range.lowerBound) and \(range.upperBound).")
    }
}
