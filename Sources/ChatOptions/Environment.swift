// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
public import Foundation

extension ParsableCommand {
    /// Parses the command line, and for each flag that is not on it, the environment variable of its name:
    /// `HALLS_PAGE_SIZE_MAX` for `--page-size-max`. Variables of flags that this program does not have are not its
    /// business: the programs share one environment.
    ///
    /// Exits with a message and a status as ArgumentParser does, when the words are off or help was asked for.
    public static func parseWithEnvironment(
        _ environment: [String: String] = ProcessInfo.processInfo.environment,
        arguments: [String] = Array(CommandLine.arguments.dropFirst())
    ) -> Self {
        // The last occurrence of a flag counts, so what is on the command line wins.
        parseOrExit(flags(from: environment) + arguments)
    }

    /// The same for a program of several commands: parses the one that the command line names.
    ///
    /// - Parameter groups: the options that have an environment variable. The others are a matter of one call:
    ///   `HALLS_USER` must not decide whose sessions a command ends.
    public static func parseCommandWithEnvironment(
        for groups: [any ParsableArguments.Type],
        _ environment: [String: String] = ProcessInfo.processInfo.environment,
        arguments: [String] = Array(CommandLine.arguments.dropFirst())
    ) -> any ParsableCommand {
        do {
            return try parseAsRoot(
                words(for: groups, from: environment, arguments: arguments))
        } catch {
            exit(withError: error)
        }
    }

    /// The command line with the environment's flags in it: behind the names of the commands, before everything else,
    /// since only the last command of the path knows its options.
    static func words(
        for groups: [any ParsableArguments.Type], from environment: [String: String],
        arguments: [String]
    ) -> [String] {
        var command: any ParsableCommand.Type = self
        var rest = arguments[...]
        while let word = rest.first,
            let next = command.configuration.subcommands.first(where: { $0._commandName == word })
        {
            command = next
            rest.removeFirst()
        }
        let shared = groups.reduce(into: Set<String>()) { $0.formUnion($1.namesOfOptions()) }
        let flags = command.flags(from: environment, among: shared)
        return arguments[..<rest.startIndex] + flags + rest
    }

    /// What the environment says, as words of a command line.
    ///
    /// - Parameter shared: the flags that have a variable at all; `nil` for all that the command has.
    static func flags(
        from environment: [String: String], among shared: Set<String>? = nil
    ) -> [String] {
        let known = shared.map(namesOfOptions().intersection) ?? namesOfOptions()
        return environment.sorted { $0.key < $1.key }.flatMap { name, value -> [String] in
            guard name.hasPrefix("HALLS_"), !value.isEmpty else { return [] }
            let flag = "--" + name.dropFirst(6).lowercased().replacing("_", with: "-")
            return known.contains(flag) ? [flag, value] : []
        }
    }
}

extension ParsableArguments {
    /// The names of the options that take a value, which is how the help shows them: `--page-size-max <number>`.
    fileprivate static func namesOfOptions() -> Set<String> {
        let help = helpMessage(includeHidden: true, columns: 1_000)
        let words = help.split(whereSeparator: \.isWhitespace)
        let names = zip(words, words.dropFirst()).filter { name, value in
            name.hasPrefix("--") && value.hasPrefix("<")
        }
        return Set(names.map { String($0.0) })
    }
}
