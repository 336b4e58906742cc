// SPDX-License-Identifier: Apache-2.0

import ChatModels
import Testing

@Suite struct SessionCookieTests {
    private static let token = String(repeating: "aB_-", count: 10) + "123"
    private static let other = String(repeating: "z", count: 43)

    @Test(
        arguments: [
            ("", []), ("halls_session=\(token)", [token]),
            ("a=b; halls_session=\(token); c=d", [token]),
            ("halls_session=\(token);halls_session=\(other)", [token, other]),
            (";;; \t halls_session=\(token);", [token]), ("xhalls_session=\(token)", []),
            ("halls_sessionx=\(token)", []), ("HALLS_SESSION=\(token)", []),
            ("halls_session", []), (";;=;", []),
        ] as [(String, [String])])
    func `the tokens of a header come in their order`(header: String, tokens: [String]) {
        #expect(SessionCookie().tokens(in: header) == tokens)
    }

    @Test func `what cannot be a token is passed over`() {
        for wrong in ["", "x", Self.token + "a", String(Self.token.dropLast())] {
            let header = "halls_session=\(wrong); halls_session=\(Self.token)"
            #expect(SessionCookie().tokens(in: header) == [Self.token])
        }
    }

    @Test func `a header gives four tokens and no more`() {
        let header = Array(repeating: "halls_session=\(Self.token)", count: 5)
        #expect(SessionCookie().tokens(in: header.joined(separator: "; ")).count == 4)
    }

    @Test func `a header of 16 KiB is read, a longer one is not`() {
        let start = "halls_session=\(Self.token); x="
        let padding = String(repeating: "y", count: 16_384 - start.utf8.count)
        #expect(SessionCookie().tokens(in: start + padding) == [Self.token])
        #expect(SessionCookie().tokens(in: start + padding + "y").isEmpty)
    }
}
