// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON
import SocketIOServer

/// How far people have read.
extension ChatApplication {
    /// `mark_read {hall_id, rev}`
    func readMark(_ call: EventCall) throws -> ReadMark {
        ReadMark(
            hallID: try EventArguments.id("hall_id", of: call.argument),
            userID: call.client.userID, rev: try EventArguments.id("rev", of: call.argument))
    }

    /// It is written with what is said at the same time.
    func mark(_ mark: ReadMark, _ call: EventCall) {
        request(.mark(mark, call.reply))
    }

    /// A mark is durable, or refused.
    func marked(_ result: Result<WrittenMark, ChatError>, _ reply: Reply) {
        switch result {
        case .success(let written):
            reply.succeed { json in
                json.raw(",\"rev\":")
                json.integer(written.mark.rev)
            }
        case .failure(let error): reply.fail(error)
        }
    }

    /// Tells whoever has read further, on all other connections. Nobody else hears of it.
    func tell(_ mark: ReadMark, but reader: Socket?) {
        for socket in online[mark.userID] where socket !== reader {
            socket.emit(
                "read_changed", [["hall_id": .integer(mark.hallID), "rev": .integer(mark.rev)]])
        }
    }
}
