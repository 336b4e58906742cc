// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatTesting
import CompactJSON
import SocketIOServer
import Testing

@testable import chat_push

/// How far somebody has read is told to nobody else.
@Suite struct ReadEventTests {
    private func mark(_ hall: Hall, _ rev: Int64) -> JSONValue {
        ["hall_id": .integer(hall.id), "rev": .integer(rev)]
    }

    private func told(_ client: PushClient) -> [JSONValue] {
        client.heard.compactMap {
            if case .event("read_changed", let argument) = $0 { argument } else { nil }
        }
    }

    @Test func `the other connections of the same person hear of it, and nobody else's`() throws {
        try withSite(PushSite()) { site in
            let bea = try site.join("bea")
            try site.database.sayMany(3, in: site.hall, as: site.ana)
            let (reader, others) = (
                try site.client(bea), try [site.client(bea), site.client(bea)]
            )
            let ana = try site.client(site.ana)
            for client in [reader, ana] + others {
                _ = try client.call("join_hall", ["hall_id": .integer(site.hall.id)])
            }
            let answer = try reader.call("mark_read", mark(site.hall, 2))
            #expect(answer == ["ok": true, "rev": 2])
            // It is there already, and further is nothing to read: the first tells nobody, the second goes to the end.
            #expect(try reader.call("mark_read", mark(site.hall, 1))["rev"] == 2)
            #expect(try reader.call("mark_read", mark(site.hall, 99))["rev"] == 3)
            for client in [reader, ana] + others { try client.drain(100) }
            for client in others {
                #expect(told(client) == [mark(site.hall, 2), mark(site.hall, 3)])
            }
            #expect(told(reader).isEmpty && told(ana).isEmpty)
            #expect(try site.database.hall(site.hall.id, as: bea.id).read == 3)
        }
    }

    @Test func `a mark that another process has set is told to all connections of its person`()
        throws
    {
        try withSite(PushSite()) { site in
            let bea = try site.join("bea")
            try site.database.sayMany(3, in: site.hall, as: site.ana)
            let (clients, ana) = (
                try [site.client(bea), site.client(bea)], try site.client(site.ana)
            )
            _ = try site.database.perform(
                ReadMark(hallID: site.hall.id, userID: bea.id, rev: 2))
            site.wake.wake()
            for client in clients {
                #expect(try client.nextEvent("read_changed") == mark(site.hall, 2))
            }
            try ana.drain(100)
            #expect(told(ana).isEmpty)
        }
    }

    @Test func `who is no member, and what is no mark, is refused`() throws {
        try withSite(PushSite()) { site in
            let eva = try site.client(site.database.makeUser("eva"))
            let hidden = try site.database.makeHall("Hidden", isPrivate: true, owner: site.ana)
            func code(_ argument: JSONValue) throws -> String? {
                try eva.call("mark_read", argument)["error"]?["code"]?.string
            }
            #expect(try code(mark(site.hall, 1)) == "not_a_member")
            #expect(try code(mark(hidden, 1)) == "not_found")
            for wrong in [
                "{}", "{\"hall_id\":1}", "{\"hall_id\":1,\"rev\":-1}",
                "{\"hall_id\":1,\"rev\":1.5}",
                "{\"hall_id\":1,\"rev\":\"1\"}", "{\"hall_id\":1,\"rev\":9007199254740992}",
                "[1,1]",
            ] {
                let wrong = try JSONValue(parsing: Array(wrong.utf8))
                #expect(try code(wrong) == "invalid_request")
            }
        }
    }

    @Test func `too many marks are refused, and take nothing from what one may say`() throws {
        try withSite(PushSite(marks: Rate(perSecond: 1, burst: 2))) { site in
            let ana = try site.client(site.ana)
            try site.database.sayMany(3, in: site.hall, as: site.ana)
            let answers = try (1...3).map { try ana.call("mark_read", mark(site.hall, $0)) }
            #expect(answers.map { $0["error"]?["code"]?.string } == [nil, nil, "rate_limited"])
            #expect(answers.last?["error"]?["retry_after"] == 1)
            let message: JSONValue = ["hall_id": .integer(site.hall.id), "content": "x"]
            #expect(try ana.call("send_message", message)["ok"] == true)
        }
    }

    @Test func `marks wait with what is said while another writes, and beyond the bound are busy`()
        throws
    {
        try withSite(PushSite(sendsWaitingMax: 10)) { site in
            let ana = try site.client(site.ana)
            let reader = try site.client(site.join("bea"))
            try site.database.sayMany(3, in: site.hall, as: site.ana)
            let message: JSONValue = ["hall_id": .integer(site.hall.id), "content": "x"]
            let start = try site.database.logEnd()
            var (first, said, marked) = (0, [Int](), [Int]())
            do {
                let unlock = site.lock()
                defer { unlock() }
                first = ana.emit("send_message", message)
                try site.waitUntilTaken(ana)
                said = (0..<3).map { _ in ana.emit("send_message", message) }
                _ = try ana.call("leave_hall", ["hall_id": .integer(site.hall.id)])
                marked = (0..<10).map { reader.emit("mark_read", mark(site.hall, $0 < 5 ? 2 : 3)) }
                for id in marked.suffix(3) {
                    #expect(try reader.answer(to: id)["error"]?["code"] == "busy")
                }
            }
            for id in [first] + said { #expect(try ana.answer(to: id)["ok"] == true) }
            let answers = try marked.prefix(7).map { try reader.answer(to: $0)["rev"]?.integer }
            #expect(answers == [2, 2, 2, 2, 2, 3, 3])
            #expect(try site.database.log(after: start).events.count == 6)
        }
    }
}
