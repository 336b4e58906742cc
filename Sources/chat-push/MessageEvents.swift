// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON
import NIOCore
import SocketIOServer

/// What clients say.
extension ChatApplication {
    /// `send_message {hall_id, content, client_key?}`: checked here as far as it can be. Whether the sender is a member is
    /// decided where it is written.
    func newMessage(_ call: EventCall) throws -> MessageCommand {
        let message = NewMessage(
            hallID: try EventArguments.id("hall_id", of: call.argument),
            senderID: call.client.userID,
            content: try EventArguments.string("content", of: call.argument),
            clientKey: try EventArguments.optionalString("client_key", of: call.argument))
        return try checked(.say(message))
    }

    /// `edit_message {hall_id, id, content}`: another text for what one has said.
    func messageEdit(_ call: EventCall) throws -> MessageCommand {
        let edit = MessageEdit(
            hallID: try EventArguments.id("hall_id", of: call.argument),
            messageID: try EventArguments.id("id", of: call.argument),
            userID: call.client.userID,
            content: try EventArguments.string("content", of: call.argument))
        return try checked(.edit(edit))
    }

    /// `delete_message {hall_id, id}`: only its place is left.
    func messageDeletion(_ call: EventCall) throws -> MessageCommand {
        .delete(
            MessageDeletion(
                hallID: try EventArguments.id("hall_id", of: call.argument),
                messageID: try EventArguments.id("id", of: call.argument),
                by: .user(call.client.userID)))
    }

    private func checked(_ command: MessageCommand) throws -> MessageCommand {
        try command.check(settings.limits)
        return command
    }

    /// It is written with what others wish at the same time.
    func write(_ command: MessageCommand, _ call: EventCall) {
        request(.write(command, call.reply))
    }

    /// A message is durable as it is now, or what was to be done with it is refused.
    func written(_ result: Result<Message, ChatError>, _ reply: Reply) {
        switch result {
        case .success(let message):
            let client = reply.socket.context as? ChatClient
            reply.succeed(capacity: message.content.utf8.count + 320) { json in
                json.raw(",\"message\":")
                message.write(to: &json, for: client?.userID)
            }
        case .failure(let error): reply.fail(error)
        }
    }
}

/// What becomes of messages that were said.
extension ChatApplication {
    /// How long changes of a hall wait for others after some were told, in milliseconds: so that a message that is changed
    /// all the time is told now and then.
    private static let changesPace = TimeAmount.milliseconds(200)

    func messageChanged(_ update: ChangeDelivery) {
        guard let hall = halls[update.message.hallID], hall.add(update) else { return }
        if !hall.isPacingChanges { tellChanges(of: hall) }
    }

    private func tellChanges(of hall: HallState) {
        let (packets, count) = hall.takeUnsentChanges()
        hall.isPacingChanges = count > 0
        guard count > 0 else { return }
        let sockets = loop.broadcast(packets, to: RoomID(hall.id), isLast: true)
        tally.broadcast(count, to: sockets)
        _ = loop.eventLoop.scheduleTask(in: Self.changesPace) { [id = hall.id, loop] in
            guard let chat = loop.application as? ChatApplication, let hall = chat.halls[id] else {
                return
            }
            chat.tellChanges(of: hall)
        }
    }
}

/// The members of an event's argument.
enum EventArguments {
    static func id(_ name: String, of argument: JSONValue?) throws -> Int64 {
        guard let id = argument?[name]?.integer, 1..<(1 << 53) ~= id else {
            throw ChatError(.invalidRequest, "\(name) must be a positive integer.")
        }
        return id
    }

    static func optionalInteger(_ name: String, of argument: JSONValue?) throws -> Int64? {
        guard let value = argument?[name], !value.isNull else { return nil }
        guard let number = value.integer, 0..<(1 << 53) ~= number else {
            throw ChatError(.invalidRequest, "\(name) must be an integer that is not negative.")
        }
        return number
    }

    static func string(_ name: String, of argument: JSONValue?) throws -> String {
        guard let text = argument?[name]?.string else {
            throw ChatError(.invalidRequest, "\(name) must be a string.")
        }
        return text
    }

    static func optionalString(_ name: String, of argument: JSONValue?) throws -> String? {
        guard let value = argument?[name], !value.isNull else { return nil }
        return try string(name, of: argument)
    }
}
