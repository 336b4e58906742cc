// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatTesting
import Foundation
import GRDB
import Testing

/// A database in a temporary folder, and chat-admin on it.
struct Site {
    let folder: TemporaryFolder
    var path: String { folder.file("chat.db") }

    init() throws {
        folder = try TemporaryFolder()
    }

    /// What a process left behind.
    struct Done {
        var status: Int32
        var output: String
        var errors: String
    }

    /// A connection to the database beside the processes.
    func database() throws -> ChatDatabase {
        try ChatDatabase(path: path)
    }

    /// Runs a command that has to work.
    @discardableResult
    func admin(
        _ arguments: String..., input: String = "", at location: SourceLocation = #_sourceLocation
    ) throws -> Done {
        let done = try run(arguments, input: input)
        #expect(done.status == 0, "\(done.errors)", sourceLocation: location)
        #expect(done.errors.isEmpty, sourceLocation: location)
        return done
    }

    /// Runs a command that has to be refused with one sentence, and gives the sentence.
    func refusal(
        _ arguments: String..., input: String = "", at location: SourceLocation = #_sourceLocation
    ) throws -> String {
        let done = try run(arguments, input: input)
        #expect(done.status == 1, sourceLocation: location)
        #expect(done.output.isEmpty, sourceLocation: location)
        #expect(done.errors.hasPrefix("chat-admin: "), "\(done.errors)", sourceLocation: location)
        return done.errors.dropFirst("chat-admin: ".count).trimmingCharacters(in: .newlines)
    }

    /// Runs a list command with `--json`.
    func list(_ arguments: String...) throws -> [[String: Any]] {
        let done = try run(arguments + ["--json"])
        let value = try JSONSerialization.jsonObject(with: Data(done.output.utf8))
        return try #require(value as? [[String: Any]])
    }

    /// Writes to the database behind everybody's back.
    func sql(_ sql: String) throws {
        try DatabaseQueue(path: path).write { db in try db.execute(sql: sql) }
    }

    func run(
        _ arguments: [String], input: String = "", environment: [String: String]? = nil
    ) throws -> Done {
        let process = Process()
        process.executableURL = Self.program
        process.arguments = arguments
        process.environment = environment ?? ["HALLS_DATABASE": path]
        let (stdin, stdout, stderr) = (Pipe(), Pipe(), Pipe())
        process.standardInput = stdin
        process.standardOutput = stdout
        process.standardError = stderr
        try process.run()
        // No more than a pipe holds, in either direction.
        try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try stdin.fileHandleForWriting.close()
        let output = try stdout.fileHandleForReading.readToEnd() ?? Data()
        let errors = try stderr.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Done(
            status: process.terminationStatus, output: String(decoding: output, as: UTF8.self),
            errors: String(decoding: errors, as: UTF8.self))
    }

    /// The program lies beside the tests.
    static let program = URL(fileURLWithPath: CommandLine.arguments[0])
        .deletingLastPathComponent().appendingPathComponent("chat-admin")
}
