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

/// The rooms of one event loop: room -> the sockets in it that live on this loop. Other loops have their own, so that
/// nothing is locked; a broadcast goes to each loop once.
struct Rooms {
    private var members: [RoomID: [Socket]] = [:]

    /// The sockets in a room, in no order.
    subscript(room: RoomID) -> [Socket] { members[room] ?? [] }

    /// - Returns: whether the socket was not in the room.
    mutating func join(_ room: RoomID, _ socket: Socket) -> Bool {
        guard !socket.rooms.contains(where: { $0.room == room }) else { return false }
        let index = members[room]?.count ?? 0
        members[room, default: []].append(socket)
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
        if last !== socket {
            members[room]?[index] = last
            if let moved = last.rooms.firstIndex(where: { $0.room == room }) {
                last.rooms[moved].index = index
            }
        }
        if members[room]?.isEmpty == true { members[room] = nil }
        return true
    }
}
