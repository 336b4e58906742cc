// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ChatModels
import Sockets
import Testing

@testable import ChatOptions

/// Options from the environment.
@Suite struct EnvironmentTests {
    @Test func `a variable stands for the flag of its name`() throws {
        let environment = ["HALLS_DATABASE": "/tmp/a b.db", "HALLS_PAGE_SIZE_MAX": "77"]

        let daemon = Daemon.parseWithEnvironment(environment, arguments: [])

        #expect(daemon.database.database == "/tmp/a b.db")
        #expect(daemon.limits.limits.pageSizeMax == 77)
    }

    @Test func `the command line wins over the environment`() {
        let environment = ["HALLS_DATABASE": "environment.db"]

        let daemon = Daemon.parseWithEnvironment(
            environment, arguments: ["--database", "argument.db"])

        #expect(daemon.database.database == "argument.db")
    }

    @Test func `variables that are empty, unknown or of another program do not matter`() {
        let environment = [
            "HALLS_DATABASE": "a.db", "HALLS_WAKE_SOCKET": "", "HALLS_LISTEN": "x",
            "HALLS_HELP": "1",
            "HALLS_VERSION": "1", "DATABASE": "b.db", "HALLS_VERBOSE": "1", "HALLS_": "x",
        ]

        let daemon = Daemon.parseWithEnvironment(environment, arguments: [])

        #expect(daemon.database.database == "a.db")
        #expect(daemon.database.wake.path == "a.db-wake")
        #expect(!daemon.verbose)
    }

    @Test(arguments: [["list"], ["users", "list"], ["users", "list", "--loud"]])
    func `a variable reaches the command that is named, however deep`(arguments: [String]) throws {
        let environment = ["HALLS_DATABASE": "a.db", "HALLS_PAGE_SIZE_MAX": "77"]

        let command = Admin.parseCommandWithEnvironment(
            for: [DatabaseOptions.self, LimitOptions.self], environment, arguments: arguments)

        let list = try #require(command as? Admin.List)
        #expect(list.database.database == "a.db")
        #expect(list.limits.pageSizeMax == 77)
    }

    @Test func `the command line wins over the environment behind a command, too`() throws {
        let command = Admin.parseCommandWithEnvironment(
            for: [DatabaseOptions.self], ["HALLS_DATABASE": "a.db"],
            arguments: ["list", "--database", "b.db"])

        #expect((command as? Admin.List)?.database.database == "b.db")
    }

    @Test func `an option of one command alone has no variable`() throws {
        let environment = ["HALLS_DATABASE": "a.db", "HALLS_USER": "www-data", "HALLS_LOUD": "1"]

        let words = Admin.words(
            for: [DatabaseOptions.self], from: environment, arguments: ["list", "--loud"])

        #expect(words == ["list", "--database", "a.db", "--loud"])
    }

    @Test(arguments: [[], ["--help"], ["help", "list"], ["nonsense"], ["--version", "list"]])
    func `what names no command is left as it is`(arguments: [String]) {
        let words = Admin.words(
            for: [DatabaseOptions.self], from: ["HALLS_DATABASE": "a.db"], arguments: arguments)

        #expect(words == arguments)
    }

    @Test func `bounds that make no sense are refused with a sentence`() throws {
        let words = [
            ["--page-size-max", "0"], ["--page-size-max", "1001"], ["--message-length-max", "0"],
            ["--page-size-max", "10", "--page-size-default", "11"], ["--login-window", "0"],
            ["--session-lifetime", "-1"], ["--changes-kept", "999"],
        ]

        for words in words {
            #expect(throws: (any Error).self) { try LimitOptions.parse(words) }
        }
        #expect(try LimitOptions.parse([]).limits == Limits())
        #expect(try LimitOptions.parse(["--changes-kept", "1000"]).limits.changesKept == 1_000)
    }

    @Test func `origins are a list`() throws {
        let options = try AccountOptions.parse([
            "--origins", "https://A.example, https://b.example,",
        ])

        #expect(
            options.allowedOrigins.map { "\($0.scheme)://\($0.authority)" }.sorted()
                == ["https://a.example", "https://b.example"])
        #expect(options.auth == .accounts)
        #expect(try AccountOptions.parse(["--auth", "site"]).auth == .site)
    }
}

private struct Daemon: ParsableCommand {
    @OptionGroup var database: DatabaseOptions
    @OptionGroup var limits: LimitOptions
    @Flag var verbose = false
}

private struct Admin: ParsableCommand {
    static let configuration = CommandConfiguration(subcommands: [Users.self, List.self])

    struct Users: ParsableCommand {
        static let configuration = CommandConfiguration(subcommands: [List.self])
    }

    struct List: ParsableCommand {
        @OptionGroup var database: DatabaseOptions
        @OptionGroup(visibility: .hidden) var limits: LimitOptions
        @Option var user: String?
        @Flag var loud = false
    }
}
