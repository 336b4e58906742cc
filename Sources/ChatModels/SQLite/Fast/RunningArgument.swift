// SPDX-License-Identifier: Apache-2.0

import GRDB
import GRDBSQLite

/// An argument of a statement that may get another value while the statement runs: between two rows SQLite looks at it
/// again. Used by one thread.
@safe final class RunningArgument {
    /// What stands for it in the statement's text.
    static let sql = "running_argument(?)"
    /// SQLite gives a pointer to none but who knows its type (sqlite3_bind_pointer).
    private static let type: StaticString = "RunningArgument"

    private let place: UnsafeMutablePointer<Int64>

    init(_ value: Int64) {
        unsafe place = .allocate(capacity: 1)
        unsafe place.initialize(to: value)
    }

    deinit { unsafe place.deallocate() }

    var value: Int64 {
        get { unsafe place.pointee }
        set { unsafe place.pointee = newValue }
    }

    /// Makes the function of the statement's text known to a connection.
    static func register(in db: Database) throws {
        let code = unsafe sqlite3_create_function_v2(
            db.sqliteConnection, "running_argument", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY, nil,
            { context, _, arguments in
                let place = unsafe sqlite3_value_pointer(arguments?[0], RunningArgument.typeName)
                guard let place = unsafe place?.assumingMemoryBound(to: Int64.self) else {
                    return unsafe sqlite3_result_null(context)
                }
                unsafe sqlite3_result_int64(context, place.pointee)
            }, nil, nil, nil)
        guard code == SQLITE_OK else {
            throw DatabaseError(resultCode: ResultCode(rawValue: code))
        }
    }

    /// Binds it to a parameter. It has to live as long as the statement runs.
    func bind(to statement: OpaquePointer, at index: Int32) {
        unsafe sqlite3_bind_pointer(statement, index, place, Self.typeName, nil)
    }

    private static var typeName: UnsafePointer<CChar> {
        unsafe UnsafeRawPointer(type.utf8Start).assumingMemoryBound(to: CChar.self)
    }
}
