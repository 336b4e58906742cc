// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ChatModels
import CompactJSON

/// `chat-admin halls`
struct HallsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "halls", abstract: "Make, rename, archive and list halls.",
        subcommands: [Add.self, Rename.self, Archive.self, List.self])

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
