// SPDX-License-Identifier: Apache-2.0

import Glibc

/// An error of the operating system, with the path it is about.
public struct SystemError: Error, CustomStringConvertible {
    /// `errno`
    public var number: Int32
    /// What it is about.
    public var path: String

    /// Makes an error of its parts.
    public init(number: Int32, path: String) {
        self.number = number
        self.path = path
    }

    /// What it is about, and the system's words.
    public var description: String {
        let text = unsafe String(cString: strerror(number))
        return "\(path): \(text)"
    }
}

/// The result of a system call.
///
/// - Throws: the system's error, if it is negative.
@discardableResult
public func checked(_ result: Int32, _ what: String) throws -> Int32 {
    guard result >= 0 else { throw SystemError(number: errno, path: what) }
    return result
}
