// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ChatModels
import ChatOptions
import Foundation

/// The operator's command line. Each command opens the database by itself, so it works while the daemons run, and
/// wakes chat-push after it has written.
@main
struct ChatAdmin: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat-admin",
        abstract: "Looks after a chat: its database, users, halls and sessions.",
        discussion: """
            The database is named by --database or by HALLS_DATABASE. Every command works while the daemons run. It \
            exits with 0, with 1 and a sentence when it cannot be done, and with 64 when it was not understood.
            """,
        version: Release.version,
        subcommands: [
            MigrateCommand.self, CheckCommand.self, BackupCommand.self, UsersCommand.self,
            HallsCommand.self, MembersCommand.self, MessagesCommand.self, SessionsCommand.self,
            SiteCommand.self,
        ])

    static func main() {
        // What is made holds password hashes and private halls: nothing for everybody's eyes.
        umask(0o007)
        var command = parseCommandWithEnvironment(for: [
            DatabaseOptions.self, LimitOptions.self, LoginOptions.self, PrefixOptions.self,
            FrontEndSecretOptions.self,
        ])
        do {
            try command.run()
        } catch {
            guard let sentence = sentence(for: error) else { exit(withError: error) }
            complain(sentence)
            exit(withError: ExitCode.failure)
        }
    }

    /// Writes a line to standard error.
    static func complain(_ line: String) {
        FileHandle.standardError.write(Data("chat-admin: \(line)\n".utf8))
    }

    /// What went wrong, in words; `nil` for what ArgumentParser says better, such as the help.
    private static func sentence(for error: any Error) -> String? {
        switch error {
        case let error as ChatError: error.message
        case let error as ChatDatabase.OpenError: error.description
        default: ChatDatabase.sentence(for: error)
        }
    }
}

/// What every command needs to reach the chat.
struct AdminOptions: ParsableArguments {
    @OptionGroup var database: DatabaseOptions
    // They come from the daemons' environment file; here they are nothing to read about.
    @OptionGroup(visibility: .hidden) var limits: LimitOptions

    /// The database's file.
    var path: String { database.database }

    /// Opens the database as it is, or makes or migrates it.
    func open(_ schema: ChatDatabase.Schema = .require) throws -> ChatDatabase {
        try ChatDatabase(path: path, schema: schema, limits: limits.limits)
    }

    /// Opens the database, writes, and wakes chat-push.
    func write<Value>(_ body: (ChatDatabase) throws -> Value) throws -> Value {
        let value = try body(open())
        database.wake.wake()
        return value
    }
}
