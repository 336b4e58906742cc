// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON
import Foundation

/// A whole site in a temporary folder: nginx in front, both daemons, the database; and what may be done to it.
final class Site {
    enum Part: String, CaseIterable {
        case push = "chat-push"
        case fcgi = "chat-fcgi"
        case nginx
    }

    /// A process of the site.
    struct Running {
        var pid: pid_t
        var born: Int64
        var isStopped = false
    }

    let folder: String
    let nginxPort: UInt16
    let pushPort: UInt16
    private let root: String
    private let programs: String
    private var flags: [String]
    private(set) var running: [Part: Running] = [:]
    private var admins: Set<pid_t> = []
    /// Whether the database lies on a small file system of its own.
    private(set) var hasSmallDisk = false
    /// Whether the daemons' clock can be set.
    private(set) var hasClock = false

    var databasePath: String { folder + "/data/halls.db" }
    private var clockPath: String { folder + "/clock" }

    /// - Parameter flags: of the daemons, as `name=value`.
    init(root: String, programs: String, flags: [String]) throws {
        (self.root, self.programs) = (root, programs)
        folder = NSTemporaryDirectory() + "halls-torture-\(getpid())"
        self.flags = flags.map { flag in
            let parts = flag.split(separator: "=", maxSplits: 1).map(String.init)
            return "HALLS_" + parts[0].uppercased().replacing("-", with: "_") + "=" + parts[1]
        }
        try FileManager.default.createDirectory(
            atPath: folder + "/data", withIntermediateDirectories: true)
        (nginxPort, pushPort) = (try Unix.freePort(), try Unix.freePort())
        try Unix.run([
            "/usr/bin/env", "HALLS_BIN=\(programs)", "\(root)/chat", "render-nginx",
            "\(folder)/nginx", folder, "127.0.0.1:\(nginxPort)",
        ])
    }

    // MARK: Before the start

    /// Puts the database on a file system of so many megabytes, in the mounts of this process alone.
    func useSmallDisk(megabytes: Int) -> Bool {
        do {
            try Unix.run([
                "mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "halls-torture",
                "\(folder)/data",
            ])
            hasSmallDisk = true
        } catch {}
        return hasSmallDisk
    }

    /// Lets the daemons ask a clock that is told what to say (libfaketime).
    func useClock() -> Bool {
        let library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
        guard FileManager.default.fileExists(atPath: library) else { return false }
        setClock(seconds: 0)
        flags += [
            "LD_PRELOAD=\(library)", "FAKETIME_TIMESTAMP_FILE=\(clockPath)",
            "FAKETIME_CACHE_DURATION=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1",
        ]
        hasClock = true
        return true
    }

    func setClock(seconds: Int) {
        let text = seconds < 0 ? "\(seconds)" : "+\(seconds)"
        // In one piece: the daemons may look at any moment.
        try? Data((text + "\n").utf8).write(to: URL(fileURLWithPath: clockPath), options: .atomic)
    }

    // MARK: Processes

    func start() throws {
        for part in Part.allCases { try launch(part) }
    }

    func launch(_ part: Part) throws {
        var command = ["setpriv", "--pdeathsig", part == .nginx ? "TERM" : "KILL"]
        let daemon = [
            "\(programs)/\(part.rawValue)", "--database", databasePath, "--wake-socket",
            "\(folder)/wake.sock", "--listen",
        ]
        switch part {
        case .push:
            unlinkSockets("push", "wake")
            command += daemon + ["\(folder)/push.sock,127.0.0.1:\(pushPort)"]
            // Also where the default is one: what crosses from one loop to the other is checked, too.
            command += ["--event-loops", "2"]
        case .fcgi:
            unlinkSockets("fcgi")
            command += daemon + ["\(folder)/fcgi.sock"]
        case .nginx:
            command += ["nginx", "-p", "\(folder)/nginx/", "-c", "nginx.conf", "-e", "stderr"]
            command += ["-g", "daemon off;"]
        }
        let environment = Unix.environment().filter { !$0.hasPrefix("PATH=") }
        let path = (Unix.variable("PATH") ?? "/usr/bin:/bin") + ":/usr/sbin:/sbin"
        let pid = try Unix.spawn(
            command, environment: environment + ["PATH=\(path)"] + (part == .nginx ? [] : flags),
            log: logPath(part))
        running[part] = Running(pid: pid, born: milliseconds())
    }

