// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ChatModels
import CompactJSON

/// `chat-admin users`
struct UsersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "users", abstract: "Make, list and shut out users.",
        subcommands: [Add.self, Password.self, Disable.self, Enable.self, List.self])

    /// `chat-admin users add NAME`
    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an account; the password is asked for, or read from standard input.")

        @OptionGroup var options: AdminOptions
        @OptionGroup var passwords: PasswordOptions

        @Flag(help: "Make an account without a password, for a site that has its own login.")
        var noPassword = false

        @Argument(help: "The username.")
        var name: String

        func run() throws {
            let database = try options.open()
            guard !noPassword else {
                guard try !isTaken(in: database) else { throw ChatError(.usernameTaken) }
                return added(try options.write { try $0.siteUser(named: name) })
            }
            // Before anybody thinks of a password.
            try database.requireFree(name)
            let password = try passwords.read(for: name)
            added(try options.write { try $0.createUser(named: name, password: password) })
        }

        private func added(_ user: User) {
            print("Added user \(user.id), \(user.username).")
        }

        private func isTaken(in database: ChatDatabase) throws -> Bool {
            do {
                _ = try database.account(named: name)
                return true
            } catch let error as ChatError where error.code == .notFound {
                return false
            }
        }
    }

    /// `chat-admin users password NAME`
    struct Password: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set a user's password; this ends the user's sessions.")

        @OptionGroup var options: AdminOptions
        @OptionGroup var passwords: PasswordOptions

        @Argument(help: "The username.")
        var name: String

        func run() throws {
            let user = try options.open().account(named: name).user
            let password = try passwords.read(for: user.username)
            try options.write { try $0.setPassword(password, of: user.id) }
            print("Set the password of \(user.username) and ended the user's sessions.")
        }
    }

    /// `chat-admin users disable NAME`
    struct Disable: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shut a user out, at once and until enabled again.")

        @OptionGroup var options: AdminOptions

        @Argument(help: "The username.")
        var name: String

        func run() throws {
            let user = try options.write { database in
                let user = try database.account(named: name).user
                try database.setDisabled(true, user: user.id)
                return user
            }
            print("Shut out \(user.username) and ended the user's sessions.")
        }
    }

    /// `chat-admin users enable NAME`
    struct Enable: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let a user in again.")

        @OptionGroup var options: AdminOptions

        @Argument(help: "The username.")
        var name: String

        func run() throws {
            let user = try options.write { database in
                let user = try database.account(named: name).user
                try database.setDisabled(false, user: user.id)
                return user
            }
            print("Let \(user.username) in again.")
        }
    }

    /// `chat-admin users list`
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List all users.")

        @OptionGroup var options: AdminOptions
        @OptionGroup var format: ListOptions

        func run() throws {
            var table = Table(columns: ["ID", "USERNAME", "PASSWORD", "DISABLED", "CREATED_AT"])
            table.rows = try options.open().accounts().map { account in
                [
                    .integer(account.user.id), .string(account.user.username),
                    .bool(account.hasPassword), .bool(account.isDisabled),
                    .string(account.createdAt),
                ]
            }
            table.print(asJSON: format.json)
        }
    }
}

/// How a list is printed.
struct ListOptions: ParsableArguments {
    @Flag(help: "Print JSON: an array with an object for each line of the table.")
    var json = false
}
