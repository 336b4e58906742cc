// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON

/// A hall's history, and saying something in it.
enum MessageRoutes {
    /// `GET messages/<hall_id>`: the newest page, the one before a message, or what changed since a position.
    static func history(_ call: Call, as user: User) throws -> HTTPResponse {
        let sizeMax = Int64(call.database.limits.pageSizeMax)
        let limit = try call.target.number("limit", in: 1...sizeMax).map(Int.init)
        let before = try call.target.number("before")
        guard let rev = try call.target.number("since_rev") else {
            let page = try call.database.messages(
                of: call.id, as: user.id, limit: limit, before: before)
            return answer(page.messages, rev: page.rev, hasMore: page.hasMore, to: user)
        }
        guard before == nil else {
            throw ChatError(.invalidRequest, "\"before\" and \"since_rev\" exclude each other.")
        }
        let changes = try call.database.messages(
            of: call.id, as: user.id, since: rev, limit: limit)
        return answer(
            changes.messages, rev: changes.rev, hasMore: changes.hasMore,
            isComplete: changes.isComplete, to: user)
    }

    /// `POST messages/<hall_id>`: says something; a repeated client key answers with what was said.
    static func create(_ call: Call, as user: User) throws -> HTTPResponse {
        let body = try RequestBody(call.request)
        let new = NewMessage(
            hallID: call.id, senderID: user.id, content: try body.string("content"),
            clientKey: try body.optionalString("client_key"))
        try call.site.sends.take(for: user.id)
        let created = try call.database.createMessage(new)
        if !created.isRepeat { call.site.wake() }
        return .json(created.isRepeat ? .ok : .created) { json in
            json.raw("{\"message\":")
            created.message.write(to: &json, includingClientKey: true)
            json.raw("}")
        }
    }

    private static func answer(
        _ messages: [Message], rev: Int64, hasMore: Bool, isComplete: Bool? = nil, to user: User
    ) -> HTTPResponse {
        .json(capacity: 64 + 256 * messages.count) { json in
            json.raw("{\"messages\":[")
            for (index, message) in messages.enumerated() {
                if index > 0 { json.raw(",") }
                // The sender's own key is nobody else's business.
                message.write(to: &json, includingClientKey: message.senderID == user.id)
            }
            json.raw("],\"rev\":")
            json.integer(rev)
            json.raw(",\"has_more\":")
            json.bool(hasMore)
            if let isComplete {
                json.raw(",\"complete\":")
                json.bool(isComplete)
            }
            json.raw("}")
        }
    }
}
