// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON

/// People, accounts and sessions.
enum UserRoutes {
    static let routes = [
        Route(.post, "register", accounts: register),
        Route(.post, "login", accounts: login),
        Route(.post, "logout", accounts: logout),
        Route(.post, "logout/everywhere", accounts: logoutEverywhere),
        Route(.post, "password", accounts: changePassword),
        Route(.get, "me", anyone: me),
        Route(.patch, "me", user: changeMe),
        Route(.get, "users", reader: users),
        Route(.get, "session", anyone: session),
    ]

    /// `POST register`: makes an account and signs in to it.
    static func register(_ call: Call) throws -> HTTPResponse {
        guard call.site.isRegistrationOpen else { throw ChatError(.registrationClosed) }
        let (username, password) = try credentials(call.request)
        return try call.lookingAtPassword(of: username) {
            try call.database.countRegistration(from: call.request.remoteAddress)
            let user = try call.database.createUser(named: username, password: password)
            return try signIn(user, .created, call)
        }
    }

    /// `POST login`
    static func login(_ call: Call) throws -> HTTPResponse {
        let (username, password) = try credentials(call.request)
        return try call.lookingAtPassword(of: username) {
            let user = try call.database.authenticate(
                username: username, password: password, address: call.request.remoteAddress)
            return try signIn(user, .ok, call)
        }
    }

    /// `POST logout`: ends the session, also on open sockets.
    static func logout(_ call: Call) throws -> HTTPResponse {
        let (user, sessionID) = try call.userWithSession()
        do {
            try call.database.endSession(sessionID, by: .user(user.id))
        } catch let error as ChatError where error.code == .notFound {
            // Another request ended it in between: it is ended.
        }
        return loggedOut(call)
    }

    /// `POST logout/everywhere`: ends all sessions of who asks, this one too.
    static func logoutEverywhere(_ call: Call) throws -> HTTPResponse {
        let (user, _) = try call.userWithSession()
        try call.database.endSessions(of: user.id, by: .user(user.id))
        return loggedOut(call)
    }

    private static func loggedOut(_ call: Call) -> HTTPResponse {
        call.use.session = nil
        call.site.wake()
        var response = HTTPResponse.noContent
        response.headers = call.site.cookie.removals(
            from: call.request.cookie, isSecure: call.request.isSecure)
        return response
    }

    /// `POST password`: sets another one and ends all other sessions.
    static func changePassword(_ call: Call) throws -> HTTPResponse {
        let body = try RequestBody(call.request)
        let (old, new) = (try body.string("old_password"), try body.string("password"))
        let (user, sessionID) = try call.userWithSession()
        return try call.lookingAtPassword(of: user.username) {
            _ = try call.database.authenticate(
                username: user.username, password: old, address: call.request.remoteAddress)
            try call.database.setPassword(
                new, of: user.id, by: .user(user.id), keeping: sessionID)
            call.site.wake()
            return .noContent
        }
    }

    /// `GET me`: who I am, or how I can come in.
    static func me(_ call: Call) throws -> HTTPResponse {
        guard let visitor = try call.visitorOrNobody() else {
            return .problem(ChatError(.unauthenticated), members: call.site.waysIn)
        }
        return me(visitor.user, call)
    }

    /// `GET session`: the same, for a page that only wants to know: nobody is no error there.
    static func session(_ call: Call) throws -> HTTPResponse {
        me(try call.visitorOrNobody()?.user, call)
    }

    private static func me(_ user: User?, _ call: Call) -> HTTPResponse {
        let limits = call.database.limits
        return .json { json in
            json.raw("{\"user\":")
            if let user { user.write(to: &json) } else { json.raw("null") }
            for member in call.site.waysIn {
                json.raw(",")
                json.string(member.name)
                json.raw(":")
                json.write(member.value)
            }
            json.raw(",\"limits\":{\"message_length_max\":")
            json.integer(Int64(limits.messageLengthMax))
            if limits.editSecondsMax > 0 {
                json.raw(",\"edit_seconds\":")
                json.integer(limits.editSecondsMax)
            }
            if limits.keepsEarlierTexts { json.raw(",\"earlier_texts\":\"moderators\"") }
            json.raw("}}")
        }
    }

    /// `PATCH me`: what others see of who asks.
    static func changeMe(_ call: Call, as user: User) throws -> HTTPResponse {
        let body = try RequestBody(call.request)
        let profile = Profile(
            name: try body.optionalString("name"), picture: try body.optionalString("picture"))
        if profile.name != nil && !call.request.name.isEmpty
            || profile.picture != nil && !call.request.picture.isEmpty
        {
            throw ChatError(.notAllowed, "The site says what is shown of you.")
        }
        try call.site.joins.take(for: user.id)
        try call.site.profiles.take(for: user.id)
        var changed = user
        // Only what others are told of counts for the day.
        defer { if changed == user { call.site.profiles.giveBack(for: user.id) } }
        changed = try call.database.setProfile(profile, of: user.id, by: .user(user.id))
        if changed != user { call.site.wake() }
        return .json { json in
            json.raw("{\"user\":")
            changed.write(to: &json)
            json.raw("}")
        }
    }

    /// How many users one request asks for at most.
    private static let usersMax = 100

    /// `GET users`: those of whom something else is shown than the client knows.
    static func users(_ call: Call, as user: User, _ reader: any ChatReading) throws -> HTTPResponse
    {
        let ids = try call.target.numbers("ids", countMax: usersMax)
        let versions = try call.target.numbers("versions", countMax: usersMax)
        guard !ids.isEmpty, versions.isEmpty || versions.count == ids.count else {
            throw ChatError(
                .invalidRequest, "\"versions\" has as many numbers as \"ids\", or is not there.")
        }
        let known = ids.indices.map {
            KnownUser(id: ids[$0], version: versions.isEmpty ? nil : versions[$0])
        }
        let users = try reader.users(known, as: user.id)
        return .json(capacity: 32 + 128 * users.count) { json in
            json.raw("{\"users\":")
            json.array(users) { $0.write(to: &$1) }
            json.raw("}")
        }
    }

    private static func credentials(_ request: HTTPRequest) throws -> (String, String) {
        let body = try RequestBody(request)
        return (try body.string("username"), try body.string("password"))
    }

    private static func signIn(
        _ user: User, _ status: HTTPResponse.Status, _ call: Call
    ) throws -> HTTPResponse {
        let (_, token) = try call.database.createSession(
            for: user, replacing: call.site.cookie.tokens(in: call.request.cookie))
        // It may have ended another one.
        call.site.wake()
        var response = HTTPResponse.json(status) { json in
            json.raw("{\"user\":")
            user.write(to: &json)
            json.raw("}")
        }
        response.headers = [call.cookie(token)]
        return response
    }
}

extension Call {
    /// Does what hashes a password, when there is a place for it.
    fileprivate func lookingAtPassword<Value>(
        of username: String, _ body: () throws -> Value
    ) throws -> Value {
        try site.passwords.pass(
            account: database.accountKey(of: username), address: request.remoteAddress, body)
    }

    /// Who asks, with the session.
    fileprivate func userWithSession() throws -> (User, Int64) {
        guard let visitor = try visitor(), let sessionID = visitor.sessionID else {
            throw ChatError(.unauthenticated)
        }
        return (visitor.user, sessionID)
    }

    /// Whom the operator shut out is nobody, like one who was never there.
    fileprivate func visitorOrNobody() throws -> Visitor? {
        do {
            return try visitor()
        } catch let error as ChatError where error.code == .unauthenticated {
            return nil
        }
    }
}
