// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What a limit by address counts for.
public enum AddressPrefix {
    // The longest address has 45 characters; behind it may stand the name of an interface.
    private static let bytesMax = 64
    /// Where IPv4 stands in IPv6: `::ffff:0:0/96` (RFC 4291 §2.5.5.2), and `64:ff9b::/96` behind a NAT64 (RFC 6052 §2.1).
    private static let prefixesOfIPv4: [[UInt8]] = [
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], [0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0],
    ]

    /// Whether a prefix is of an address that nobody has on the internet (RFC 1918, RFC 6598, loopback), or of none: that of a
    /// client in the same building, or of a proxy. Of IPv6 only the machine itself, for a private network has one prefix.
    public static func isPrivate(_ prefix: String) -> Bool {
        var number = in_addr()
        guard unsafe inet_pton(AF_INET, prefix, &number) == 1 else {
            return prefix == "::/64" || prefix.isEmpty || prefix == "unix:"
        }
        let address = UInt32(bigEndian: number.s_addr)
        return address >> 24 == 127 || address >> 24 == 10 || address >> 20 == 0xAC1
            || address >> 16 == 0xC0A8 || address >> 22 == 0x191
    }

    /// The part of an address that its owner cannot change at will: `2001:db8::/64` of `2001:db8::1`, since who has one
    /// address of IPv6 has all that share its first 64 bits. An address of IPv4 is itself, also where IPv6 carries it, and
    /// so is what is no address.
    public static func of(_ address: String) -> String {
        guard address.utf8.count <= bytesMax, address.utf8.contains(UInt8(ascii: ":")) else {
            return address
        }
        // RFC 4007 §11.2: an interface stands behind a percent sign.
        let plain = String(Substring(address.utf8.prefix { $0 != UInt8(ascii: "%") }))
        var number = in6_addr()
        guard unsafe inet_pton(AF_INET6, plain, &number) == 1 else { return address }
        var bytes = unsafe withUnsafeBytes(of: number) { unsafe Array($0) }
        if prefixesOfIPv4.contains(Array(bytes[..<12])) {
            return bytes[12...].map(String.init).joined(separator: ".")
        }
        for index in 8..<16 { bytes[index] = 0 }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        unsafe inet_ntop(AF_INET6, bytes, &text, socklen_t(text.count))
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            + "/64"
    }
}
