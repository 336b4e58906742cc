// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Nobody listens where somebody should.
public struct NoConnection: Error {
    /// The error of the system, as `errno` has it.
    public let number: Int32
}

/// A connection to a unix socket, to be closed by who asked for it.
public func unixConnection(to path: String) throws -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) {
        unsafe $0.copyBytes(from: path.utf8)
    }
    let result = unsafe withUnsafeBytes(of: &address) {
        unsafe connect(
            descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self),
            socklen_t($0.count))
    }
    guard result == 0 else {
        defer { close(descriptor) }
        throw NoConnection(number: errno)
    }
    return descriptor
}
