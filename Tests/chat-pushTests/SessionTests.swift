// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatTesting
import CompactJSON
import Foundation
import NIOCore
import SocketIOServer
import Testing

@testable import chat_push

/// Sessions on real event loops: what ends them, and what does not.
@Suite struct SessionTests {
    @Test func `a daemon that stood still closes nobody who could not be heard meanwhile`() throws {
        var configuration = ServerConfiguration()
        (configuration.pingInterval, configuration.pingTimeout) = (400, 400)
        try withSite(PushSite(threads: 1, configuration: configuration)) { site in
            let client = try site.client(site.ana)

            // As a process that was stopped, or a machine that was paused: for longer than a ping and its answer take.
            let goesOn = DispatchSemaphore(value: 0)
            site.server.loops[0].eventLoop.execute {
                usleep(2_500_000)
                goesOn.signal()
            }
            goesOn.wait()

            #expect(try client.call("join_hall", ["hall_id": .integer(site.hall.id)]).isOK)
        }
    }

    @Test func `a packet that waits for attachments is small, and of a namespace that one is in`()
        throws
    {
        var configuration = ServerConfiguration()
        configuration.waitingPacketBytesMax = 4_096
        let large =
            #"451-["x",{"_placeholder":true,"num":0}"# + String(repeating: ",[0]", count: 1_100)
        for packet in [large + "]", #"451-/other,["x",{"_placeholder":true,"num":0}]"#] {
            try withSite(PushSite(configuration: configuration)) { site in
                let client = try site.client(site.ana)
                client.send(packet)
                _ = try client.end()
            }
        }
    }

    /// Each is a packet, and asking for the namespace as many as a hundred.
    @Test(arguments: [(1, 20), (100, 30)])
    func `who comes and goes in the namespace again and again is closed`(
        _ packets: Int, _ times: Int
    ) throws {
        var configuration = ServerConfiguration()
        configuration.packetsPerSecond = packets
        try withSite(PushSite(configuration: configuration)) { site in
            let client = try site.client(site.ana)
            for _ in 0..<times {
                client.send("41")
                client.send("40")
            }
            #expect(try client.end() == .closed(1008))
        }
    }
}
