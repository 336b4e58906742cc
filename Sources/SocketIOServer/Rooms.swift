// SPDX-License-Identifier: Apache-2.0

/// The name of a room: sockets that get the same events. What the number stands for is the application's business.
public struct RoomID: Hashable, Sendable {
    /// The number.
    public let number: Int64

    /// Makes a room's name of a number.
    public init(_ number: Int64) {
        self.number = number
    }
}

/// Where a socket stands in a room.
struct RoomPlace {
    let room: RoomID
    var index: Int
}

/// A socket in a room, with the WebSocket that carries its packets at hand: what is said to many looks at nothing else.
struct RoomMember {
    let socket: Socket
    var webSocket: WebSocketConnection?
    /// Whether the socket is in no other room.
    var isNowhereElse: Bool
}

/// The rooms of one event loop: room -> the sockets in it that live on this loop. Other loops have their own, so that
/// nothing is locked; a broadcast goes to each loop once.
struct Rooms {
    private var members: [RoomID: [RoomMember]] = [:]

    /// Who is in a room, in no order.
    subscript(room: RoomID) -> [RoomMember] { members[room] ?? [] }

    /// - Returns: whether the socket was not in the room.
    mutating func join(_ room: RoomID, _ socket: Socket) -> Bool {
        guard !socket.rooms.contains(where: { $0.room == room }) else { return false }
        let index = members[room]?.count ?? 0
        let member = RoomMember(
            socket: socket, webSocket: socket.session?.webSocket,
            isNowhereElse: socket.rooms.isEmpty)
        members[room, default: []].append(member)
        if socket.rooms.count == 1 { setNowhereElse(false, at: socket.rooms[0]) }
        socket.rooms.append(RoomPlace(room: room, index: index))
        return true
    }

    /// - Returns: whether the socket was in the room.
    mutating func leave(_ room: RoomID, _ socket: Socket) -> Bool {
        guard let place = socket.rooms.firstIndex(where: { $0.room == room }) else { return false }
        let index = socket.rooms[place].index
        socket.rooms.remove(at: place)
        // The last one takes the free place.
        guard let last = members[room]?.popLast() else { return true }
        if last.socket !== socket {
            members[room]?[index] = last
            if let moved = last.socket.rooms.firstIndex(where: { $0.room == room }) {
                last.socket.rooms[moved].index = index
            }
        }
        if members[room]?.isEmpty == true { members[room] = nil }
        if socket.rooms.count == 1 { setNowhereElse(true, at: socket.rooms[0]) }
        return true
    }

    private mutating func setNowhereElse(_ isNowhereElse: Bool, at place: RoomPlace) {
        members[place.room]?[place.index].isNowhereElse = isNowhereElse
    }

    /// Another transport carries a socket's packets.
    mutating func transportChanged(_ socket: Socket) {
        for place in socket.rooms {
            members[place.room]?[place.index].webSocket = socket.session?.webSocket
        }
    }
}
