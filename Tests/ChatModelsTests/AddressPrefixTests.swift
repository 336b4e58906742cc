// SPDX-License-Identifier: Apache-2.0

import ChatModels
import Testing

@Suite struct AddressPrefixTests {
    @Test(arguments: [
        ("2001:db8::1", "2001:db8::/64"), ("2001:DB8:0:0:ffff:ffff:ffff:ffff", "2001:db8::/64"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("::1", "::/64"), ("::", "::/64"),
        ("fe80::1", "fe80::/64"), ("fe80::1%eth0", "fe80::/64"), ("fe80::2%3", "fe80::/64"),
        ("2001:db8::1.2.3.4", "2001:db8::/64"),
    ])
    func `of IPv6 it is the first 64 bits`(address: String, prefix: String) {
        #expect(AddressPrefix.of(address) == prefix)
    }

    @Test(arguments: [
        ("1.2.3.4", "1.2.3.4"), ("::ffff:1.2.3.4", "1.2.3.4"), ("::FFFF:102:304", "1.2.3.4"),
        ("64:ff9b::1.2.3.4", "1.2.3.4"),
    ])
    func `of IPv4 it is the address, whatever carries it`(address: String, prefix: String) {
        #expect(AddressPrefix.of(address) == prefix)
    }

    @Test(arguments: [
        "", ":", ":::", "x", "unix:", "1.2.3.4:80", "[::1]", "[::1]:80", "2001:db8::1/64", "::1 ",
        "%eth0", "12345::", "1:2:3:4:5:6:7:8:9", "::ffff:1.2.3.256", "::é",
    ])
    func `what is no address stays as it is`(text: String) {
        #expect(AddressPrefix.of(text) == text)
    }

    @Test(arguments: [
        "127.0.0.1", "127.255.255.255", "10.0.0.0", "10.255.255.255", "172.16.0.0",
        "172.31.255.255",
        "192.168.0.0", "192.168.255.255", "100.64.0.0", "100.127.255.255", "::/64", "", "unix:",
    ])
    func `addresses of this machine and of a building are private`(prefix: String) {
        #expect(AddressPrefix.isPrivate(prefix))
    }

    @Test(arguments: [
        "126.255.255.255", "128.0.0.0", "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0",
        "192.167.255.255", "192.169.0.0", "100.63.255.255", "100.128.0.0", "2001:db8::/64",
        "fd00::/64", "x",
    ])
    func `those of the internet are not, nor networks of IPv6`(prefix: String) {
        #expect(!AddressPrefix.isPrivate(prefix))
    }

    @Test func `an address with 64 bytes is read, a longer one is not`() {
        let zone = "fe80::1%" + String(repeating: "x", count: 56)

        #expect(AddressPrefix.of(zone) == "fe80::/64")
        #expect(AddressPrefix.of(zone + "x") == zone + "x")
    }
}
