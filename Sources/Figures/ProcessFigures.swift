// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What the system knows of this process.
public struct ProcessFigures: Sendable {
    /// Memory in use, in bytes.
    public var residentBytes = 0
    /// Files and sockets that are open.
    public var openFiles = 0
    /// How many may be.
    public var openFilesMax = 0
    /// Time on a processor, in seconds.
    public var cpuSeconds = 0.0
    /// When it began, in seconds since 1970.
    public let startTime: Double

    /// Notes the beginning: made once, as the process starts.
    public init() {
        startTime = Double(time(nil))
    }

    /// The figures of this moment.
    public func now() -> ProcessFigures {
        var figures = self
        figures.residentBytes = Self.residentBytes()
        figures.openFiles = Self.openFiles()
        figures.openFilesMax = Self.openFilesMax
        var used = timespec()
        if unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0 {
            figures.cpuSeconds = Double(used.tv_sec) + Double(used.tv_nsec) / 1e9
        }
        return figures
    }

    /// Writes them by the names that Prometheus has for those of any process.
    public func write(to text: inout MetricsText) {
        text.gauge(
            "process_start_time_seconds", "When the process began, in seconds since 1970.",
            startTime)
        text.counter("process_cpu_seconds_total", "Time on a processor.", cpuSeconds)
        text.gauge("process_resident_memory_bytes", "Memory in use.", Double(residentBytes))
        text.gauge("process_open_fds", "Open files and sockets.", Double(openFiles))
        text.gauge(
            "process_max_fds", "Files and sockets that may be open.", Double(openFilesMax))
    }

    /// How many files and sockets may be open at once.
    public static var openFilesMax: Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return 0
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// The second number of /proc/self/statm, in pages.
    private static func residentBytes() -> Int {
        guard let file = unsafe fopen("/proc/self/statm", "r") else { return 0 }
        defer { unsafe fclose(file) }
        var buffer = [CChar](repeating: 0, count: 256)
        guard unsafe fgets(&buffer, Int32(buffer.count), file) != nil else { return 0 }
        let line = String(
            decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let fields = line.split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * sysconf(Int32(_SC_PAGESIZE)) : 0
    }

    private static func openFiles() -> Int {
        guard let folder = unsafe opendir("/proc/self/fd") else { return 0 }
        defer { unsafe closedir(folder) }
        var count = 0
        while unsafe readdir(folder) != nil { count += 1 }
        // Neither `.` nor `..` nor the folder itself.
        return max(0, count - 3)
    }
}
