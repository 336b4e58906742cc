// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ChatModels
import Foundation
import Glibc

/// Where a new password comes from: a terminal, or standard input. Never an argument: the list of processes shows those.
struct PasswordOptions: ParsableArguments {
    @Flag(help: "Read the password from standard input, even if that is a terminal.")
    var passwordStdin = false

    /// Asks twice without showing what is typed, or reads standard input to its end.
    func read(for username: String) throws -> String {
        guard !passwordStdin, isatty(STDIN_FILENO) == 1 else {
            let text = try StandardInput.text(bytesMax: 4_096)
            guard !text.contains(where: \.isNewline) else {
                throw ChatError(.invalidPassword, "A password is one line.")
            }
            return text
        }
        let password = try PasswordPrompt.ask("Password for \(username): ")
        guard try PasswordPrompt.ask("Once more: ") == password else {
            throw ChatError(.invalidPassword, "The two passwords differ.")
        }
        return password
    }
}

/// What is piped into a command.
enum StandardInput {
    /// Everything up to the end, without the line end that `echo` adds.
    ///
    /// - Throws: ``ChatError``: `invalid_request` for more than so many bytes and for what is not UTF-8.
    static func text(bytesMax: Int) throws -> String {
        let data = try FileHandle.standardInput.read(upToCount: bytesMax + 1) ?? Data()
        guard data.count <= bytesMax else {
            throw ChatError(.invalidRequest, "Standard input has more than \(bytesMax) bytes.")
        }
        guard var text = String(validating: data, as: UTF8.self) else {
            throw ChatError(.invalidRequest, "Standard input is not UTF-8.")
        }
        // A line feed after a carriage return is one character with it.
        if text.last?.isNewline == true { text.removeLast() }
        return text
    }
}

/// Asks at the terminal without showing the answer.
enum PasswordPrompt {
    static func ask(_ question: String) throws -> String {
        FileHandle.standardError.write(Data(question.utf8))
        defer { FileHandle.standardError.write(Data("\n".utf8)) }
        guard let answer = try withoutEcho(readLine), !answer.isEmpty else {
            throw ChatError(.invalidPassword, "No password was given; nothing was changed.")
        }
        guard let text = String(validating: answer.filter { $0 != 0x0A }, as: UTF8.self) else {
            throw ChatError(.invalidPassword, "The password is not UTF-8.")
        }
        return text
    }

    private static func withoutEcho<Value>(_ body: () -> Value) throws -> Value {
        var settings = termios()
        guard unsafe tcgetattr(STDIN_FILENO, &settings) == 0 else {
            throw ChatError(.invalidRequest, "Standard input is not a terminal.")
        }
        var silent = settings
        silent.c_lflag &= ~tcflag_t(ECHO)
        return holdingSignals {
            unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
            defer { unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings) }
            return body()
        }
    }

    /// What would end the program ends the waiting instead, so that the terminal gets its echo back.
    private static let ending = [SIGINT, SIGQUIT, SIGTERM, SIGHUP]

    private static func holdingSignals<Value>(_ body: () -> Value) -> Value {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in ending {
            unsafe sigaddset(&set, number)
            signal(number) { _ in }
        }
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        defer {
            unsafe pthread_sigmask(SIG_UNBLOCK, &set, nil)
            for number in ending { signal(number, SIG_DFL) }
        }
        return body()
    }

    /// A line, with its end; `nil` for the end of the input and for a signal. A terminal gives one line at a time.
    private static func readLine() -> [UInt8]? {
        // The signals get through only while it waits: one that comes before is not lost.
        var mask = sigset_t()
        unsafe pthread_sigmask(SIG_BLOCK, nil, &mask)
        for number in ending { unsafe sigdelset(&mask, number) }
        var input = fd_set()
        input.__fds_bits.0 = 1 << STDIN_FILENO
        guard unsafe pselect(STDIN_FILENO + 1, &input, nil, nil, nil, &mask) == 1 else {
            return nil
        }
        var line = [UInt8](repeating: 0, count: 4_096)
        let count = unsafe read(STDIN_FILENO, &line, line.count)
        return count > 0 ? Array(line[..<count]) : nil
    }
}
