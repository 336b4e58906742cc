// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Testing

@testable import chat_fcgi

struct OptionsTests {
    private func parse(_ words: String...) throws -> ChatFCGI {
        try ChatFCGI.parse(["--database", "a.db"] + words)
    }

    @Test func `a body has room for the longest message`() throws {
        _ = try parse()
        _ = try parse("--message-length-max", "16128")
        let error = #expect(throws: (any Error).self) {
            try parse("--message-length-max", "16129")
        }

        #expect(
            error.map { ChatFCGI.message(for: $0) }
                == "--body-bytes-max must be 65540 at least, for messages of 16129 code points.")
        _ = try parse("--message-length-max", "100000", "--body-bytes-max", "401024")
        #expect(throws: (any Error).self) {
            try parse("--message-length-max", "100000", "--body-bytes-max", "401023")
        }
    }
}
