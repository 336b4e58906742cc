// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// Milliseconds of a clock that only goes forward.
func milliseconds() -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
}

/// What the system refused.
struct UnixError: Error, CustomStringConvertible {
    var what: String
    var number = errno

    var description: String {
        let text = unsafe String(cString: strerror(number))
        return "\(what): \(text)"
    }
}

/// Processes: how the site is started, hurt and ended.
enum Unix {
    /// Starts a program that leads its own session, with its output at the end of a file.
    ///
    /// - Parameter environment: all of it.
    static func spawn(_ command: [String], environment: [String], log: String) throws -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_addopen(
            &actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        // POSIX_SPAWN_SETSID, which Glibc's module does not show.
        unsafe posix_spawnattr_setflags(&attributes, 0x80)
        var arguments = unsafe command.map { unsafe strdup($0) } + [nil]
        var variables = unsafe environment.map { unsafe strdup($0) } + [nil]
        defer { unsafe (arguments + variables).forEach { unsafe free($0) } }
        var pid: pid_t = 0
        let status = unsafe posix_spawnp(
            &pid, command[0], &actions, &attributes, &arguments, &variables)
        guard status == 0 else { throw UnixError(what: command[0], number: status) }
        return pid
    }

    /// Replaces this process by another program; returns only if that fails.
    static func become(_ command: [String]) {
        var arguments = unsafe command.map { unsafe strdup($0) } + [nil]
        _ = unsafe execvp(command[0], &arguments)
    }

    /// Whether a process has ended, and how; `nil` while it runs.
    static func ended(_ pid: pid_t) -> Ending? {
        var status: Int32 = 0
        guard unsafe waitpid(pid, &status, WNOHANG) == pid else { return nil }
        let signal = status & 0x7F
        return signal == 0 ? .exited((status >> 8) & 0xFF) : .killed(signal)
    }

    /// How a process ended.
    enum Ending: Equatable {
        case exited(Int32)
        case killed(Int32)
    }

    /// Runs a program to its end, for a few seconds at most.
    static func run(_ command: [String], log: String = "/dev/null", seconds: Int64 = 20) throws {
        let pid = try spawn(command, environment: environment(), log: log)
        let deadline = milliseconds() + seconds * 1_000
        while milliseconds() < deadline {
            if let ending = ended(pid) {
                guard ending == .exited(0) else {
                    throw UnixError(what: "\(command.joined(separator: " ")): \(ending)", number: 0)
                }
                return
            }
            usleep(5_000)
        }
        kill(pid, SIGKILL)
        _ = waitpid(pid, nil, 0)
        throw UnixError(what: command.joined(separator: " "), number: ETIMEDOUT)
    }

    /// The variables of this process, but for those that would set flags of the daemons.
    static func environment() -> [String] {
        var variables: [String] = []
        var next = unsafe environ
        while let text = unsafe next.pointee {
            let variable = unsafe String(cString: text)
            if !variable.hasPrefix("HALLS_") { variables.append(variable) }
            unsafe next += 1
        }
        return variables
    }

    static func variable(_ name: String) -> String? {
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }

    /// A TCP port of the loopback that nobody listens on just now.
    static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in.loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = unsafe withUnsafeMutableBytes(of: &address) { bytes -> Int32 in
            guard let base = unsafe bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
            else { return -1 }
            guard unsafe bind(descriptor, base, length) == 0 else { return -1 }
            return unsafe getsockname(descriptor, base, &length)
        }
        guard status == 0 else { throw UnixError(what: "a free port") }
        return UInt16(bigEndian: address.sin_port)
    }
}

extension sockaddr_in {
    static func loopback(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}

/// A file that takes up all room there is.
final class Ballast {
    private let path: String

    /// Fills the file system of a path to its last byte.
    init(filling path: String) throws {
        self.path = path
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw UnixError(what: path) }
        defer { Glibc.close(descriptor) }
        let block = [UInt8](repeating: 0x5A, count: 1 << 20)
        for size in [1 << 20, 4_096, 1] {
            while unsafe write(descriptor, block, size) > 0 {}
        }
    }

    /// Gives the room back.
    func remove() { unsafe unlink(path) }
}
