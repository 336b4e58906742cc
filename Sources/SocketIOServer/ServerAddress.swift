// SPDX-License-Identifier: Apache-2.0

import Glibc
public import NIOCore
public import NIOPosix

extension SocketIOServer {
    /// Where a server listens.
    public enum Address: Sendable, Equatable, CustomStringConvertible {
        /// A TCP port; 0 for any that is free.
        case tcp(host: String, port: Int)
        /// A unix socket.
        case unix(path: String)

        /// Reads `HOST:PORT`, or a path, which has a slash in it.
        public init?(_ text: String) {
            if text.contains("/") {
                self = .unix(path: text)
            } else if let colon = text.lastIndex(of: ":"),
                let port = Int(text[text.index(after: colon)...]), 0...65_535 ~= port
            {
                let host = text[..<colon].trimmingPrefix("[")
                self = .tcp(host: String(host.last == "]" ? host.dropLast() : host), port: port)
            } else {
                return nil
            }
        }

        /// As ``init(_:)`` reads it.
        public var description: String {
            switch self {
            case .tcp(let host, let port): "\(host):\(port)"
            case .unix(let path): path
            }
        }

        /// Removes what listening there leaves behind: the file of a unix socket.
        public func removeFile() {
            if case .unix(let path) = self { unsafe unlink(path) }
        }
    }

    /// Somebody else listens there.
    public struct AddressInUse: Error, CustomStringConvertible {
        /// Where.
        public var address: Address
        /// A sentence for people.
        public var description: String { "\(address) is in use." }
    }
}

extension ServerBootstrap {
    /// Listens at an address.
    ///
    /// - Parameter socketMode: the permissions of a unix socket.
    /// - Throws: ``SocketIOServer/AddressInUse``, or the system's error.
    public func listen(
        at address: SocketIOServer.Address, socketMode: UInt32
    ) throws -> any Channel {
        switch address {
        case .tcp(let host, let port):
            do {
                return try bind(host: host, port: port).wait()
            } catch let error as IOError where error.errnoCode == EADDRINUSE {
                throw SocketIOServer.AddressInUse(address: address)
            }
        case .unix(let path):
            if try UnixSocket.isLive(path) { throw SocketIOServer.AddressInUse(address: address) }
            let channel = try bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true)
                .wait()
            unsafe chmod(path, socketMode)
            return channel
        }
    }
}

/// Unix sockets as files.
enum UnixSocket {
    /// Whether somebody answers at a path. A file that a dead process left is not live.
    static func isLive(_ path: String) throws -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let address = try SocketAddress(unixDomainSocketPath: path)
        return unsafe address.withSockAddr { unsafe connect(descriptor, $0, socklen_t($1)) } == 0
    }
}
