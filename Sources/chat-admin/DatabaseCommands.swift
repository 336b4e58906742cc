// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ChatModels
import ChatOptions
import Glibc
import Sockets

/// `chat-admin migrate`
struct MigrateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Make the database, or bring it up to this version.")

    @OptionGroup var options: AdminOptions

    func run() throws {
        let migrations = try options.open(.migrate).migrationsRun
        for name in migrations { print("Ran migration \"\(name)\".") }
        print("The database at \(options.path) is \(migrations.isEmpty ? "up to date" : "ready").")
    }
}

/// `chat-admin check`
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check the database: version, settings, and whether it is sound.")

    @OptionGroup var options: AdminOptions

    @OptionGroup var login: LoginOptions

    @OptionGroup var secret: FrontEndSecretOptions

    func run() throws {
        let database = try options.open()
        let settings = try database.settings()
        var problems = try database.problems()
        if settings.journalMode != "wal" {
            problems.append("The journal mode is \(settings.journalMode), not wal.")
        }
        if settings.synchronous < 2 {
            problems.append("Synchronous is \(settings.synchronous), not 2 (full).")
        }
        if !settings.foreignKeys {
            problems.append("Foreign keys are not enforced.")
        }
        guard problems.isEmpty else {
            for problem in problems { ChatAdmin.complain(problem) }
            throw ExitCode.failure
        }
        print("The database at \(options.path) is sound.")
        if login.auth == .site {
            let count = try database.accounts().count { $0.externalID == nil && !$0.isDisabled }
            if count > 0 {
                print(
                    """
                    Warning: \(count) \(count == 1 ? "user has" : "users have") no id of the site's, and nobody comes to them \
                    by their names: 'chat-admin users link' says who they are.
                    """)
            }
        }
        if unsafe access(secret.secretFile, F_OK) != 0 {
            print("Warning: \(FrontEndPolicy.warning)")
        }
    }
}

/// `chat-admin backup FILE`
struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Write a consistent, checked copy of the database while the daemons run.")

    @OptionGroup var options: AdminOptions

    @Argument(help: "The new file; one that exists is refused.")
    var file: String

    func run() throws {
        try options.open().backup(to: file)
        print("Wrote \(file).")
    }
}
