// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ChatOptions

/// Which folders of a host the chat can lie in.
@Suite struct SitePrefixTests {
    @Test(arguments: [
        ("", ""), ("/", ""), ("/community", "/community"), ("/a/b/chat/", "/a/b/chat"),
        ("/~ana/x-1_2.3", "/~ana/x-1_2.3"),
    ])
    func `a folder has no slash at its end`(text: String, path: String) {
        #expect(SitePrefix(argument: text)?.path == path)
    }

    @Test(arguments: [
        "community", "//", "/a//b", "/a/../b", "/./a", "/a b", "/a?b", "/a#b", "/a%20b", "/ñ",
        "/a\"b", "/a;b", "/a$b", "/a{b}", "/a\nb",
        "/" + String(repeating: "a", count: 200),
    ])
    func `what would mean something else to a web server is no folder`(text: String) {
        #expect(SitePrefix(argument: text) == nil)
    }
}
