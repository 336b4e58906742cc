// SPDX-License-Identifier: Apache-2.0

import CSodium
import SocketIO

/// The id of a session: who knows it may poll and upgrade, so it cannot be guessed. It also says which event loop the
/// session lives on, because a client's next request may arrive on another.
struct SessionID: Hashable {
    /// 15 bytes of which the first is the loop's number and the others are random.
    private let high: UInt64
    private let low: UInt64

    static func random(loop: Int) -> SessionID {
        var bytes = Self.randomBytes(15)
        bytes[0] = UInt8(loop)
        return SessionID(bytes: bytes)
    }

    /// An id that a client sent; `nil` if it cannot be one.
    init?(text: some StringProtocol) {
        guard text.utf8.count == 20 else { return nil }
        let bytes = text.utf8.map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "-"): UInt8(ascii: "+")
            case UInt8(ascii: "_"): UInt8(ascii: "/")
            default: byte
            }
        }
        guard let decoded = Base64.decode(bytes[...]) else { return nil }
        self.init(bytes: decoded)
    }

    private init(bytes: [UInt8]) {
        high = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        low = bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The number of the event loop that the session lives on.
    var loop: Int { Int(high >> 56) }

    /// 20 characters, URL-safe.
    var text: String {
        var bytes: [UInt8] = []
        for shift in stride(from: 56, through: 0, by: -8) {
            bytes.append(UInt8(high >> UInt64(shift) & 255))
        }
        for shift in stride(from: 48, through: 0, by: -8) {
            bytes.append(UInt8(low >> UInt64(shift) & 255))
        }
        return Self.urlSafe(bytes)
    }

    /// A random id for a socket in a namespace. Nothing is done with it: clients want to see one.
    static func randomSocketID() -> String {
        urlSafe(randomBytes(15))
    }

    private static func randomBytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        unsafe randombytes_buf(&bytes, count)
        return bytes
    }

    private static func urlSafe(_ bytes: [UInt8]) -> String {
        let text = Base64.encode(bytes).map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            default: byte
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
