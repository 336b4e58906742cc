// SPDX-License-Identifier: Apache-2.0

import CSQLite
import Foundation
import GRDB
import Glibc
import Sockets
import Synchronization

/// The engine on SQLite: one connection to the file. Several processes, and several connections in each, use
/// the file at once; a connection is used by one thread at a time and blocks it.
///
/// Each method that writes is one transaction that keeps an invariant, and appends what it did to the log
/// (``changes(after:limit:)``). What a person did wrong is thrown as ``ChatError``; a database that cannot write at the
/// moment (full, locked for too long) as ``ChatError/Code/busy``.
public final class ChatDatabase: ChatStorage {
    /// Why a database cannot be opened.
    public enum OpenError: Error, Equatable, CustomStringConvertible {
        /// There is no such file.
        case missing(path: String)
        /// The file was made by a newer version of this program.
        case newerVersion(path: String)
        /// The file wants migrations that were not run.
        case notMigrated(path: String)
        /// SQLite cannot use the file: no rights, no such folder, not a database.
        case unusable(path: String, reason: String)

        /// The sentence for the operator.
        public var description: String {
            switch self {
            case .missing(let path):
                "There is no database at \(path); chat-admin migrate makes one."
            case .newerVersion(let path):
                "The database at \(path) is of a newer version than this program."
            case .notMigrated(let path):
                "The database at \(path) is of an older version; chat-admin migrate brings it up."
            case .unusable(let path, let reason):
                "The database at \(path) cannot be used: \(reason)."
            }
        }
    }

    /// What to do about the schema when a database is opened.
    public enum Schema: Sendable {
        /// Make or migrate it.
        case migrate
        /// Insist on the newest one: for daemons, whose operator decides when to migrate.
        case require
    }

    /// The bounds of what is kept.
    public let limits: Limits
    /// How long a transaction waits for another process's, or another connection's, before it is `busy`.
    public let lockPatience: Duration
    /// The steps of the schema that opening it has run, oldest first.
    public let migrationsRun: [String]
    /// Tells this chat from others on the same host: eight digits, made with the database.
    public let instance: String
    let queue: DatabaseQueue
    let passwords: PasswordHashing
    let clock: @Sendable () -> Timestamp
    private let noteBusy: @Sendable (Bool) -> Void
    // Never waited for: they are used in transactions alone, and there is one at a time.
    let senders = Mutex(SenderTexts(renames: 0))
    let members = Mutex(RememberedMembers())

    /// Opens the database in a file.
    ///
    /// - Parameters:
    ///   - path: the SQLite file.
    ///   - schema: whether to migrate it.
    ///   - limits: the bounds of what is kept.
    ///   - passwords: how passwords are hashed.
    ///   - lockPatience: how long a transaction waits for another's lock.
    ///   - clock: tells the time; tests pass their own.
    ///   - noteBusy: is told `true` with each transaction that fails because the database is full or locked, and `false`
    ///     with each one that has written something.
    /// - Throws: ``OpenError``.
    public init(
        path: String, schema: Schema = .require, limits: Limits = Limits(),
        passwords: PasswordHashing = .interactive, lockPatience: Duration = .seconds(10),
        clock: @escaping @Sendable () -> Timestamp = Timestamp.now,
        noteBusy: @escaping @Sendable (Bool) -> Void = { _ in }
    ) throws {
        if case .require = schema, !FileManager.default.fileExists(atPath: path) {
            throw OpenError.missing(path: path)
        }
        self.limits = limits
        self.passwords = passwords
        self.lockPatience = lockPatience
        self.clock = clock
        self.noteBusy = noteBusy
        do {
            (queue, migrationsRun) = try Self.alone(inFolderOf: path) {
                let queue = try Self.openQueue(path, lockPatience)
                return (queue, try Self.prepare(queue, schema, path: path))
            }
            instance = try Self.instance(queue)
        } catch let error as DatabaseError {
            throw OpenError.unusable(path: path, reason: Self.reason(error, opening: path))
        }
    }

    /// Opens an empty database in memory, for tests.
    public init(
        inMemory limits: Limits, clock: @escaping @Sendable () -> Timestamp = Timestamp.now
    ) throws {
        self.limits = limits
        passwords = .cheapest
        lockPatience = .zero
        self.clock = clock
        noteBusy = { _ in }
        queue = try DatabaseQueue(configuration: Self.configuration(isFile: false, lockPatience))
        try Self.migrator.migrate(queue)
        migrationsRun = Self.migrator.migrations
        instance = try Self.instance(queue)
    }

    /// SQLite counts what it allocates, behind a lock of the whole process: a tenth of what a message costs it. Nobody asks
    /// for the count. This has to be said before the first file is opened; later it has no effect.
    private static let isTuned = halls_sqlite_without_memory_statistics() == SQLITE_OK

    /// How long `halls.db-wal` stays when its pages are in the database. It comes to half of that by itself, each time before
    /// they are.
    static let logBytesMax = 8 << 20

