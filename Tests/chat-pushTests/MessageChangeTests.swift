// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatTesting
import CompactJSON
import Foundation
import Synchronization
import Testing

@testable import chat_push

/// Messages that are edited and deleted: who is there hears it, and who comes back is told what is so now.
@Suite struct MessageChangeTests {
    private func argument(_ message: Message, _ content: String? = nil) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("hall_id", .integer(message.hallID)), .init("id", .integer(message.id)),
        ]
        if let content { members.append(.init("content", .string(content))) }
        return .object(members)
    }

    private func join(
        _ client: PushClient, _ hall: Hall, rev: Int64? = nil, change: Int64? = nil
    ) throws -> JSONValue {
        var members: [JSONValue.Member] = [.init("hall_id", .integer(hall.id))]
        if let rev { members.append(.init("since_rev", .integer(rev))) }
        if let change { members.append(.init("since_change", .integer(change))) }
        return try client.call("join_hall", .object(members))
    }

    @Test func `an edit is acknowledged, and told to everybody in the hall`() throws {
        try withSite(PushSite()) { site in
            let bea = try site.join("bea")
            let said = try site.database.say("frist", in: site.hall, as: site.ana, clientKey: "k")
            let (ana, other) = (try site.client(site.ana), try site.client(bea))
            for client in [ana, other] { _ = try join(client, site.hall) }

            let answer = try ana.call("edit_message", argument(said, "first"))

            let message = try #require(answer["message"])
            #expect(message["content"]?.string == "first")
            #expect(message["change"]?.integer == 1)
            #expect(message["rev"]?.integer == said.rev)
            #expect(message["edited_at"]?.string != nil && message["deleted"] == nil)
            #expect(message["client_key"]?.string == "k")
            for client in [ana, other] {
                let told = try client.nextEvent("message_changed")
                #expect(told["change"]?.integer == 1 && told["after"]?.integer == 0)
                #expect(told["message"]?["content"]?.string == "first")
                #expect(told["message"]?["client_key"] == nil)
            }
            // What changes nothing is acknowledged, and told to nobody.
            #expect(try ana.call("edit_message", argument(said, "first"))["message"] == message)
            #expect(try ana.call("delete_message", argument(said)).isOK)
            let told = try other.nextEvent("message_changed")
            #expect(told["message"]?["deleted"]?.string == "sender")
            #expect(told["message"]?["content"]?.string == "")
            #expect(told["after"]?.integer == 1)
        }
    }

    @Test func `what is refused is told to nobody`() throws {
        try withSite(PushSite()) { site in
            let bea = try site.join("bea")
            let said = try site.database.say("mine", in: site.hall, as: site.ana)
            let gone = try site.database.say("gone", in: site.hall, as: bea, clientKey: "bea-1")
            let (ana, other) = (try site.client(site.ana), try site.client(bea))
            for client in [ana, other] { _ = try join(client, site.hall) }
            let deleted = try ana.call("delete_message", argument(gone))
            #expect(deleted.isOK && deleted["message"]?["client_key"] == nil)
            _ = try other.nextEvent("message_changed")

            func code(_ event: String, _ argument: JSONValue) throws -> String? {
                try other.call(event, argument).errorCode
            }
            #expect(try code("edit_message", argument(said, "x")) == "not_allowed")
            #expect(try code("delete_message", argument(said)) == "not_allowed")
            #expect(try code("edit_message", argument(gone, "x")) == "message_gone")
            #expect(try code("edit_message", argument(said, " ")) == "message_empty")
            #expect(try code("edit_message", argument(said)) == "invalid_request")
            #expect(try code("delete_message", ["hall_id": 1, "id": 99]) == "not_found")
            #expect(try code("delete_message", ["hall_id": 1, "id": 0]) == "invalid_request")
            let since: JSONValue = ["hall_id": 1, "since_change": 0]
            #expect(try code("join_hall", since) == "invalid_request")
            try site.database.say("next", in: site.hall, as: site.ana)
            site.wake.wake()
            _ = try other.nextEvent("new_message")
            let told = other.heard.count {
                if case .event("message_changed", _) = $0 { true } else { false }
            }
            #expect(told == 1)
        }
    }

    @Test func `who comes back is told what is so now, from memory and from the database`() throws {
        try withSite(PushSite()) { site in
            let ana = try site.client(site.ana)
            _ = try join(ana, site.hall)
            for number in 1...4 {
                let said: JSONValue = [
                    "hall_id": .integer(site.hall.id), "content": .string("secret \(number)"),
                ]
                _ = try ana.call("send_message", said)
            }
            let said = try site.database.messages(of: site.hall.id, as: site.ana.id).messages
            #expect(try ana.call("delete_message", argument(said[2])).isOK)
            #expect(try ana.call("edit_message", argument(said[3], "open")).isOK)

            // By memory: the text that was deleted is not among what was kept for those who come back.
            let missed = try join(ana, site.hall, rev: 1)
            #expect(
                missed["messages"]?.array?.map { $0["content"]?.string } == [
                    "secret 2", "", "open",
                ]
            )
            #expect(missed["changed"] == nil && missed["change"]?.integer == 2)
            #expect(missed["hall"]?["change"]?.integer == 2)
            #expect(try join(ana, site.hall, rev: 4, change: 2)["changed"]?.array == [])
            // By a read.
            for (change, expected) in [(Int64(0), ["", "open"]), (1, ["open"])] {
                let answer = try join(ana, site.hall, rev: 4, change: change)
                #expect(answer["changed"]?.array?.map { $0["content"]?.string } == expected)
                #expect(answer["messages"]?.array == [] && answer["complete"]?.bool == true)
            }
            let ahead = try join(ana, site.hall, rev: 4, change: 3)
            #expect(ahead["complete"]?.bool == false && ahead["changed"] == nil)
        }
    }

    @Test func `a message that is changed all the time is told now and then, and its last state`()
        throws
    {
        try withSite(PushSite()) { site in
            let said = try site.database.say("0", in: site.hall, as: site.ana)
            let ana = try site.client(site.ana)
            _ = try join(ana, site.hall)
            for number in 1...200 { ana.emit("edit_message", argument(said, "\(number)")) }

            var known: Int64 = 0
            var events = 0
            while known < 200 {
                let told = try ana.nextEvent("message_changed", timeout: 10_000)
                #expect(told["after"]?.integer == known)
                known = try #require(told["change"]?.integer)
                events += 1
                if known == 200 { #expect(told["message"]?["content"]?.string == "200") }
            }
            #expect(events < 100)
        }
    }

    @Test(arguments: 0..<3)
    func `whoever comes and goes knows in the end what the database knows`(_ seed: Int) throws {
        var random = SeededRandom(UInt64(seed))
        try withSite(PushSite()) { site in
            let bea = try site.join("bea")
            try site.database.sayMany(5, in: site.hall, as: site.ana)
            let isOver = Atomic(false)
            // Another process says, edits and deletes meanwhile.
            let writer = inBackground {
                [folder = site.folder, wake = site.wake, hall = site.hall] in
                guard let database = try? folder.database() else { return }
                var random = SeededRandom(UInt64(seed) + 100)
                while !isOver.load(ordering: .relaxed) {
                    let rev = (try? database.hall(hall.id, as: bea.id).rev) ?? 1
                    let id = Int64.random(in: max(1, rev - 20)...rev, using: &random)
                    let deletion = MessageDeletion(hallID: hall.id, messageID: id, by: .operator)
                    switch Int.random(in: 0..<20, using: &random) {
                    case 0: _ = try? database.perform(.delete(deletion))
                    case 1...10:
                        let edit = MessageEdit(
                            hallID: hall.id, messageID: id, userID: bea.id,
                            content: "edit \(Int.random(in: 0..<1_000, using: &random))")
                        _ = try? database.perform(.edit(edit))
                    default: _ = try? database.say("foreign", in: hall, as: bea)
                    }
                    wake.wake()
                    usleep(500)
                }
            }
            let readers = try (0..<5).map {
                ChangeReader(try site.client($0 % 2 == 0 ? site.ana : bea))
            }
            for _ in 0..<300 {
                let reader = readers[Int.random(in: 0..<readers.count, using: &random)]
                switch Int.random(in: 0..<6, using: &random) {
                case 0, 1: try reader.join(site.hall)
                case 2: try reader.leave(site.hall)
                default: try reader.drain()
                }
            }
            isOver.store(true, ordering: .relaxed)
            writer.wait()
            for reader in readers { try reader.join(site.hall) }
            let hall = try site.database.hall(site.hall.id, as: bea.id)
            for reader in readers {
                #expect(
                    try eventually {
                        try reader.drain()
                        return reader.isAt(hall)
                    })
                let since = HallPosition(rev: reader.start, change: nil)
                let now = try site.database.messages(
                    of: hall.id, as: bea.id, since: since, limit: 200)
                for message in now.messages {
                    #expect(reader.known[message.id]?.content == message.content)
                    #expect(reader.known[message.id]?.change == message.change?.number ?? 0)
                }
            }
        }
    }
}

