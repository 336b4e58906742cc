// SPDX-License-Identifier: Apache-2.0

import ChatModels
import SocketIOServer

/// Who is on a socket. Confined to the socket's event loop.
final class ChatClient {
    let userID: Int64
    /// The session; none where the site has its own login.
    let sessionID: Int64?
    /// When the session ends by itself; with the site's own login, when the site is to be asked again.
    var expiresAt: Timestamp?
    let connection: ClientConnection
    /// What this and all other connections of the user may do together.
    let person: Person

    init(_ identity: Identity, _ person: Person, on connection: ClientConnection) {
        self.person = person
        userID = identity.userID
        sessionID = identity.session?.id
        expiresAt = identity.session?.expiresAt ?? connection.deadline
        self.connection = connection
    }
}

/// What is kept for a connection whatever its client does on it: leaving and coming back fills no bucket. Confined to its
/// event loop.
final class ClientConnection {
    let credentials: Credentials
    /// Where it comes from, as far as it counts.
    let address: String
    /// Until when the site's word holds; not longer for who leaves the namespace and comes back.
    let deadline: Timestamp?
    var catchUps: TokenBucket

    init(
        _ credentials: Credentials, until deadline: Timestamp?, at address: String,
        settings: ChatSettings, now: Int64
    ) {
        self.credentials = credentials
        self.deadline = deadline
        self.address = address
        catchUps = TokenBucket(settings.catchUps, now: now)
    }
}

/// The users with sockets on one event loop: user -> sockets. Confined to that loop.
struct OnlineUsers {
    private var sockets: [Int64: [Socket]] = [:]
    /// How many sockets there are.
    private(set) var count = 0
    /// No session of anybody here ends by itself before this.
    private var firstExpiry = Timestamp(milliseconds: .max)

    /// The sockets of a user.
    subscript(userID: Int64) -> [Socket] { sockets[userID] ?? [] }

    mutating func add(_ socket: Socket, _ client: ChatClient) {
        sockets[client.userID, default: []].append(socket)
        count += 1
        if let expiry = client.expiresAt { firstExpiry = min(firstExpiry, expiry) }
    }

    mutating func remove(_ socket: Socket, _ client: ChatClient) {
        sockets[client.userID]?.removeAll { $0 === socket }
        count -= 1
        if sockets[client.userID]?.isEmpty == true { sockets[client.userID] = nil }
    }

    /// The sockets whose session has ended by itself. Asked every second: mostly the answer costs one comparison.
    mutating func expired(at now: Timestamp) -> [Socket] {
        guard firstExpiry <= now else { return [] }
        var expired: [Socket] = []
        firstExpiry = Timestamp(milliseconds: .max)
        for socket in sockets.values.joined() {
            guard let expiry = (socket.context as? ChatClient)?.expiresAt else { continue }
            if expiry <= now {
                expired.append(socket)
            } else {
                firstExpiry = min(firstExpiry, expiry)
            }
        }
        return expired
    }
}
