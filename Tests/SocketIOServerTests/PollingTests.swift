// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import SocketIO
import Testing

@testable import SocketIOServer

struct PollingTests {
    @Test func `a handshake has its five members and nothing else`() throws {
        let harness = try Harness {
            $0.pingInterval = 300; $0.pingTimeout = 200
        }
        let answer = try harness.connect().get("/socket.io/?EIO=4&transport=polling&b64=1&t=x")
        #expect(answer.status == 200)
        #expect(answer.headers["content-type"] == "text/plain; charset=UTF-8")
        #expect(answer.headers["cache-control"] == "no-store")
        let sid = try #require(
            try JSONValue(parsing: Array(answer.body.utf8.dropFirst()))["sid"]?.string)
        #expect(
            answer.body
                == #"0{"sid":"\#(sid)","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":65536}"#
        )
        #expect(harness.sessions == 1)
    }

    @Test func `packets that were posted are answered together`() throws {
        let harness = try Harness(echoesMessages: true)
        let (connection, target) = try harness.poller()
        let posted = try connection.post(target, "4test1\u{1E}bAQIDBA==\u{1E}4test3")
        #expect(posted.status == 200 && posted.body == "ok")
        #expect(try connection.get(target).body == "4test1\u{1E}bAQIDBA==\u{1E}4test3")
    }

    @Test func `a waiting poll is answered as soon as there is something to say`() throws {
        let harness = try Harness(echoesMessages: true)
        let (connection, target) = try harness.poller()
        try connection.request("GET", target)
        #expect(try connection.answer() == nil)
        #expect(try harness.connect().post(target, "4a\u{1E}4b").body == "ok")
        #expect(try connection.answer()?.body == "4a\u{1E}4b")
    }

    @Test func `an answer has no more packets than stock clients take`() throws {
        let harness = try Harness(echoesMessages: true)
        let (connection, target) = try harness.poller()
        let packets = (0..<40).map { "4\($0)" }
        _ = try connection.post(target, packets.joined(separator: "\u{1E}"))
        var received: [String] = []
        for count in [16, 16, 8] {
            let some = try connection.get(target).body.split(separator: "\u{1E}")
            #expect(some.count == count)
            received += some.map(String.init)
        }
        #expect(received == packets)
    }

    @Test func `the session ends when its ping is not answered, at that very moment`() throws {
        let harness = try Harness {
            $0.pingInterval = 300; $0.pingTimeout = 200
        }
        let (connection, target) = try harness.poller()
        harness.advance(296)
        try connection.request("GET", target)
        #expect(try connection.answer() == nil)
        harness.advance(4)
        #expect(try connection.answer()?.body == "2")
        harness.advance(196)
        #expect(harness.sessions == 1)
        harness.advance(4)
        #expect(harness.sessions == 0)
        #expect(harness.count(.sessionClosed(.pingTimeout)) == 1)
        #expect(try connection.get(target).body == #"{"code":1,"message":"Session ID unknown"}"#)
    }

    @Test func `the session lives as long as its pings are answered`() throws {
        let harness = try Harness {
            $0.pingInterval = 300; $0.pingTimeout = 200; $0.connectTimeout = 60_000
        }
        let (connection, target) = try harness.poller()
        for _ in 0..<20 {
            try connection.request("GET", target)
            harness.advance(300)
            #expect(try connection.answer()?.body == "2")
            harness.advance(100)
            #expect(try connection.post(target, "3").status == 200)
        }
        #expect(harness.sessions == 1)
    }

    @Test(arguments: [1_000, 40_000] as [Int64])
    func `who asks for no namespace in time is let go`(timeout: Int64) throws {
        let harness = try Harness {
            $0.connectTimeout = timeout; $0.requestTimeout = 100_000
        }
        let (connection, target) = try harness.poller()
        try connection.request("GET", target)
        var waited: Int64 = 0
        while harness.sessions == 1, waited < 100_000 {
            harness.advance(100)
            waited += 100
            if try connection.answer()?.body == "2" {
                _ = try connection.post(target, "3")
                try connection.request("GET", target)
            }
        }
        #expect((timeout - 300...timeout + 100).contains(waited))
        #expect(harness.count(.sessionClosed(.connectTimeout)) == 1)
    }

    @Test func `who leaves its last namespace, or is refused, has to ask again in time`() throws {
        let harness = try Harness { $0.connectTimeout = 5_000 }
        let (connection, target) = try harness.poller()
        _ = try connection.post(target, "40/closed")
        #expect(try connection.get(target).body == #"44/closed,{"message":"No","data":{"code":7}}"#)
        harness.advance(3_000)
        _ = try connection.post(target, "40")
        harness.advance(10_000)
        #expect(harness.sessions == 1)
        _ = try connection.post(target, "41")
        harness.advance(4_000)
        #expect(harness.sessions == 1)
        harness.advance(1_000)
        #expect(harness.sessions == 0)
        #expect(harness.application.ended == [.transportClose])
    }

    @Test func `a second poll while one waits ends the session`() throws {
        let harness = try Harness()
        let (first, target) = try harness.poller()
        try first.request("GET", target)
        let second = try harness.connect().get(target)
        #expect(second.status == 400)
        #expect(try first.answer()?.body == "1")
        #expect(try first.get(target).status == 400)
        #expect(harness.count(.sessionClosed(.pollingOverlap)) == 1)
    }

    @Test func `a poll that is given up ends the session`() throws {
        let harness = try Harness()
        let (connection, target) = try harness.poller()
        try connection.request("GET", target)
        try connection.hangUp()
        #expect(harness.sessions == 0)
        #expect(try harness.connect().get(target).status == 400)
    }

    @Test func `a connection that goes while no poll waits ends nothing`() throws {
        let harness = try Harness()
        let (connection, target) = try harness.poller()
        _ = try connection.post(target, "40")
        _ = try connection.get(target)
        try connection.hangUp()
        #expect(harness.sessions == 1)
        #expect(try harness.connect().post(target, #"42["x"]"#).body == "ok")
    }

    @Test func `a close that was posted lets a waiting poll go`() throws {
        let harness = try Harness()
        let (connection, target) = try harness.poller()
        try connection.request("GET", target)
        #expect(try harness.connect().post(target, "1").body == "ok")
        #expect(try connection.answer()?.body == "6")
        #expect(try connection.get(target).status == 400)
    }

    @Test(arguments: [
        "abc", "", "4abc", "42{}", "0{}", "2", "4", "bAQID", "4\u{1E}", "41", #"42["early"]"#,
    ])
    func `a packet that is none ends the session`(body: String) throws {
        let harness = try Harness()
        let (connection, target) = try harness.poller()
        #expect(try connection.post(target, body).status == 400)
        #expect(try connection.get(target).status == 400)
        #expect(harness.count(.sessionClosed(.parseError)) == 1)
    }

    @Test func `a body has as many packets as it may have, and not one more`() throws {
        let harness = try Harness(echoesMessages: true) { $0.payloadPacketsMax = 3 }
        let (connection, target) = try harness.poller()
        #expect(try connection.post(target, "4\u{1E}4\u{1E}4").status == 200)
        #expect(try connection.post(target, "4\u{1E}4\u{1E}4\u{1E}4").status == 400)
    }

    @Test func `text that is not UTF-8 ends the session`() throws {
        let harness = try Harness(echoesMessages: true)
        let (connection, target) = try harness.poller()
        try connection.write(
            Array("POST \(target) HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n4".utf8) + [0xFF])
        #expect(try connection.answer()?.status == 400)
        #expect(harness.sessions == 0)
    }

    @Test func `who fetches nothing is closed at the bound`() throws {
        let harness = try Harness { $0.queueBytesMax = 10_000 }
        let (connection, target) = try harness.poller()
        _ = try connection.post(target, "40")
        _ = try connection.get(target)
        let socket = try #require(harness.application.connected.first)
        let packet = #"42["x",""]"#.utf8.count + 40
        socket.emit("x", [.string(String(repeating: "x", count: 5_000 - packet))])
        socket.emit("x", [.string(String(repeating: "x", count: 5_000 - packet))])
        #expect(socket.isConnected)
        socket.emit("x", [])
        #expect(!socket.isConnected)
        #expect(harness.application.ended == [.tooSlow])
        harness.run()
        #expect(try connection.get(target).status == 400)
    }

    @Test func `much that is sent at once reaches a client that waits for it`() throws {
        let harness = try Harness { $0.queueBytesMax = 10_000 }
        let (connection, target) = try harness.poller()
        _ = try connection.post(target, "40")
        _ = try connection.get(target)
        try connection.request("GET", target)
        let socket = try #require(harness.application.connected.first)
        socket.emit("x", [.string(String(repeating: "x", count: 20_000))])
        #expect(socket.isConnected)
        #expect(try connection.answer()?.body.utf8.count == 20_010)
    }

    @Test func `an event with attachments comes back with them`() throws {
        let harness = try Harness()
        let (connection, target) = try harness.poller()
        _ = try connection.post(target, "40")
        _ = try connection.get(target)
        let placeholder = #"{"_placeholder":true,"num":0}"#
        let body = #"451-12["x",\#(placeholder)]"# + "\u{1E}bAQI="
        #expect(try connection.post(target, body).body == "ok")
        #expect(try connection.get(target).body == "461-12[\(placeholder)]\u{1E}bAQI=")
    }

    @Test func `at the end of the server a poll is let go, to come back, and nobody new is taken`()
        throws
    {
        let harness = try Harness()
        let (connection, target) = try harness.poller()
        try connection.request("GET", target)
        harness.loop.shutDown()
        #expect(try connection.answer()?.body == "6")
        #expect(harness.count(.sessionClosed(.shutdown)) == 1)
        let late = try harness.connect().get("/socket.io/?EIO=4&transport=polling")
        #expect(late.status == 503)
        #expect(late.headers["connection"] == "close")
    }
}