/// A client that keeps what it is told, as docs/protocol.md says that one may.
private final class ChangeReader {
    struct Known {
        var content: String
        var change: Int64
    }

    private let client: PushClient
    private var taken = 0
    /// Since when it knows everything.
    private(set) var start: Int64 = 0
    private(set) var known: [Int64: Known] = [:]
    private var position: (rev: Int64, change: Int64)?
    private var isIn = false

    init(_ client: PushClient) { self.client = client }

    func isAt(_ hall: Hall) -> Bool {
        position.map { $0 == (hall.rev, hall.change) } ?? false
    }

    func join(_ hall: Hall) throws {
        try drain()
        var argument: [JSONValue.Member] = [.init("hall_id", .integer(hall.id))]
        if let position {
            argument.append(.init("since_rev", .integer(position.rev)))
            argument.append(.init("since_change", .integer(position.change)))
        }
        let number = client.emit("join_hall", .object(argument))
        let answer = try client.answer(to: number)
        // What came before the answer belongs to what was known before it.
        try take(upTo: .acknowledgement(number, answer))
        let (rev, change) = (
            try #require(answer["rev"]?.integer), try #require(answer["change"]?.integer)
        )
        if answer["complete"]?.bool == true {
            for message in answer["messages"]?.array ?? [] { put(message) }
            for message in answer["changed"]?.array ?? [] { put(message) }
        } else {
            (known, start) = ([:], rev)
        }
        (position, isIn) = ((rev, change), true)
        try drain()
    }

    func leave(_ hall: Hall) throws {
        _ = try client.call("leave_hall", ["hall_id": .integer(hall.id)])
        try drain()
        isIn = false
    }

    func drain() throws {
        try client.drain(1)
        try take(upTo: nil)
    }

    private func take(upTo last: PushClient.Heard?) throws {
        while taken < client.heard.count {
            let heard = client.heard[taken]
            if heard == last { return }
            taken += 1
            guard case .event(let name, let body) = heard, isIn, let position else { continue }
            if name == "new_message" {
                put(body)
                self.position?.rev = try #require(body["rev"]?.integer)
                #expect(self.position?.rev == position.rev + 1)
            } else if name == "message_changed" {
                let after = try #require(body["after"]?.integer)
                #expect(after <= position.change)
                if let message = body["message"] { put(message) }
                self.position?.change = max(position.change, try #require(body["change"]?.integer))
            }
        }
    }

    private func put(_ message: JSONValue) {
        guard let id = message["id"]?.integer, let content = message["content"]?.string,
            let rev = message["rev"]?.integer, rev > start
        else { return }
        let change = message["change"]?.integer ?? 0
        guard change >= known[id]?.change ?? 0 else { return }
        known[id] = Known(content: content, change: change)
    }
}
