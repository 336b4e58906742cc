// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON
import SocketIOServer

/// The way back to who sent an event: its acknowledgement, or, if none was asked for, an event. May be carried to other
/// threads; used on the socket's event loop.
struct Reply: Sendable {
    let socket: Socket
    /// The event that is answered.
    let event: String
    let acknowledgement: Acknowledgement?

    /// Says that it was done.
    ///
    /// - Parameters:
    ///   - name: the event that carries the answer where no acknowledgement was asked for; `nil`: none does.
    ///   - capacity: about how many bytes the answer has.
    ///   - writeMembers: writes the answer's further members, each with a comma before it.
    func succeed(
        orEmit name: StaticString? = nil, capacity: Int = 64,
        _ writeMembers: (inout JSONWriter) -> Void = { _ in }
    ) {
        let write = { (json: inout JSONWriter) in
            json.raw("{\"ok\":true")
            writeMembers(&json)
            json.raw("}")
        }
        if let acknowledgement {
            acknowledgement(capacity: capacity, argument: write)
        } else if let name {
            socket.send(EncodedPackets(event: name, capacity: capacity, write))
        }
    }

    /// Says why it was not done.
    func fail(_ error: ChatError) {
        if let acknowledgement {
            acknowledgement { json in
                json.raw("{\"ok\":false,\"error\":")
                json.write(.object(error.members))
                json.raw("}")
            }
        } else {
            socket.emit("error", [.object(error.members + [.init("event", .string(event))])])
        }
    }
}

extension ChatError {
    /// The error as docs/protocol.md shows one in an acknowledgement.
    var members: [JSONValue.Member] {
        var members: [JSONValue.Member] = [
            .init("code", .string(code.rawValue)), .init("message", .string(message)),
        ]
        if let limit { members.append(.init("limit", .integer(limit))) }
        if let retryAfter { members.append(.init("retry_after", .integer(retryAfter))) }
        return members
    }

    /// The error for what was thrown: a ``ChatError`` as it is, anything else as "internal".
    init(_ error: any Error) {
        self = error as? ChatError ?? ChatError(.internalError)
    }
}
