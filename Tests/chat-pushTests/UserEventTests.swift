// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatTesting
import CompactJSON
import Testing

@testable import chat_push

/// Somebody gets another name: who sees that person hears it, and nothing that is kept shows the old one.
@Suite struct UserEventTests {
    private func join(_ client: PushClient, _ hall: Hall, rev: Int64? = nil) throws -> JSONValue {
        var members: [JSONValue.Member] = [.init("hall_id", .integer(hall.id))]
        if let rev { members.append(.init("since_rev", .integer(rev))) }
        return try client.call("join_hall", .object(members))
    }

    private func timesTold(_ client: PushClient) -> Int {
        client.heard.count {
            if case .event("user_changed", _) = $0 { true } else { false }
        }
    }

    @Test func `who shares a hall hears of another name once, a stranger never`() throws {
        try withSite(PushSite()) { site in
            let bea = try site.join("bea")
            let second = try site.database.makeHall("Second", owner: site.ana, members: [bea])
            let stranger = try site.client(site.database.makeUser("stranger"))
            let clients = try [site.client(site.ana), site.client(bea)]
            for hall in [site.hall, second] { _ = try join(clients[1], hall) }

            _ = try site.database.setProfile(
                Profile(name: "Ana García", picture: "hue:9"), of: site.ana.id, by: .operator)
            site.wake.wake()

            for client in clients {
                let told = try client.nextEvent("user_changed")["user"]
                #expect(
                    told == [
                        "id": .integer(site.ana.id), "username": "ana", "name": "Ana García",
                        "picture": "hue:9", "version": 1,
                    ])
            }
            for client in clients + [stranger] { try client.drain(100) }
            #expect((clients + [stranger]).map(timesTold) == [1, 1, 0])
        }
    }

    @Test func `of several changes at once the last is told, and none twice`() throws {
        try withSite(PushSite()) { site in
            let client = try site.client(site.join("bea"))
            _ = try join(client, site.hall)
            for name in ["One", "Two", "Three"] {
                _ = try site.database.setProfile(
                    Profile(name: name), of: site.ana.id, by: .operator)
            }
            _ = try site.database.renameUser(site.ana.id, to: "anna")
            site.wake.wake()

            var told: [Int64] = []
            while told.last != 4 {
                let user = try client.nextEvent("user_changed")["user"]
                told.append(try #require(user?["version"]?.integer))
            }
            try client.drain(100)
            #expect(timesTold(client) == told.count)
            #expect(zip(told, told.dropFirst()).allSatisfy { $0 < $1 })
        }
    }

    @Test func `who has left is still seen by those of the hall`() throws {
        try withSite(PushSite()) { site in
            let bea = try site.join("bea")
            let client = try site.client(site.ana)
            _ = try join(client, site.hall)
            try site.database.leave(site.hall.id, as: bea.id)
            _ = try site.database.renameUser(bea.id, to: "beatrix")
            site.wake.wake()
            let told = try client.nextEvent("user_changed")["user"]
            #expect(told?["username"]?.string == "beatrix")
        }
    }

    @Test func `what somebody missed carries the new name`() throws {
        try withSite(PushSite()) { site in
            let (speaker, listener) = try (site.client(site.ana), site.client(site.ana))
            for client in [speaker, listener] { _ = try join(client, site.hall) }
            for name in ["ana1", "ana2", "ana3"] {
                let sent = try speaker.call(
                    "send_message", ["hall_id": .integer(site.hall.id), "content": "x"])
                let rev = try #require(sent["message"]?["rev"]?.integer)
                _ = try site.database.renameUser(site.ana.id, to: name)
                site.wake.wake()
                _ = try speaker.nextEvent("user_changed")

                let back = try site.client(site.ana)
                let missed = try join(back, site.hall, rev: rev - 1)
                #expect(missed["complete"]?.bool == true)
                #expect(
                    missed["messages"]?.array?.map { $0["username"]?.string } == [name])
                let next = try speaker.call(
                    "send_message", ["hall_id": .integer(site.hall.id), "content": "y"])
                #expect(next["message"]?["username"]?.string == name)
            }
        }
    }
}
