// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ChatModels
import CompactJSON

/// `chat-admin members`
struct MembersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "members", abstract: "Bring users into halls and take them out.",
        subcommands: [Add.self, Remove.self, List.self, Ban.self, Unban.self, Bans.self])

    /// `chat-admin members add HALL USER`
    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Bring a user into a hall, or change the role of one who is in it.")

        @OptionGroup var options: AdminOptions

        @Flag(help: "As an owner; otherwise as a member.")
        var owner = false

        @Flag(help: "As a moderator, who may delete what members say.")
        var moderator = false

        @Flag(
            help: """
                Make the account of who has none yet: on a site with its own login it comes with the first visit otherwise.
                """)
        var newUser = false

        @Argument(help: "The hall's id.")
        var hall: Int64

        @Argument(help: "The username.")
        var user: String

        func validate() throws {
            guard !(owner && moderator) else {
                throw ValidationError("--owner and --moderator exclude each other.")
            }
        }

        func run() throws {
            let role: Role = owner ? .owner : moderator ? .moderator : .member
            let user = try options.write { database in
                let user = try known(in: database)
                try database.setMember(user.id, of: hall, as: role)
                return user
            }
            print("\(user.username) is in hall \(hall) now, as \(role.rawValue).")
        }

        private func known(in database: ChatDatabase) throws -> User {
            if let account = try database.accountIfKnown(named: user) { return account.user }
            guard newUser else {
                throw ChatError(
                    .notFound,
                    """
                    There is no user called \(user). Who comes by the site's own login has an account from the first visit \
                    on; --new-user makes it now.
                    """)
            }
            _ = try database.everyMember(of: hall)
            return try database.siteUser(named: user)
        }
    }

    /// `chat-admin members remove HALL USER`
    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take a user out of a hall.")

        @OptionGroup var place: PlaceOptions

        func run() throws {
            let user = try place.write { database, user, hall in
                try database.removeMember(user.id, of: hall, by: .operator)
            }
            print("\(user.username) is no longer in hall \(place.hall).")
        }
    }

    /// `chat-admin members ban HALL USER`
    struct Ban: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a user out of a hall, and keep the user out of it.")

        @OptionGroup var place: PlaceOptions

        func run() throws {
            let user = try place.write { database, user, hall in
                try database.ban(user.id, from: hall, by: .operator)
            }
            print("\(user.username) is banned from hall \(place.hall).")
        }
    }

    /// `chat-admin members unban HALL USER`
    struct Unban: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a user come into a hall again.")

        @OptionGroup var place: PlaceOptions

        func run() throws {
            let user = try place.write { database, user, hall in
                try database.liftBan(of: user.id, from: hall, by: .operator)
            }
            print("\(user.username) may come into hall \(place.hall) again.")
        }
    }

    /// `chat-admin members bans HALL`
    struct Bans: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List who is banned from a hall.")

        @OptionGroup var options: AdminOptions
        @OptionGroup var format: ListOptions

        @Argument(help: "The hall's id.")
        var hall: Int64

        func run() throws {
            var table = Table(columns: ["ID", "USERNAME", "SINCE", "BY"])
            table.rows = try options.open().everyBan(of: hall).map { ban in
                [
                    .integer(ban.user.id), .string(ban.user.username), .string(ban.bannedAt),
                    ban.actorID.map { .integer($0) } ?? .null,
                ]
            }
            table.print(asJSON: format.json)
        }
    }

    /// `chat-admin members list HALL`
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List who is in a hall.")

        @OptionGroup var options: AdminOptions
        @OptionGroup var format: ListOptions

        @Argument(help: "The hall's id.")
        var hall: Int64

        func run() throws {
            var table = Table(columns: ["ID", "USERNAME", "ROLE"])
            table.rows = try options.open().everyMember(of: hall).map { member in
                [
                    .integer(member.user.id), .string(member.user.username),
                    .string(member.role.rawValue),
                ]
            }
            table.print(asJSON: format.json)
        }
    }
}

/// Somebody's place in a hall.
struct PlaceOptions: ParsableArguments {
    @OptionGroup var options: AdminOptions

    @Argument(help: "The hall's id.")
    var hall: Int64

    @Argument(help: "The username.")
    var user: String

    /// Does something with it, and returns whose it is.
    func write(_ body: (ChatDatabase, User, _ hall: Int64) throws -> Void) throws -> User {
        try options.write { database in
            let user = try database.account(named: self.user).user
            try body(database, user, hall)
            return user
        }
    }
}
