// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ChatModels
import CompactJSON

/// `chat-admin halls`
struct HallsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "halls", abstract: "Make, rename, archive, delete and list halls.",
        subcommands: [
            Add.self, Rename.self, Archive.self, Unarchive.self, Delete.self, List.self,
        ])

    /// `chat-admin halls add NAME`
    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a hall.")

        @OptionGroup var options: AdminOptions
        @OptionGroup var format: AddOptions

        @Flag(name: .customLong("private"), help: "Hide it from whoever is not in it.")
        var isPrivate = false

        @Option(help: "The user who owns it; without one it has no members.")
        var owner: String?

        @Argument(help: "The hall's name.")
        var name: String

        func run() throws {
            let hall = try options.write { database in
                guard let owner else {
                    return try database.createHall(named: name, isPrivate: isPrivate)
                }
                let ownerID = try database.account(named: owner).user.id
                return try database.createHall(named: name, isPrivate: isPrivate, by: ownerID)
            }
            HallsCommand.table([HallSummary(hall: hall, memberCount: owner == nil ? 0 : 1)])
                .print(orAsJSON: format.json, "Added hall \(hall.id), \(hall.name).")
        }
    }

    /// `chat-admin halls rename ID NAME`
    struct Rename: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Give a hall another name.")

        @OptionGroup var options: AdminOptions

        @Argument(help: "The hall's id.")
        var id: Int64

        @Argument(help: "The new name.")
        var name: String

        func run() throws {
            try options.write { try $0.renameHall(id, to: name) }
            print("Renamed hall \(id).")
        }
    }

    /// `chat-admin halls archive ID`
    struct Archive: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a hall only be read, from now on.")

        @OptionGroup var options: AdminOptions

        @Argument(help: "The hall's id.")
        var id: Int64

        func run() throws {
            try options.write { try $0.archiveHall(id) }
            print("Archived hall \(id).")
        }
    }

    /// `chat-admin halls unarchive ID`
    struct Unarchive: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let an archived hall be written to again.",
            discussion:
                "An open hall that has its name by now, or one that looks like it, is renamed first."
        )

        @OptionGroup var options: AdminOptions

        @Argument(help: "The hall's id.")
        var id: Int64

        func run() throws {
            try options.write { try $0.unarchiveHall(id) }
            print("Hall \(id) can be written to.")
        }
    }

    /// `chat-admin halls delete ID`
    struct Delete: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete a hall with all that was said in it, for good.",
            discussion: """
                Its members leave it at once. Nobody else writes meanwhile: about a second for each million messages of \
                the chat, and five for each million of the hall's. What the files still hold of the texts is overwritten within a minute, or here at once with \
                --purge; copies of the database keep them.
                """)

        @OptionGroup var options: AdminOptions
        @OptionGroup var purging: PurgeOptions

        @Flag(help: "Do not ask. Without it the hall's name is asked for at the terminal.")
        var yes = false

        @Argument(help: "The hall's id.")
        var id: Int64

        func run() throws {
            let database = try options.open()
            guard let found = try database.allHalls().first(where: { $0.hall.id == id }) else {
                throw ChatError(.notFound, "There is no hall with id \(id).")
            }
            if !yes {
                try Confirmation.ask(
                    for: found.hall.name,
                    """
                    Hall \(id), \(found.hall.name), goes for good, with \(found.memberCount) members and \
                    \(found.hall.rev) messages.
                    """)
            }
            try options.write { try $0.deleteHall(id) }
            print("Deleted hall \(id), \(found.hall.name).")
            try purging.purgeIfWanted(database)
        }
    }

    /// `chat-admin halls list`
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List all halls.")

        @OptionGroup var options: AdminOptions
        @OptionGroup var format: ListOptions

        func run() throws {
            HallsCommand.table(try options.open().allHalls()).print(asJSON: format.json)
        }
    }

    private static func table(_ halls: [HallSummary]) -> Table {
        var table = Table(columns: ["ID", "NAME", "PRIVATE", "ARCHIVED", "MEMBERS", "REV"])
        table.rows = halls.map { summary in
            [
                .integer(summary.hall.id), .string(summary.hall.name),
                .bool(summary.hall.isPrivate), .bool(summary.hall.isArchived),
                .integer(summary.memberCount), .integer(summary.hall.rev),
            ]
        }
        return table
    }
}
