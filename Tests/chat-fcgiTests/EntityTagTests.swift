// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import Testing

@testable import chat_fcgi

struct EntityTagTests {
    private let tag = EntityTag { $0.raw("1.7") }

    @Test(arguments: [
        "\"1.7\"", "W/\"1.7\"", "*", " * ", "\"a\", \"1.7\"", "\"a\",W/\"1.7\"",
        ", ,\"\",\t\"1.7\" ,",
        "\"a,b\", \"1.7\"", "\"1.7\"; what is this",
    ])
    func `a client that has the state says so`(_ header: String) {
        #expect(tag.isNamed(in: header))
    }

    @Test(arguments: [
        "", " ", ",", "1.7", "\"1.7", "1.7\"", "\"1.8\"", "\"1.\"", "\"1.77\"", "w/\"1.7\"",
        "W/", "W", "\"", "\"\"", "**", "*, \"1.7\"x", "\"a\" x \"1.7\"", "'1.7'", "\"a\", 1.7",
        "\u{0}\"1.7\"", "é",
    ])
    func `what names another state, or none, does not`(_ header: String) {
        #expect(!tag.isNamed(in: header))
    }

    @Test func `a long header is no harm`() {
        let many = String(repeating: "W/\"x\", ", count: 20_000)
        #expect(tag.isNamed(in: many + "\"1.7\""))
        #expect(!tag.isNamed(in: many))
    }
}