    /// Starts chat-admin with a verb and what belongs to it; see ``adminEnded(_:)``.
    func admin(_ arguments: [String]) throws -> pid_t {
        let program = ["setpriv", "--pdeathsig", "KILL", "\(programs)/chat-admin"]
        let options = ["--database", databasePath, "--wake-socket", "\(folder)/wake.sock"]
        let pid = try Unix.spawn(
            program + arguments + options, environment: Unix.environment(),
            log: "\(folder)/chat-admin.log")
        admins.insert(pid)
        return pid
    }

    /// Whether a chat-admin has ended.
    func adminEnded(_ pid: pid_t) -> Bool {
        guard admins.contains(pid) else { return true }
        guard Unix.ended(pid) != nil else { return false }
        admins.remove(pid)
        return true
    }

    private func unlinkSockets(_ names: String...) {
        for name in names { unsafe unlink("\(folder)/\(name).sock") }
    }

    /// Sends a signal: to nginx's workers too where `all` says so.
    func signal(_ part: Part, _ number: Int32, all: Bool = false) {
        guard let process = running[part] else { return }
        kill(all ? -process.pid : process.pid, number)
        if number == SIGSTOP { running[part]?.isStopped = true }
        if number == SIGCONT { running[part]?.isStopped = false }
    }

    /// Whether a part has ended since it was last asked, and how.
    func reap(_ part: Part) -> Unix.Ending? {
        guard let process = running[part], let ending = Unix.ended(process.pid) else { return nil }
        // Workers outlive a master that was killed, and keep the port.
        if part == .nginx { kill(-process.pid, SIGKILL) }
        running[part] = nil
        return ending
    }

    var isAnyStopped: Bool { running.values.contains(where: \.isStopped) }

    func isStopped(_ part: Part) -> Bool { running[part]?.isStopped ?? false }

    /// Whether a worker of before a reload still serves; it cuts what it has when `worker_shutdown_timeout` is over.
    var isWorkerLeaving: Bool {
        guard let master = running[.nginx]?.pid else { return false }
        let children = try? String(
            contentsOfFile: "/proc/\(master)/task/\(master)/children", encoding: .utf8)
        return (children ?? "").split(separator: " ").contains { child in
            let title = try? String(contentsOfFile: "/proc/\(child)/cmdline", encoding: .utf8)
            return title?.contains("is shutting down") ?? false
        }
    }

    func logPath(_ part: Part) -> String { "\(folder)/\(part.rawValue).log" }

    /// The end of what a part had to say.
    func lastWords(_ part: Part) -> String {
        let text = (try? String(contentsOfFile: logPath(part), encoding: .utf8)) ?? ""
        return text.split(separator: "\n").suffix(3).joined(separator: " | ")
    }

    /// The processor time that a part has used since it was started, in milliseconds; 0 if it does not run.
    func processorTime(_ part: Part) -> Int {
        guard let process = running[part],
            let text = try? String(contentsOfFile: "/proc/\(process.pid)/stat", encoding: .utf8)
        else { return 0 }
        // proc(5): utime and stime are the 12th and 13th word behind the name, in hundredths of a second.
        let words = text.split(separator: ")").last?.split(separator: " ") ?? []
        return words.count > 12 ? ((Int(words[11]) ?? 0) + (Int(words[12]) ?? 0)) * 10 : 0
    }

    /// The numbers that a part logged last under names `name.something`.
    func figures(of part: Part, named name: String) -> JSONValue {
        let text = (try? String(contentsOfFile: logPath(part), encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").last { $0.contains(" \(name).") } ?? ""
        return .object(
            line.split(separator: " ").compactMap { word in
                let parts = word.split(separator: "=")
                guard parts.count == 2, parts[0].hasPrefix("\(name)."), let number = Int(parts[1])
                else { return nil }
                return .init(String(parts[0].dropFirst(name.count + 1)), .integer(number))
            })
    }

    // MARK: The end

    /// Ends everything, and takes the folder away unless it is to be kept.
    func close(keepsFolder: Bool) {
        for part in Part.allCases {
            guard let process = running[part] else { continue }
            kill(-process.pid, SIGKILL)
            kill(process.pid, SIGKILL)
            _ = waitpid(process.pid, nil, 0)
        }
        running = [:]
        for pid in admins {
            kill(pid, SIGKILL)
            _ = waitpid(pid, nil, 0)
        }
        admins = []
        guard !keepsFolder else { return }
        if hasSmallDisk { try? Unix.run(["umount", "\(folder)/data"]) }
        try? FileManager.default.removeItem(atPath: folder)
    }
}
