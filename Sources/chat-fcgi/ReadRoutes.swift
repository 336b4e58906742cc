// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON

/// How far one has read, and how much one has not.
enum ReadRoutes {
    static let routes = [
        Route(.get, "unread", reader: unread),
        Route(.post, "halls/<id>/read", user: mark),
    ]

    /// `GET unread`: for a badge on every page of a site, so that it costs little.
    static func unread(_ call: Call, as user: User, _ reader: any ChatReading) throws
        -> HTTPResponse
    {
        let count = try reader.unread(of: user.id)
        let tag = EntityTag { text in
            text.integer(count.messages)
            text.raw(".")
            text.integer(count.halls)
        }
        return .state(tag, asked: call.request) {
            var json = JSONWriter(capacity: 64)
            count.write(to: &json)
            return json.bytes
        }
    }

    /// `POST halls/<id>/read`: up to where a hall is read.
    static func mark(_ call: Call, as user: User) throws -> HTTPResponse {
        let rev = try RequestBody(call.request).id("rev")
        try call.site.marks.take(for: user.id)
        let written = try call.database.perform(
            ReadMark(hallID: call.ids.first, userID: user.id, rev: rev))
        if written.entry != nil { call.site.wake() }
        return .json { json in
            json.raw("{\"rev\":")
            json.integer(written.mark.rev)
            json.raw("}")
        }
    }
}
