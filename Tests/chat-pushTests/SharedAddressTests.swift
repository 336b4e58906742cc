// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

@testable import chat_push

@Suite struct SharedAddressTests {
    let shared = SharedAddress()

    @Test func `more than twenty people of one private address are told of once`() {
        for user in 1...20 {
            #expect(!shared.begin(Int64(user), at: "10.0.0.1"))
        }
        // More connections of one person are no more people, nor are people of other addresses.
        #expect(!shared.begin(1, at: "10.0.0.1"))
        #expect(!shared.begin(21, at: "10.0.0.2"))

        #expect(shared.begin(21, at: "10.0.0.1"))

        for user in 22...60 {
            #expect(!shared.begin(Int64(user), at: "10.0.0.1"))
            #expect(!shared.begin(Int64(user), at: "10.0.0.2"))
        }
    }

    @Test func `who has gone does not count`() {
        for user in 1...100 {
            #expect(!shared.begin(Int64(user), at: "127.0.0.1"))
            shared.end(Int64(user), at: "127.0.0.1")
        }
    }

    @Test func `who is there on another connection does`() {
        for user in 1...20 {
            for _ in 1...2 { #expect(!shared.begin(Int64(user), at: "127.0.0.1")) }
            shared.end(Int64(user), at: "127.0.0.1")
        }
        #expect(shared.begin(21, at: "127.0.0.1"))
    }

    @Test func `an address of the internet may have many people`() {
        for user in 1...100 { #expect(!shared.begin(Int64(user), at: "192.0.2.1")) }
    }

    @Test func `where private addresses differ they are the clients' own`() {
        for user in 1...65 { #expect(!shared.begin(Int64(user), at: "10.0.0.\(user)")) }
        for user in 1...100 { #expect(!shared.begin(Int64(user), at: "10.0.0.1")) }
    }

    @Test func `a daemon whose people come by one proxy says so`() throws {
        let warned = Mutex<[String]>([])
        let site = try PushSite(settings: { settings in
            settings.warnOfAddress = { address in warned.withLock { $0.append(address) } }
        })
        try withSite(site) { site in
            var clients: [PushClient] = []
            for number in 1...22 { clients.append(try site.client(site.join("p\(number)"))) }

            #expect(warned.withLock(\.count) == 1)
            #expect(clients.count == 22)
        }
    }
}
