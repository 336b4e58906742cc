// SPDX-License-Identifier: Apache-2.0

import SocketIO
import Testing

struct Base64Tests {
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ])
    func `the examples of RFC 4648 read and write`(plain: String, text: String) {
        #expect(Base64.encode(Array(plain.utf8)) == Array(text.utf8))
        #expect(Base64.decode(Array(text.utf8)[...]) == Array(plain.utf8))
        #expect(
            Base64.decode(Array(text.utf8.prefix { $0 != UInt8(ascii: "=") })[...])
                == Array(plain.utf8))
    }

    @Test func `random bytes come back`() {
        for count in 0..<200 {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255) }
            let text = Base64.encode(bytes)
            #expect(text.count % 4 == 0)
            #expect(Base64.decode(text[...]) == bytes)
        }
    }

    @Test(arguments: ["A", "AAAAA", "A===", "====", "AA=A", "AA A", "AB-_", "ÄÖ", "AA\n="])
    func `what is not base64 is refused`(text: String) {
        #expect(Base64.decode(Array(text.utf8)[...]) == nil)
    }
}
