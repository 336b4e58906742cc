// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ChatModels
import ChatOptions
import CompactJSON

/// `chat-admin sessions`
struct SessionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions", abstract: "List and end sessions.",
        subcommands: [List.self, Revoke.self])

    /// `chat-admin sessions list [USER]`
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the sessions that have not ended, of one user or of all.")

        @OptionGroup var options: AdminOptions
        @OptionGroup var format: ListOptions

        @Argument(help: "The username.")
        var user: String?

        func run() throws {
            let database = try options.open()
            let userID = try user.map { try database.account(named: $0).user.id }
            var table = Table(columns: ["ID", "USER_ID", "USERNAME", "CREATED_AT", "EXPIRES_AT"])
            table.rows = try database.sessions(of: userID).map { summary in
                [
                    .integer(summary.session.id), .integer(summary.session.user.id),
                    .string(summary.session.user.username), .string(summary.createdAt),
                    .string(summary.session.expiresAt.iso8601),
                ]
            }
            table.print(asJSON: format.json)
        }
    }

    /// `chat-admin sessions revoke ID` or `--user NAME`
    struct Revoke: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End a session, or all of a user; open sockets close within a second.")

        @OptionGroup var options: AdminOptions
        // It comes from the daemons' environment file.
        @OptionGroup(visibility: .hidden) var login: LoginOptions

        @Option(help: "End all sessions of this user.")
        var user: String?

        @Argument(help: "The session's id.")
        var id: Int64?

        func validate() throws {
            guard (user == nil) != (id == nil) else {
                throw ValidationError("Name either a session's id or --user.")
            }
        }

        func run() throws {
            let ended = try options.write { database in
                if let id {
                    try database.endSession(id, by: .operator)
                    return 1
                }
                let account = try database.account(named: user ?? "")
                let ended = try database.endSessions(
                    of: account.user.id, by: .operator)
                // Sessions from before the site had its own login are of no use to anybody, but they are over.
                if ended == 0, login.auth == .site || !account.hasPassword {
                    throw siteDecides(account.user.username)
                }
                return ended
            }
            print("Ended \(ended) \(ended == 1 ? "session" : "sessions").")
        }

        private func siteDecides(_ username: String) -> ChatError {
            ChatError(
                .notFound,
                """
                \(username) has no session here: the site's own login says who it is. End it there; 'chat-admin users \
                disable \(username)' shuts \(username) out of the chat.
                """)
        }
    }
}

/// How it is decided who is who, as the daemons have it.
struct LoginOptions: ParsableArguments {
    @Option(help: "Who says who a user is: \"accounts\" or \"site\".")
    var auth = AuthMode.accounts
}