    private static func configuration(
        isFile: Bool, _ lockPatience: Duration
    ) -> Configuration {
        _ = isTuned
        var configuration = Configuration()
        configuration.label = "chat"
        configuration.busyMode = .timeout(lockPatience / .seconds(1))
        if isFile { configuration.journalMode = .wal }
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA temp_store = MEMORY")
            // What is deleted is overwritten, and not only no longer found. Debian's SQLite does so by itself.
            try db.execute(sql: "PRAGMA secure_delete = ON")
            // What a long read or one large transaction made of the log is given back when the log begins anew.
            try db.execute(sql: "PRAGMA journal_size_limit = \(logBytesMax)")
            try RunningArgument.register(in: db)
        }
        return configuration
    }

    /// Opens the file. The change to WAL does not wait for others as statements do, so it is tried for a while.
    private static func openQueue(
        _ path: String, _ lockPatience: Duration
    ) throws -> DatabaseQueue {
        let configuration = configuration(isFile: true, lockPatience)
        for _ in 0..<100 {
            do {
                return try DatabaseQueue(path: path, configuration: configuration)
            } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
                usleep(20_000)
            }
        }
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    /// - Returns: the migrations that were run.
    private static func prepare(
        _ queue: DatabaseQueue, _ schema: Schema, path: String
    ) throws -> [String] {
        // With WAL, GRDB lowers this to NORMAL. An acknowledged message has to survive a power cut: FULL.
        try queue.inDatabase { db in try db.execute(sql: "PRAGMA synchronous = FULL") }
        if try queue.read(migrator.hasBeenSuperseded) {
            throw OpenError.newerVersion(path: path)
        }
        switch schema {
        case .migrate:
            let before = try queue.read(migrator.appliedMigrations)
            try migrator.migrate(queue)
            return migrator.migrations.filter { !before.contains($0) }
        case .require:
            guard try queue.read(migrator.hasCompletedMigrations) else {
                throw OpenError.notMigrated(path: path)
            }
            return []
        }
    }

    private static func instance(_ queue: DatabaseQueue) throws -> String {
        try queue.inDatabase { try String.fetchOne($0, sql: "SELECT id FROM instance") ?? "" }
    }

    // MARK: Transactions

    /// Runs one read transaction: everything in it sees the same state.
    ///
    /// Not GRDB's own `read`: that guards with `PRAGMA query_only`, which makes SQLite compile every statement anew, and
    /// costs more than the reading. Nor its `inTransaction`, which compiles its two statements each time.
    func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try translatingErrors {
            try queue.inDatabase { db in
                try FastStatement("BEGIN", in: db).run()
                // Nothing was written, so that the end is the same whatever came of it.
                defer { try? FastStatement("COMMIT", in: db).run() }
                return try body(db)
            }
        }
    }

    /// Another connection has the lock of the database, and it was not waited for any longer.
    struct LockTaken: Error {}

    /// Runs one write transaction, which begins with the lock: it never fails half way for want of it.
    ///
    /// - Parameters:
    ///   - milliseconds: how long it waits for the lock, where that is not ``lockPatience``; then it throws
    ///     ``LockTaken``, and nothing was done.
    ///   - committed: is told that it did not fail, before there is another.
    func write<Value>(
        waitingAtMost milliseconds: Int32? = nil, _ body: (Database) throws -> Value,
        then committed: (Database) -> Void = { _ in }
    ) throws -> Value {
        try translatingErrors {
            try queue.inDatabase { db in
                try begin(waitingAtMost: milliseconds, db)
                let rowsBefore = db.totalChangesCount
                let value: Value
                do {
                    value = try body(db)
                    try db.cachedStatement(sql: "COMMIT").execute()
                } catch {
                    // A full disk has ended it already.
                    if db.isInsideTransaction {
                        try? db.cachedStatement(sql: "ROLLBACK").execute()
                    }
                    throw error
                }
                committed(db)
                // A full disk lets through what changes nothing.
                if db.totalChangesCount > rowsBefore { noteBusy(false) }
                return value
            }
        }
    }

    private func begin(waitingAtMost milliseconds: Int32?, _ db: Database) throws {
        // As GRDB's own, which compiles the statement each time.
        let begin = try db.cachedStatement(sql: "BEGIN IMMEDIATE")
        guard let milliseconds else { return try begin.execute() }
        do {
            try waiting(atMost: milliseconds, db) { try begin.execute() }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
            throw LockTaken()
        }
    }

    /// Does something while SQLite does not look whether rows refer to rows that are there: who is called sees to it.
    func withoutForeignKeys<Value>(_ body: () throws -> Value) throws -> Value {
        try queue.inDatabase { db in try db.execute(sql: "PRAGMA foreign_keys = OFF") }
        defer {
            try? queue.inDatabase { db in try db.execute(sql: "PRAGMA foreign_keys = ON") }
        }
        return try body()
    }

    /// What is not the caller's fault but passes by itself becomes ``ChatError/Code/busy``.
    private func translatingErrors<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as DatabaseError
            where [.SQLITE_BUSY, .SQLITE_FULL, .SQLITE_LOCKED].contains(error.resultCode)
            || error.extendedResultCode == .SQLITE_IOERR_WRITE
        {
            noteBusy(true)
            throw ChatError(.busy)
        }
    }

    /// Does something that waits for others' locks for so many milliseconds, and not for ``lockPatience``.
    func waiting<Value>(
        atMost milliseconds: Int32, _ db: Database, _ body: () throws -> Value
    ) rethrows -> Value {
        _ = unsafe sqlite3_busy_timeout(db.sqliteConnection, milliseconds)
        defer {
            let usual = Int32(lockPatience / .milliseconds(1))
            _ = unsafe sqlite3_busy_timeout(db.sqliteConnection, usual)
        }
        return try body()
    }

    // MARK: Care

    /// As ``ChatStorage`` says.
    public func close() throws {
        try queue.close()
    }

    /// As ``ChatStorage`` says: the pages that SQLite has read, up to 2 MB of them. What is compiled stays.
    public func releaseMemory() {
        queue.inDatabase { db in _ = unsafe sqlite3_db_release_memory(db.sqliteConnection) }
    }

    /// As ``ChatStorage`` says.
    public func ping() throws {
        _ = try read { db in try Int.fetchOne(db, sql: "SELECT 1 FROM users LIMIT 1") }
    }

    /// As ``ChatStorage`` says.
    public func tryWriting() throws {
        do {
            try write(waitingAtMost: 100) { db in try db.execute(sql: "UPDATE instance SET id = id")
            }
        } catch is LockTaken {
            noteBusy(true)
            throw ChatError(.busy)
        }
    }

    /// Writes a consistent copy to a new file while others go on reading and writing. The file appears when it is
    /// whole, was checked, and is on the disk.
    ///
    /// - Throws: ``ChatError``: `invalid_request` with a sentence, where there is a file already, none can be made, or
    ///   the copy is not sound.
    public func backup(to path: String) throws {
        guard !FileManager.default.fileExists(atPath: path) else {
            throw ChatError(.invalidRequest, "There is a file at \(path) already.")
        }
        let partial = path + ".partial-\(getpid())"
        defer { unsafe unlink(partial) }
        do {
            try queue.inDatabase { db in try db.execute(sql: "VACUUM INTO ?", arguments: [partial])
            }
            let copy = try ChatDatabase(path: partial, limits: limits)
            let problems = try copy.problems()
            try copy.queue.close()
            guard problems.isEmpty else {
                throw ChatError(
                    .invalidRequest, "The copy is not sound: \(problems.joined(separator: " "))")
            }
        } catch let error as DatabaseError {
            throw ChatError(.invalidRequest, "No copy was made: \(Self.reason(error)).")
        }
        // SQLite does not bring what VACUUM INTO writes to the disk. And link(), unlike rename(), replaces nothing.
        guard synchronize(partial), unsafe link(partial, path) == 0,
            synchronize((path as NSString).deletingLastPathComponent)
        else { throw ChatError(.invalidRequest, "\(SystemError(number: errno, path: path)).") }
    }

    /// An error of the database in words, for who looks after it; `nil` for other errors.
    public static func sentence(for error: any Error) -> String? {
        (error as? DatabaseError).map { "The database cannot be used: \(reason($0))." }
    }

    private static func reason(_ error: DatabaseError) -> String {
        error.message ?? "SQLite's error \(error.extendedResultCode.rawValue)"
    }

    /// Who opens a database first makes two files beside it, and SQLite has no word of its own for it where they do not fit.
    private static func reason(_ error: DatabaseError, opening path: String) -> String {
        let isFull =
            error.resultCode == .SQLITE_FULL
            || [.SQLITE_IOERR_SHMSIZE, .SQLITE_IOERR_WRITE].contains(error.extendedResultCode)
        guard isFull else { return reason(error) }
        return "its disk is full (\(reason(error))); make room there, see df \(path)"
    }

    /// Runs something while no other process, or connection, does the same for a file in that folder: a migrator decides
    /// what is to be done, and what is there, before it has SQLite's lock. The folder is locked and not the file, which
    /// SQLite locks itself.
    private static func alone<Value>(
        inFolderOf path: String, _ body: () throws -> Value
    ) throws -> Value {
        let folder = URL(filePath: path).deletingLastPathComponent().path(percentEncoded: false)
        let descriptor = unsafe open(folder, O_RDONLY | O_CLOEXEC | O_DIRECTORY)
        defer { if descriptor >= 0 { Glibc.close(descriptor) } }
        // A file system without such locks is no reason not to migrate.
        if descriptor >= 0 { while flock(descriptor, LOCK_EX) != 0, errno == EINTR {} }
        return try body()
    }

    /// Brings a file or a folder to the disk.
    private func synchronize(_ path: String) -> Bool {
        let descriptor = unsafe open(path.isEmpty ? "." : path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { Glibc.close(descriptor) }
        return fsync(descriptor) == 0
    }
}
