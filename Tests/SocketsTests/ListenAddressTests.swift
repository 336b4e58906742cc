// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import Foundation
import Glibc
import Sockets
import Testing

struct AddressTests {
    @Test func `an address is read as what it looks like`() {
        #expect(ListenAddress("127.0.0.1:8080") == .tcp(host: "127.0.0.1", port: 8080))
        #expect(ListenAddress("[::1]:0") == .tcp(host: "::1", port: 0))
        #expect(ListenAddress("/run/halls/push.sock") == .unix(path: "/run/halls/push.sock"))
        #expect(ListenAddress("localhost") == nil)
        #expect(ListenAddress("localhost:65536") == nil)
        #expect(ListenAddress("") == nil)
    }

    @Test(arguments: ["127.0.0.1:80", "[::1]:80", ":80", "/run/a.sock"])
    func `an address is written as it is read`(text: String) {
        #expect(ListenAddress(text)?.description == text)
    }
}

struct ListeningSocketTests {
    private func mode(of path: String) -> UInt32 {
        var status = stat()
        return unsafe lstat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
    }

    @Test func `a dead one's file is replaced, a live one's is left alone`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.sock")
        let address = ListenAddress.unix(path: path)
        let first = try address.listen(mode: 0o600)
        #expect(mode(of: path) == 0o600)
        #expect(throws: ListenError.inUse(path)) { try address.listen(mode: 0o600) }

        close(first.descriptor)
        // The file system may give its number again at once.
        usleep(50_000)
        let second = try address.listen(mode: 0o660)
        #expect(mode(of: path) == 0o660)
        // By now it is not the first one's to remove.
        #expect(first.file?.remove() == false)
        #expect(second.file?.remove() == true)
        close(second.descriptor)
    }

    @Test func `only who refuses is dead`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.sock")
        let datagrams = try UnixSocket.receiver(at: path, mode: 0o600)
        defer { close(datagrams) }
        // Another kind of socket, as one of another user, does not take us, and does not refuse.
        #expect(throws: ListenError.inUse(path)) {
            try ListenAddress.unix(path: path).listen(mode: 0o600)
        }
        #expect(UnixSocket.File(at: path) != nil)
    }

    @Test func `what is no socket stays, also behind a link`() throws {
        let folder = try TemporaryFolder()
        let (path, link) = (folder.file("precious"), folder.file("link"))
        try Data("precious".utf8).write(to: URL(filePath: path))
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
        for place in [path, link] {
            #expect(throws: ListenError.notASocket(place)) {
                try ListenAddress.unix(path: place).listen(mode: 0o600)
            }
        }
        #expect(FileManager.default.contents(atPath: path) == Data("precious".utf8))
    }

    @Test func `a port is taken once`() throws {
        let first = try ListenAddress.tcp(host: "127.0.0.1", port: 0).listen(mode: 0)
        defer { close(first.descriptor) }
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(first.descriptor, $0, &length)
            }
        }
        try #require(code == 0)
        let port = Int(UInt16(bigEndian: address.sin_port))
        #expect(throws: ListenError.inUse("127.0.0.1:\(port)")) {
            try ListenAddress.tcp(host: "127.0.0.1", port: port).listen(mode: 0)
        }
    }

    @Test func `a path too long, and a host that is none, are said to be so`() {
        let path = "/tmp/" + String(repeating: "a", count: 200)
        #expect(throws: ListenError.malformed(path)) {
            try ListenAddress.unix(path: path).listen(mode: 0)
        }
        #expect(throws: ListenError.unknownHost("no host")) {
            try ListenAddress.tcp(host: "no host", port: 0).listen(mode: 0)
        }
    }
}
