// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import Foundation
import Testing

@testable import Sockets

@Suite struct FrontEndSecretTests {
    private static let text = "0123456789abcdefghijABCDEFGHIJ-_"

    @Test func `it is exactly what was given`() throws {
        let secret: FrontEndSecret = try #require(FrontEndSecret(Self.text))
        let policy = FrontEndPolicy(secret: secret)
        #expect(policy.isSafe && policy.believes(Self.text))
        let others = [
            "", "x", Self.text + "x", String(Self.text.dropLast()), Self.text.lowercased(),
        ]
        for other in others { #expect(!policy.believes(other), "\(other)") }
        #expect(!policy.believes(nil))
    }

    @Test func `without one everybody is believed`() {
        let policy = FrontEndPolicy()
        #expect(!policy.isSafe && policy.believes(nil) && policy.believes("x"))
    }

    @Test(arguments: [
        (31, "a", false), (32, "a", true), (128, "a", true), (129, "a", false), (40, " ", false),
        (40, "\"", false), (40, "$", false), (20, "ä", false),
    ])
    func `it is something that every front end can say`(
        _ count: Int, _ character: String, _ isOne: Bool
    ) {
        #expect((FrontEndSecret(String(repeating: character, count: count)) != nil) == isOne)
    }

    @Test func `a file holds one, or says that there is none`() throws {
        let folder = try TemporaryFolder()
        func read(_ text: String) throws -> FrontEndSecret? {
            try text.write(toFile: folder.file("secret"), atomically: true, encoding: .utf8)
            return try FrontEndSecret.read(folder.file("secret"))
        }
        let one = try read(Self.text + "\r\n")
        #expect(one?.matches(Self.text) == true)
        #expect(try read("none\n") == nil)
        for text in [
            "", "short\n", Self.text + "\n" + Self.text, String(repeating: "x", count: 999),
        ] {
            #expect(throws: FrontEndSecret.ReadError.self) { try read(text) }
        }
        #expect(throws: FrontEndSecret.ReadError.self) {
            try FrontEndSecret.read(folder.file("nowhere"))
        }
    }

    @Test func `the log says once that somebody was not believed`() {
        let policy = FrontEndPolicy()
        #expect([policy.isFirstRefusal(), policy.isFirstRefusal()] == [true, false])
    }
}
