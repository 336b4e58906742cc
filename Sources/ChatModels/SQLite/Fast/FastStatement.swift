// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import GRDB
import GRDBSQLite

/// A prepared statement of GRDB's cache, used through SQLite's own functions: what every message and every page of a
/// history goes through. GRDB's arguments and rows are kinder, and cost more than the statements themselves.
///
/// It is used at once, in the transaction that it was taken in, and reset when it has no more rows.
@safe struct FastStatement {
    private let statement: Statement
    private let pointer: OpaquePointer

    /// Takes the statement for a text from the connection's cache, or prepares it.
    init(_ sql: String, in db: Database) throws {
        statement = try db.cachedStatement(sql: sql)
        unsafe pointer = statement.sqliteStatement
        unsafe sqlite3_reset(pointer)
    }

    // MARK: Arguments, counted from 1

    func bind(_ index: Int32, _ value: Int64) {
        unsafe sqlite3_bind_int64(pointer, index, value)
    }

    func bind(_ index: Int32, _ value: Int64?) {
        if let value { bind(index, value) } else { unsafe sqlite3_bind_null(pointer, index) }
    }

    func bind(_ index: Int32, _ text: String?) {
        guard var text else {
            unsafe sqlite3_bind_null(pointer, index)
            return
        }
        text.withUTF8 { bytes in
            _ = unsafe bytes.withMemoryRebound(to: CChar.self) { characters in
                // SQLite makes a copy: the text is gone when the statement runs.
                unsafe sqlite3_bind_text(
                    pointer, index, characters.baseAddress, Int32(characters.count),
                    unsafeBitCast(-1, to: sqlite3_destructor_type.self))
            }
        }
    }

    func bind(_ index: Int32, _ blob: [UInt8]) {
        // SQLite makes a copy here, too.
        unsafe sqlite3_bind_blob(
            pointer, index, blob, Int32(blob.count),
            unsafeBitCast(-1, to: sqlite3_destructor_type.self))
    }

    /// Binds an argument that may change; it has to live as long as the statement runs.
    func bind(_ index: Int32, _ argument: RunningArgument) {
        unsafe argument.bind(to: pointer, at: index)
    }

    // MARK: Running

    /// Runs a statement that gives no rows.
    func run() throws {
        while try step() {}
    }

    /// Goes to the next row.
    ///
    /// - Returns: whether there is one.
    func step() throws -> Bool {
        let code = unsafe sqlite3_step(pointer)
        if code == SQLITE_ROW { return true }
        unsafe sqlite3_reset(pointer)
        guard code == SQLITE_DONE else {
            throw DatabaseError(resultCode: ResultCode(rawValue: code), sql: statement.sql)
        }
        return false
    }

    /// Ends the statement before its last row.
    func finish() {
        unsafe sqlite3_reset(pointer)
    }

    // MARK: Columns, counted from 0

    func integer(_ column: Int32) -> Int64 {
        unsafe sqlite3_column_int64(pointer, column)
    }

    func optionalInteger(_ column: Int32) -> Int64? {
        isNull(column) ? nil : integer(column)
    }

    func bool(_ column: Int32) -> Bool { integer(column) != 0 }

    func text(_ column: Int32) -> String {
        guard let start = unsafe sqlite3_column_text(pointer, column) else { return "" }
        let count = unsafe Int(sqlite3_column_bytes(pointer, column))
        return unsafe String(
            decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    func optionalText(_ column: Int32) -> String? {
        isNull(column) ? nil : text(column)
    }

    func isNull(_ column: Int32) -> Bool {
        unsafe sqlite3_column_type(pointer, column) == SQLITE_NULL
    }

    /// Writes a text as a string of JSON, without making a `String` of it. What is kept was given by ``bind(_:_:)``, so
    /// that it is valid UTF-8.
    func write(_ column: Int32, to json: inout JSONWriter) {
        let start = unsafe sqlite3_column_text(pointer, column)
        let count = unsafe Int(sqlite3_column_bytes(pointer, column))
        unsafe json.string(utf8: UnsafeBufferPointer(start: start, count: start == nil ? 0 : count))
    }
}
