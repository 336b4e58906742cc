// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ChatModels
import CompactJSON

/// `chat-admin users`
struct UsersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "users", abstract: "Make, list, rename and shut out users.",
        subcommands: [
            Add.self, Password.self, Rename.self, ShowAs.self, Link.self, Disable.self, Enable.self,
            List.self,
        ])

    /// `chat-admin users add NAME`
    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an account; the password is asked for, or read from standard input.")

        @OptionGroup var options: AdminOptions
        @OptionGroup var passwords: PasswordOptions
        @OptionGroup var format: AddOptions

        @Flag(help: "Make an account without a password, for a site that has its own login.")
        var noPassword = false

        @Flag(help: "Leave it at an account that is there already, with its password.")
        var ifMissing = false

        @Argument(help: "The username.")
        var name: String

        func run() throws {
            let database = try options.open()
            if let known = try database.accountIfKnown(named: name) {
                guard ifMissing else { throw ChatError(.usernameTaken) }
                return tell(
                    known, "User \(known.user.id), \(known.user.username), is there already.")
            }
            let user: User
            if noPassword {
                user = try options.write { try $0.siteUser(named: name) }
            } else {
                // Before anybody thinks of a password.
                try database.requireFree(name)
                let password = try passwords.read(for: name)
                user = try options.write { try $0.createUser(named: name, password: password) }
            }
            let account = try database.account(named: user.username)
            tell(account, "Added user \(user.id), \(user.username).")
        }

        private func tell(_ account: Account, _ sentence: String) {
            UsersCommand.table([account]).print(orAsJSON: format.json, sentence)
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
            try options.write { try $0.setPassword(password, of: user.id, by: .operator) }
            print("Set the password of \(user.username) and ended the user's sessions.")
        }
    }

    /// `chat-admin users rename NAME NEW`
    struct Rename: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give a user another username; halls, messages and sessions stay.")

        @OptionGroup var options: AdminOptions

        @Argument(help: "The username so far.")
        var name: String

        @Argument(help: "The username from now on.")
        var newName: String

        func run() throws {
            let user = try options.write { database in
                let user = try database.account(named: name).user
                return try database.renameUser(user.id, to: newName)
            }
            print("User \(user.id) is now \(user.username).")
        }
    }

    /// `chat-admin users profile NAME`
    struct ShowAs: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "profile",
            abstract: "Say what is shown of a user beside messages: a name and a picture.")

        @OptionGroup var options: AdminOptions

        @Argument(help: "The username.")
        var username: String

        @Option(help: "The name; empty for the username.")
        var name: String?

        @Option(
            help: ArgumentHelp(
                "A path on the site, or hue: and a number from 0 to 359; empty for none.",
                valueName: "path"))
        var picture: String?

        func validate() throws {
            if name == nil, picture == nil {
                throw ValidationError("Say a --name, a --picture, or both.")
            }
        }

        func run() throws {
            let user = try options.write { database in
                let user = try database.account(named: username).user
                return try database.setProfile(
                    Profile(name: name, picture: picture), of: user.id, by: .operator)
            }
            print("\(user.username) is shown as \(user.name).")
        }
    }

    /// `chat-admin users link NAME ID`
    struct Link: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say that a user is whom the site's own login knows by an id.")

        @OptionGroup var options: AdminOptions

        @Flag(help: "All users without an id: the username is the id of each.")
        var all = false

        @Argument(help: "The username.")
        var name: String?

        @Argument(help: "The site's id of the person.")
        var externalID: String?

        func validate() throws {
            guard all ? name == nil : externalID != nil else {
                throw ValidationError("Say a username and an id, or --all.")
            }
        }

        func run() throws {
            guard let name, let externalID else {
                let count = try options.write { database in
                    let accounts = try database.accounts()
                    let taken = Set(accounts.compactMap(\.externalID))
                    let others = accounts.filter {
                        $0.externalID == nil && !taken.contains($0.user.username)
                    }
                    for other in others {
                        try database.linkUser(other.user.id, to: other.user.username)
                    }
                    return others.count
                }
                return print("Linked \(count) \(count == 1 ? "user" : "users").")
            }
            let user = try options.write { database in
                let user = try database.account(named: name).user
                try database.linkUser(user.id, to: externalID)
                return user
            }
            print("\(user.username) is whom the site knows as \(externalID).")
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
            UsersCommand.table(try options.open().accounts()).print(asJSON: format.json)
        }
    }

    private static func table(_ accounts: [Account]) -> Table {
        var table = Table(
            columns: [
                "ID", "USERNAME", "PASSWORD", "DISABLED", "CREATED_AT", "NAME", "PICTURE",
                "EXTERNAL_ID",
            ])
        table.rows = accounts.map { account in
            [
                .integer(account.user.id), .string(account.user.username),
                .bool(account.hasPassword), .bool(account.isDisabled), .string(account.createdAt),
                .string(account.user.name), account.user.picture.map { .string($0) } ?? .null,
                account.externalID.map { .string($0) } ?? .null,
            ]
        }
        return table
    }
}

extension ChatDatabase {
    /// The user of that name; `nil` if there is none.
    func accountIfKnown(named name: String) throws -> Account? {
        do {
            return try account(named: name)
        } catch let error as ChatError where error.code == .notFound {
            return nil
        }
    }
}

/// How a list is printed.
struct ListOptions: ParsableArguments {
    @Flag(help: "Print JSON: an array with an object for each line of the table.")
    var json = false
}

/// How it is told what was made.
struct AddOptions: ParsableArguments {
    @Flag(help: "Print JSON: the object that the list has for it.")
    var json = false
}
