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

    @Test(arguments: [
        "/", "/login", "/login?next=/chat.html&a=%20#x", "https://login.example.com",
        "HTTPS://login.example.com:8443/a?b=c",
    ])
    func `the site's login is a path or an https address`(_ text: String) throws {
        #expect(try parse("--login-url", text).server.loginURL?.text == text)
    }

    @Test(arguments: [
        "login", "//evil.example/", "/\\evil.example", "/\t/evil.example", "/a b", "/ñ", "/\"x",
        "javascript:alert(1)", "data:text/html,x", "http://login.example.com", "https://",
        "https:///login", "https://:443/", "https://ana@login.example.com/", "https:/login",
        "/" + String(repeating: "a", count: 2_000),
    ])
    func `nothing else is the site's login`(_ text: String) {
        #expect(throws: (any Error).self) { try parse("--login-url", text) }
    }
}
