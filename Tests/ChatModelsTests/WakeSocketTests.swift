// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import Foundation
import Glibc
import Sockets
import Testing

@testable import ChatModels

/// The wake-up between processes.
@Suite struct WakeSocketTests {
    @Test func `a wake-up is an empty datagram`() throws {
        let folder = try TemporaryFolder()
        let wake = WakeSocket(path: folder.file("wake"))
        let descriptor = try wake.listen()
        defer { close(descriptor) }

        wake.wake()
        wake.wake()

        var byte: UInt8 = 1
        #expect(unsafe recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT)) == 0)
        #expect(unsafe recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT)) == 0)
        #expect(unsafe recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT)) == -1)
    }

    @Test func `waking nobody, or one who does not listen, is no error and does not wait`() throws {
        let folder = try TemporaryFolder()
        let wake = WakeSocket(path: folder.file("wake"))
        wake.wake()
        let descriptor = try wake.listen()

        for _ in 0..<10_000 { wake.wake() }

        close(descriptor)
        wake.wake()
    }

    @Test func `a socket left behind is replaced, and only its owner and group may write`() throws {
        let folder = try TemporaryFolder()
        let wake = WakeSocket(path: folder.file("wake"))
        close(try wake.listen())

        let descriptor = try wake.listen()
        defer { close(descriptor) }
        wake.wake()

        var byte: UInt8 = 1
        #expect(unsafe recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT)) == 0)
        let attributes = try FileManager.default.attributesOfItem(atPath: wake.path)
        #expect(attributes[.posixPermissions] as? Int == 0o660)
    }

    @Test func `a path is as long as the system takes, and not one byte longer`() throws {
        let folder = "/tmp/halls-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let longest = folder + "/" + String(repeating: "w", count: 106 - folder.utf8.count)

        close(try WakeSocket(path: longest).listen())

        let open = try openFiles()
        for _ in 0..<20 {
            let error = #expect(throws: SystemError.self) {
                try WakeSocket(path: longest + "w").listen()
            }
            #expect(error?.number == ENAMETOOLONG)
            let missing = #expect(throws: SystemError.self) {
                try WakeSocket(path: folder + "/none/wake").listen()
            }
            #expect(missing?.number == ENOENT)
        }
        WakeSocket(path: longest + "w").wake()
        // Others open files at the same time; twenty would be ours.
        #expect(try openFiles() < open + 20)
    }

    private func openFiles() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
    }
}
