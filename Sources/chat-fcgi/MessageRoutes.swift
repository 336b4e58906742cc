// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON

/// A hall's history, and saying something in it.
enum MessageRoutes {
    static let routes = [
        Route(.get, "messages/<id>", reader: history),
        Route(.post, "messages/<id>", user: create),
        Route(.patch, "messages/<id>/<id>", user: edit),
        Route(.delete, "messages/<id>/<id>", user: delete),
        Route(.get, "messages/<id>/<id>/texts", reader: earlierTexts),
    ]

    /// `GET messages/<hall_id>`: the newest page, the one before a message, or what changed since a position.
    static func history(_ call: Call, as user: User, _ reader: any ChatReading) throws
        -> HTTPResponse
    {
        let limits = call.database.limits
        let limit = try call.target.number("limit", in: 1...Int64(limits.pageSizeMax)).map(Int.init)
        let before = try call.target.number("before")
        let rev = try call.target.number("since_rev")
        let change = try call.target.number("since_change")
        guard before == nil || rev == nil else {
            throw ChatError(.invalidRequest, "\"before\" and \"since_rev\" exclude each other.")
        }
        guard change == nil || rev != nil else {
            throw ChatError(.invalidRequest, "\"since_change\" stands beside \"since_rev\".")
        }
        let history = try reader.history(of: call.ids.first, as: user.id)
        return try .state(tag(history.version, for: user, limits), asked: call.request) {
            let page =
                if let rev {
                    try history.page(
                        since: HallPosition(rev: rev, change: change), limit: limit)
                } else if limit == nil, before == nil {
                    try newestPage(of: history, call)
                } else {
                    try history.page(limit: limit, before: before)
                }
            return page.json(for: user.id)
        }
    }

    /// The page that everybody asks for who opens the hall: kept ready as long as nothing is said.
    private static func newestPage(of history: any History, _ call: Call) throws -> HistoryPage {
        if let ready = call.site.pages[call.ids.first], ready.version == history.version {
            return ready
        }
        let page = try history.page(limit: nil, before: nil)
        call.site.pages.keep(page, for: call.ids.first)
        return page
    }

    /// What an answer depends on beside its address: the hall's messages, the names in them, who reads (client keys go to their senders
    /// alone), the sizes that the operator set, and how a page is written.
    private static func tag(
        _ version: HistoryVersion, for user: User, _ limits: Limits
    ) -> EntityTag {
        EntityTag { text in
            for number in [
                HistoryPage.format, Int64(limits.pageSizeDefault), Int64(limits.pageSizeMax),
                user.id, version.rev, version.change, version.messageID, version.changedID,
                version.renames,
            ] {
                text.integer(number)
                text.raw(".")
            }
            text.raw(version.createdAt.utf8)
            text.raw(".")
            text.raw(version.editedAt.utf8)
        }
    }

    /// `POST messages/<hall_id>`: says something; a repeated client key answers with what was said.
    static func create(_ call: Call, as user: User) throws -> HTTPResponse {
        let body = try RequestBody(call.request)
        let new = NewMessage(
            hallID: call.ids.first, senderID: user.id, content: try body.string("content"),
            clientKey: try body.optionalString("client_key"))
        return try perform(.say(new), call, as: user, made: .created)
    }

    /// `PATCH messages/<hall_id>/<id>`: another text for what one has said.
    static func edit(_ call: Call, as user: User) throws -> HTTPResponse {
        let edit = MessageEdit(
            hallID: call.ids.first, messageID: call.ids.second, userID: user.id,
            content: try RequestBody(call.request).string("content"))
        return try perform(.edit(edit), call, as: user)
    }

    /// `DELETE messages/<hall_id>/<id>`: only its place is left.
    static func delete(_ call: Call, as user: User) throws -> HTTPResponse {
        let deletion = MessageDeletion(
            hallID: call.ids.first, messageID: call.ids.second, by: .user(user.id))
        return try perform(.delete(deletion), call, as: user)
    }

    /// `GET messages/<hall_id>/<id>/texts`: what it said before its edits.
    static func earlierTexts(_ call: Call, as user: User, _ reader: any ChatReading) throws
        -> HTTPResponse
    {
        let texts = try reader.earlierTexts(
            of: call.ids.second, in: call.ids.first, as: user.id)
        return .json { json in
            json.raw("{\"texts\":")
            json.array(texts) { $0.write(to: &$1) }
            json.raw("}")
        }
    }

    /// - Parameter status: what it is answered with, unless it was so already.
    private static func perform(
        _ command: MessageCommand, _ call: Call, as user: User,
        made status: HTTPResponse.Status = .ok
    ) throws -> HTTPResponse {
        try call.site.sends.take(for: user.id)
        let written = try call.database.perform(command)
        if !written.isRepeat { call.site.wake() }
        return .json(written.isRepeat ? .ok : status) { json in
            json.raw("{\"message\":")
            written.message.write(to: &json, for: user.id)
            json.raw("}")
        }
    }
}
