// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import Testing

@testable import SocketIOServer

struct RoomsTests {
    @Test func `any coming and going does what plain sets do`() throws {
        let harness = try Harness()
        for _ in 0..<12 { _ = try harness.webSocket() }
        let sockets = harness.application.connected
        #expect(sockets.count == 12)
        var rooms = Rooms()
        var model: [RoomID: Set<ObjectIdentifier>] = [:]
        for _ in 0..<5_000 {
            let socket = sockets[Int.random(in: 0..<sockets.count)]
            let room = RoomID(Int64.random(in: 0..<5))
            let isIn = model[room]?.contains(ObjectIdentifier(socket)) ?? false
            if Bool.random() {
                #expect(rooms.join(room, socket) == !isIn)
                model[room, default: []].insert(ObjectIdentifier(socket))
            } else {
                #expect(rooms.leave(room, socket) == isIn)
                model[room]?.remove(ObjectIdentifier(socket))
            }
            #expect(Set(rooms[room].map { ObjectIdentifier($0.socket) }) == model[room] ?? [])
            #expect(rooms[room].count == model[room]?.count ?? 0)
            for place in socket.rooms {
                let member = rooms[place.room][place.index]
                #expect(member.socket === socket)
                #expect(member.isNowhereElse == (socket.rooms.count == 1))
            }
        }
    }

    @Test func `a broadcast reaches those in the room, as one buffer, and who left gets none`()
        throws
    {
        let harness = try Harness()
        let inside = try harness.webSocket()
        let left = try harness.webSocket()
        let gone = try harness.webSocket()
        for socket in harness.application.connected { harness.loop.join(RoomID(1), socket) }
        harness.loop.leave(RoomID(1), harness.application.connected[1])
        try gone.hangUp()
        #expect(harness.loop.sockets(in: RoomID(1)).count == 1)

        let event = EncodedPackets(event: "news") { $0.string("ä") }
        var packets = EncodedPackets()
        for _ in 1...2 { packets.append(event) }
        #expect(harness.loop.broadcast(packets, to: RoomID(1)) == 1)

        #expect(try inside.text() == #"42["news","ä"]"#)
        #expect(try inside.text() == #"42["news","ä"]"#)
        #expect(try left.frame() == nil)
    }

    @Test func `who is in several rooms gets what is said in them in one piece`() throws {
        let harness = try Harness()
        let clients = try (0..<2).map { _ in try harness.webSocket() }
        for socket in harness.application.connected { harness.loop.join(RoomID(1), socket) }
        harness.loop.join(RoomID(2), harness.application.connected[1])
        let event = EncodedPackets(event: "news") { $0.string("x") }
        harness.loop.broadcast(event, to: RoomID(1))
        #expect(clients.map(\.hasUnread) == [true, false])
        harness.loop.broadcast(event, to: RoomID(2))
        #expect(try clients.map { try $0.all().utf8.count / event.frames.count } == [1, 2])

        harness.loop.leave(RoomID(1), harness.application.connected[1])
        harness.loop.broadcast(event, to: RoomID(2))
        #expect(clients[1].hasUnread)
    }

    @Test func `who is no longer connected joins no room`() throws {
        let harness = try Harness()
        _ = try harness.webSocket()
        let socket = try #require(harness.application.connected.first)
        socket.disconnect()
        harness.loop.join(RoomID(1), socket)
        #expect(harness.loop.sockets(in: RoomID(1)).isEmpty)
    }
}
