// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON

/// What clients say.
extension ChatApplication {
    /// `send_message {hall_id, content, client_key?}`: checked here as far as it can be. Whether the sender is a member is
    /// decided where it is written.
    func newMessage(_ call: EventCall) throws -> NewMessage {
        let message = NewMessage(
            hallID: try EventArguments.id("hall_id", of: call.argument),
            senderID: call.client.user.id,
            content: try EventArguments.string("content", of: call.argument),
            clientKey: try EventArguments.optionalString("client_key", of: call.argument))
        try message.check(settings.limits)
        return message
    }

    /// It is written with what others say at the same time.
    func send(_ message: NewMessage, _ call: EventCall) {
        request(.send(message, call.reply))
    }

    /// The message is durable, or refused.
    func sent(_ result: Result<OwnMessage, ChatError>, _ reply: Reply) {
        switch result {
        case .success(let message):
            reply.succeed(capacity: message.delivery.byteCount + 128) { json in
                json.raw(",\"message\":")
                message.write(to: &json)
            }
        case .failure(let error): reply.fail(error)
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
