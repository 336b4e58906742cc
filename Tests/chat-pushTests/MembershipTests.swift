// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatTesting
import CompactJSON
import Testing

@testable import chat_push

/// What open sockets hear of what people do with one another's places in a hall.
@Suite struct MembershipTests {
    /// Waits until a client hears of that; of what was before it may hear, too.
    private func wait(for change: String, _ client: PushClient) throws {
        while try client.nextEvent("halls_changed")["change"]?.string != change {}
    }

    @Test func `who is taken out hears nothing more and is refused, on every socket`() throws {
        try withSite(PushSite()) { site in
            let bea = try site.join("bea")
            let speaker = try site.client(site.ana)
            let sockets = try [site.client(bea), site.client(bea)]
            for client in sockets + [speaker] {
                _ = try client.call("join_hall", ["hall_id": .integer(site.hall.id)])
            }

            try site.database.removeMember(bea.id, of: site.hall.id, by: .user(site.ana.id))
            site.wake.wake()
            for client in sockets { try wait(for: "left", client) }
            _ = try speaker.call(
                "send_message", ["hall_id": .integer(site.hall.id), "content": "secret"])

            for client in sockets {
                for (event, more) in [
                    ("join_hall", []), ("send_message", [JSONValue.Member("content", "x")]),
                    ("edit_message", [.init("id", 1), .init("content", "x")]),
                    ("delete_message", [.init("id", 1)]),
                ] {
                    let argument: [JSONValue.Member] =
                        [.init("hall_id", .integer(site.hall.id))] + more
                    let answer = try client.call(event, .object(argument))
                    #expect(answer["error"]?["code"]?.string == "not_a_member", "\(event)")
                }
                try client.drain(100)
                let heard = client.heard.count {
                    if case .event("new_message", _) = $0 { true } else { false }
                }
                #expect(heard == 0)
            }
        }
    }

    @Test func `who is banned loses the hall at once, and joins it with no socket`() throws {
        try withSite(PushSite()) { site in
            let bea = try site.join("bea")
            let client = try site.client(bea)
            let hall: JSONValue = ["hall_id": .integer(site.hall.id)]
            _ = try client.call("join_hall", hall)
            try site.database.ban(bea.id, from: site.hall.id, by: .user(site.ana.id))
            site.wake.wake()
            try wait(for: "left", client)
            for client in [client, try site.client(bea)] {
                let answer = try client.call("join_hall", hall)
                #expect(answer["error"]?["code"]?.string == "not_a_member")
            }
            #expect(try code { _ = try site.database.join(site.hall.id, as: bea.id) } == .banned)
        }
    }

    @Test func `a message that is on its way while its sender is taken out is refused`() throws {
        try withSite(PushSite()) { site in
            let bea = try site.join("bea")
            let client = try site.client(bea)
            let resume = site.pauseStore()
            let sent = client.emit(
                "send_message", ["hall_id": .integer(site.hall.id), "content": "late"])
            // It is in the daemon before the hall is lost.
            _ = try client.call("leave_hall", ["hall_id": .integer(site.hall.id)])
            try site.database.removeMember(bea.id, of: site.hall.id, by: .user(site.ana.id))
            resume()

            let answer = try client.answer(to: sent)
            #expect(answer["error"]?["code"]?.string == "not_a_member")
            #expect(try site.database.hall(site.hall.id, as: site.ana.id).rev == 0)
        }
    }

    @Test func `who is made a moderator hears of it, and may at once`() throws {
        try withSite(PushSite()) { site in
            let bea = try site.join("bea")
            let cai = try site.join("cai")
            let message = try site.database.say("rude", in: site.hall, as: cai)
            let client = try site.client(bea)
            let hall: JSONValue = ["hall_id": .integer(site.hall.id)]
            #expect(try client.call("join_hall", hall)["hall"]?["role"]?.string == "member")
            // What was before was told before that answer, and is passed over.
            _ = try client.next { if case .acknowledgement = $0 { true } else { false } }
            let deletion: JSONValue = [
                "hall_id": .integer(site.hall.id), "id": .integer(message.id),
            ]
            let before = try client.call("delete_message", deletion)
            #expect(before["error"]?["code"]?.string == "not_allowed")

            _ = try site.database.setRole(
                .moderator, of: bea.id, in: site.hall.id, by: site.ana.id)
            site.wake.wake()
            #expect(try client.nextEvent("halls_changed")["change"]?.string == "joined")
            let joined = try client.call("join_hall", hall)
            #expect(joined["hall"]?["role"]?.string == "moderator")
            #expect(try client.call("delete_message", deletion)["ok"]?.bool == true)
        }
    }
}
