// SPDX-License-Identifier: Apache-2.0

import SocketIOServer

/// What is shown of people.
extension ChatApplication {
    /// Something else is shown of a user: who has joined a hall that the user is or was in is told, each socket once, and the
    /// user's own sockets.
    func userUpdated(_ update: UserDelivery) {
        var told: Set<ObjectIdentifier> = []
        func tell(_ socket: Socket) {
            guard let event = update.event else { return }
            if told.insert(ObjectIdentifier(socket)).inserted { socket.send(event) }
        }
        for socket in online[update.userID] { tell(socket) }
        for hallID in update.hallIDs {
            guard let hall = halls[hallID] else { continue }
            if update.isRenamed { hall.forgetRecent() }
            for socket in loop.sockets(in: RoomID(hallID)) { tell(socket) }
        }
    }
}
