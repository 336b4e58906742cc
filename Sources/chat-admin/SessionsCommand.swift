// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ChatModels
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
                    try database.endSession(id)
                    return 1
                }
                let userID = try database.account(named: user ?? "").user.id
                return try database.endSessions(of: userID)
            }
            print("Ended \(ended) \(ended == 1 ? "session" : "sessions").")
        }
    }
}
