// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatTesting
import Foundation
import Glibc
import Testing

/// Asking for a password at a terminal.
///
/// No time limit of the suite's: its clock runs while a test waits for its turn, so that these would fail wherever all tests
/// together take a minute. Each wait has a bound of its own.
@Suite struct PasswordPromptTests {
    let site: Site
    let terminal: Terminal

    init() throws {
        site = try Site()
        try site.admin("migrate")
        terminal = try Terminal()
    }

    @Test func `a password is asked for twice and not shown`() throws {
        let process = try terminal.start(site, ["users", "add", "ana"])

        try terminal.wait(for: "Password for ana: ")
        try terminal.type("password1\n")
        try terminal.wait(for: "Once more: ")
        try terminal.type("password1\n")
        try terminal.wait(for: "Added user 1, ana.")

        try #expect(terminal.end(of: process) == 0)
        #expect(!terminal.shown.contains("password1"))
        #expect(terminal.hasEcho)
        let user = try site.database().authenticate(
            username: "ana", password: "password1", address: "x")
        #expect(user.username == "ana")
    }

    @Test func `two passwords that differ change nothing`() throws {
        let process = try terminal.start(site, ["users", "add", "ana"])

        try terminal.wait(for: "Password for ana: ")
        try terminal.type("password1\n")
        try terminal.wait(for: "Once more: ")
        try terminal.type("password2\n")
        try terminal.wait(for: "The two passwords differ.")

        try #expect(terminal.end(of: process) == 1)
        #expect(try site.database().accounts().isEmpty)
    }

    @Test func `a hall is deleted by who types its name`() throws {
        try site.admin("halls", "add", "Town hall")
        for (answer, status) in [("town hall\n", Int32(1)), ("Town hall\n", 0)] {
            let terminal = try Terminal()
            let process = try terminal.start(site, ["halls", "delete", "1"])
            try terminal.wait(for: "Type its name: ")
            try terminal.type(answer, isShown: true)
            try #expect(terminal.end(of: process) == status)
            #expect(try site.database().allHalls().count == Int(status))
        }
    }

    @Test func `an interrupt changes nothing and gives the terminal its echo back`() throws {
        let process = try terminal.start(site, ["users", "add", "ana"])
        try terminal.wait(for: "Password for ana: ")
        try terminal.wait { !terminal.hasEcho }

        kill(process.processIdentifier, SIGINT)

        try #expect(terminal.end(of: process) == 1)
        #expect(terminal.hasEcho)
        #expect(try site.database().accounts().isEmpty)
    }
}

/// The other end of a terminal.
final class Terminal {
    private let keyboard: Int32
    private let screen: Int32
    /// Everything that was shown so far.
    private(set) var shown = ""

    init() throws {
        // What posix_openpt(), unlockpt() and ptsname() do: TIOCSPTLCK, TIOCGPTN. Swift sees none of them.
        keyboard = unsafe open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK)
        try #require(keyboard >= 0)
        var number: Int32 = 0
        _ = unsafe ioctl(keyboard, 0x4004_5431, &number)
        _ = unsafe ioctl(keyboard, 0x8004_5430, &number)
        screen = unsafe open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
        try #require(screen >= 0)
    }

    deinit {
        close(screen)
        close(keyboard)
    }

    func start(_ site: Site, _ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = Site.program
        process.arguments = arguments
        process.environment = ["HALLS_DATABASE": site.path]
        let handle = FileHandle(fileDescriptor: screen, closeOnDealloc: false)
        process.standardInput = handle
        process.standardOutput = handle
        process.standardError = handle
        try process.run()
        return process
    }

    /// Waits for a process's end, and gives its status.
    func end(of process: Process) throws -> Int32 {
        try wait { !process.isRunning }
        return process.terminationStatus
    }

    func type(_ text: String, isShown: Bool = false) throws {
        try wait { hasEcho == isShown }
        let bytes = Array(text.utf8)
        #expect(unsafe write(keyboard, bytes, bytes.count) == bytes.count)
    }

    func wait(for text: String) throws {
        try wait {
            var bytes = [UInt8](repeating: 0, count: 4_096)
            let count = unsafe read(keyboard, &bytes, bytes.count)
            if count > 0 { shown += String(decoding: bytes[..<count], as: UTF8.self) }
            return shown.contains(text)
        }
    }

    func wait(until isDone: () -> Bool) throws {
        for _ in 0..<2_000 {
            if isDone() { return }
            usleep(5_000)
        }
        Issue.record("The terminal shows: \(shown)")
        throw CancellationError()
    }

    /// Whether what is typed is shown.
    var hasEcho: Bool {
        var settings = termios()
        unsafe tcgetattr(screen, &settings)
        return settings.c_lflag & tcflag_t(ECHO) != 0
    }
}
