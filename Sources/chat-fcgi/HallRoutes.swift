// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON

/// Halls, and who is in them.
enum HallRoutes {
    static let routes = [
        Route(.get, "halls", reader: list),
        Route(.post, "halls", user: create),
        Route(.post, "halls/join", user: join),
        Route(.post, "halls/leave", user: leave),
        Route(.get, "halls/<id>/members", reader: members),
        Route(.patch, "halls/<id>", user: change),
        Route(.patch, "halls/<id>/members/<id>", user: setRole),
        Route(.delete, "halls/<id>/members/<id>", user: remove),
        Route(.get, "halls/<id>/bans", reader: bans),
        Route(.put, "halls/<id>/bans/<id>", user: ban),
        Route(.delete, "halls/<id>/bans/<id>", user: liftBan),
    ]

    /// `GET halls`: the user's own, or with `scope=open` those that the user may join.
    static func list(_ call: Call, as user: User, _ reader: any ChatReading) throws -> HTTPResponse
    {
        let list: HallList
        if let scope = try call.target.parameter("scope") {
            guard scope.isExactly("open") else { throw HTTPRequest.Malformed(part: "scope") }
            list = try reader.hallsOpen(to: user.id)
        } else {
            list = try own(call, user, reader)
        }
        let tag = EntityTag { $0.raw(list.fingerprint.utf8) }
        return .state(tag, asked: call.request) { list.json }
    }

    private static func own(_ call: Call, _ user: User, _ reader: any ChatReading) throws
        -> HallList
    {
        let kept = call.site.hallLists[user.id]
        let list = try reader.halls(of: user.id, kept: kept)
        if list.position != kept?.position { call.site.hallLists.keep(list, for: user.id) }
        return list
    }

    /// `POST halls`: makes one; who made it owns it.
    static func create(_ call: Call, as user: User) throws -> HTTPResponse {
        let body = try RequestBody(call.request)
        let name = try body.string("name")
        let isPrivate = try body.flag("private")
        try call.site.joins.take(for: user.id)
        let hall = try call.database.createHall(named: name, isPrivate: isPrivate, by: user.id)
        call.site.wake()
        return answer(hall, .created)
    }

    /// `POST halls/join`: brings the user into an open hall.
    static func join(_ call: Call, as user: User) throws -> HTTPResponse {
        let hallID = try RequestBody(call.request).id("hall_id")
        try call.site.joins.take(for: user.id)
        let hall = try call.database.join(hallID, as: user.id)
        call.site.wake()
        return answer(hall)
    }

    /// `POST halls/leave`: takes the user out of a hall.
    static func leave(_ call: Call, as user: User) throws -> HTTPResponse {
        let hallID = try RequestBody(call.request).id("hall_id")
        try call.site.joins.take(for: user.id)
        try call.database.leave(hallID, as: user.id)
        call.site.wake()
        return .noContent
    }

    /// `PATCH halls/<id>`: says what it is about.
    static func change(_ call: Call, as user: User) throws -> HTTPResponse {
        let topic = try RequestBody(call.request).string("topic")
        try call.site.joins.take(for: user.id)
        let hall = try call.database.setTopic(topic, of: call.ids.first, by: user.id)
        call.site.wake()
        return answer(hall)
    }

    /// `GET halls/<id>/members`: a page of them by id; `after` goes on behind one.
    static func members(_ call: Call, as user: User, _ reader: any ChatReading) throws
        -> HTTPResponse
    {
        let (after, limit) = try page(call)
        let (members, hasMore) = try reader.members(
            of: call.ids.first, as: user.id, after: after, limit: limit)
        return .json(capacity: 32 + 64 * members.count) { json in
            json.raw("{\"members\":")
            json.array(members) { $0.write(to: &$1) }
            end(&json, hasMore: hasMore)
        }
    }

    /// `GET halls/<id>/bans`: who is banned, as ``members(_:as:_:)``.
    static func bans(_ call: Call, as user: User, _ reader: any ChatReading) throws
        -> HTTPResponse
    {
        let (after, limit) = try page(call)
        let (bans, hasMore) = try reader.bans(
            of: call.ids.first, as: user.id, after: after, limit: limit)
        return .json(capacity: 32 + 128 * bans.count) { json in
            json.raw("{\"bans\":")
            json.array(bans) { $0.write(to: &$1) }
            end(&json, hasMore: hasMore)
        }
    }

    private static func end(_ page: inout JSONWriter, hasMore: Bool) {
        page.raw(",\"has_more\":")
        page.bool(hasMore)
        page.raw("}")
    }

    private static func page(_ call: Call) throws -> (after: Int64, limit: Int?) {
        let pageMax = Int64(call.database.limits.membersPageMax)
        return (
            try call.target.number("after") ?? 0,
            try call.target.number("limit", in: 1...pageMax).map(Int.init)
        )
    }

    /// What somebody does with another's place, at the rate of joining and leaving.
    private static func act(
        _ call: Call, _ user: User, _ body: () throws -> Void
    ) throws -> HTTPResponse {
        try call.site.joins.take(for: user.id)
        try body()
        call.site.wake()
        return .noContent
    }

    /// `PUT halls/<id>/bans/<user>`: takes somebody out of a hall who does not come back.
    static func ban(_ call: Call, as user: User) throws -> HTTPResponse {
        try act(call, user) {
            try call.database.ban(call.ids.second, from: call.ids.first, by: .user(user.id))
        }
    }

    /// `DELETE halls/<id>/bans/<user>`: lets somebody come back.
    static func liftBan(_ call: Call, as user: User) throws -> HTTPResponse {
        try act(call, user) {
            try call.database.liftBan(of: call.ids.second, from: call.ids.first, by: .user(user.id))
        }
    }

    /// `PATCH halls/<id>/members/<user>`: gives a member another role.
    static func setRole(_ call: Call, as user: User) throws -> HTTPResponse {
        let name = try RequestBody(call.request).string("role")
        guard let role = Role(rawValue: name) else { throw HTTPRequest.Malformed(part: "role") }
        try call.site.joins.take(for: user.id)
        let member = try call.database.setRole(
            role, of: call.ids.second, in: call.ids.first, by: user.id)
        call.site.wake()
        return .json { json in
            json.raw("{\"member\":")
            member.write(to: &json)
            json.raw("}")
        }
    }

    /// `DELETE halls/<id>/members/<user>`: takes a member out of a hall.
    static func remove(_ call: Call, as user: User) throws -> HTTPResponse {
        try act(call, user) {
            try call.database.removeMember(
                call.ids.second, of: call.ids.first, by: .user(user.id))
        }
    }

    private static func answer(_ hall: Hall, _ status: HTTPResponse.Status = .ok) -> HTTPResponse {
        .json(status) { json in
            json.raw("{\"hall\":")
            hall.write(to: &json)
            json.raw("}")
        }
    }
}
