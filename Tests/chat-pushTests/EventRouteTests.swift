// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON
import Foundation
import NIOCore
import SocketIOServer
import Testing

@testable import chat_push

/// The table of events that clients may send.
@Suite struct EventRouteTests {
    @Test func `the table has the events that the protocol says clients send`() throws {
        let protocolText = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../docs/protocol.md")
        let row = #/\| `(\w+)` \| client → server \|.*/#
        let documented = try String(contentsOf: protocolText, encoding: .utf8)
            .split(separator: "\n").compactMap { $0.wholeMatch(of: row).map { String($0.1) } }
        #expect(Set(documented) == Set(ChatApplication.events.map(\.name)))
        #expect(documented.count == ChatApplication.events.count)
    }

    @Test func `what is sent most is found first`() {
        #expect(ChatApplication.events.first?.name == "send_message")
    }

    @Test(arguments: ["", "send", "Send_message", "send_message\u{0}", "leave_hall\u{301}"])
    func `another name is none of them`(_ name: String) {
        #expect(EventRoute.named(name, in: ChatApplication.events) == nil)
    }

    @Test func `a name is compared byte by byte`() {
        let route = EventRoute(
            "caf\u{E9}", counts: .sends, reading: { _, _ in }, then: { _, _, _ in })
        #expect(EventRoute.named("caf\u{E9}", in: [route]) != nil)
        #expect("cafe\u{301}" == "caf\u{E9}")
        #expect(EventRoute.named("cafe\u{301}", in: [route]) == nil)
    }

    @Test func `what is malformed is counted, and takes nothing from its limit`() throws {
        try withSite(
            PushSite(
                sends: Rate(perSecond: 1, burst: 1), joins: Rate(perSecond: 1, burst: 1))
        ) { site in
            let ana = try site.client(site.ana)
            let hall: JSONValue = ["hall_id": .integer(site.hall.id)]
            let message: JSONValue = ["hall_id": .integer(site.hall.id), "content": "x"]
            for (event, wish) in [("join_hall", hall), ("send_message", message)] {
                let codes = try [[:], [:], wish, wish].map { argument in
                    try ana.call(event, argument)["error"]?["code"]?.string
                }
                #expect(codes == ["invalid_request", "invalid_request", nil, "rate_limited"])
            }
            #expect(try ana.call("leave_hall", [:])["error"]?["code"] == "invalid_request")

            let tally = try site.server.loops.reduce(into: LoopTally()) { sum, loop in
                sum += try loop.eventLoop.submit {
                    (loop.application as? ChatApplication)?.tally ?? LoopTally()
                }.wait()
            }
            #expect((tally[.sends], tally[.joins], tally[.leaves]) == (4, 4, 1))
            #expect((tally[.sendsLimited], tally[.joinsLimited]) == (1, 1))
        }
    }
}
