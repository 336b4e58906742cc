// SPDX-License-Identifier: Apache-2.0

import ChatTesting

@testable import ChatModels

struct ModelUser {
    var user: User
    var password: String?
    var externalID: String?
    var isDisabled = false
    var createdAt: String
}

struct ModelSession {
    var id: Int64
    var userID: Int64
    var token: String
    var createdAt: String
    var expiresAt: Timestamp
}

/// People and sessions, as ``ModelStorage`` has them. It does not count attempts to sign in.
extension ModelStorage {
    func index(ofUser userID: Int64) throws -> Int {
        guard state.users.indices.contains(Int(userID) - 1) else { throw ChatError(.notFound) }
        return Int(userID) - 1
    }

    private func user(with key: String?) -> ModelUser? {
        state.users.first { Names.key($0.user.username) == key }
    }

    private func key(_ text: String) -> String? {
        Names.key(of: text, lengthMax: limits.usernameLengthMax)
    }

    func normal(_ username: String) throws -> String {
        try Names.username(username, lengthMax: limits.usernameLengthMax)
    }

    private func isLookTaken(_ name: String, but userID: Int64) -> Bool {
        state.users.contains { other in
            other.user.id != userID
                && !Names.looks(ofUser: name).isDisjoint(
                    with: Names.looks(ofUser: other.user.username))
        }
    }

    func requireFreeName(_ username: String, but userID: Int64) throws {
        if let other = user(with: key(username)), other.user.id != userID {
            throw ChatError(.usernameTaken)
        }
        guard !Names.isReserved(username) else { throw ChatError(.invalidUsername) }
        guard !isLookTaken(username, but: userID) else { throw ChatError(.usernameTaken) }
    }

    func requireFree(_ username: String) throws { try requireFreeName(normal(username), but: 0) }

    func createUser(named username: String, password: String) throws -> User {
        let username = try normal(username)
        guard password.unicodeScalars.count >= limits.passwordLengthMin else {
            throw ChatError(.invalidPassword, limit: limits.passwordLengthMin)
        }
        try requireFreeName(username, but: 0)
        return add(username, password: password, externalID: nil)
    }

    private func add(_ username: String, password: String?, externalID: String?) -> User {
        let user = User(id: Int64(state.users.count + 1), username: username)
        state.users.append(
            ModelUser(
                user: user, password: password, externalID: externalID,
                createdAt: clock.now.iso8601))
        return user
    }

    func siteUser(_ person: SitePerson) throws -> User {
        if let known = state.users.first(where: { $0.externalID == person.id }) {
            guard !known.isDisabled else { throw ChatError(.unauthenticated) }
            return known.user
        }
        if person.handle == nil, let other = user(with: key(person.id)), let id = other.externalID,
            key(id) == key(person.id)
        {
            throw ChatError(.unauthenticated)
        }
        let user = add(free(person.handle ?? person.id), password: nil, externalID: person.id)
        return try update(user.id, as: person)
    }

    private func free(_ handle: String) -> String {
        ([handle] + (2...1_000).map { "\(handle)\($0)" })
            .first { user(with: key($0)) == nil } ?? ""
    }

    func update(_ userID: Int64, as person: SitePerson) throws -> User {
        let before = state.users[try index(ofUser: userID)].user
        var user = before
        if let handle = person.handle, !Names.isHandle(user.username, madeOf: handle) {
            user.username = free(handle)
            if before.name == before.username { user.name = user.username }
        }
        user.name = person.profile.name ?? user.name
        user.picture = person.profile.picture ?? user.picture
        if user == before { return user }
        if user.username != before.username { rename(userID, to: user.username) }
        return keep(user, isRenamed: user.username != before.username)
    }

    func linkUser(_ userID: Int64, to externalID: String) throws {
        let id = try SitePerson.id(externalID)
        let index = try index(ofUser: userID)
        for other in state.users.indices where state.users[other].externalID == id {
            state.users[other].externalID = nil
        }
        state.users[index].externalID = id
    }

    func rename(_ userID: Int64, to username: String) {
        state.renames += 1
        for index in state.messages.indices where state.messages[index].senderID == userID {
            state.messages[index].username = username
        }
    }

    func authenticate(username: String, password: String, address: String) throws -> User {
        guard let known = user(with: key(username)), !known.isDisabled, known.password == password
        else { throw ChatError(.wrongCredentials) }
        return known.user
    }

    func accountKey(of username: String) -> String { key(username) ?? "" }
    func countRegistration(from address: String) throws {}

    func accounts() throws -> [Account] { state.users.map(account) }

    func account(named username: String) throws -> Account {
        guard let known = user(with: key(username)) else { throw ChatError(.notFound) }
        return account(known)
    }

    private func account(_ known: ModelUser) -> Account {
        Account(
            user: known.user, externalID: known.externalID, hasPassword: known.password != nil,
            isDisabled: known.isDisabled, createdAt: known.createdAt)
    }

    func setProfile(_ profile: Profile, of userID: Int64, by actor: Actor) throws -> User {
        let profile = try profile.normalized(by: actor)
        let index = try index(ofUser: userID)
        let before = state.users[index].user
        var user = before
        if let name = profile.name { user.name = name.isEmpty ? user.username : name }
        if let picture = profile.picture { user.picture = picture.isEmpty ? nil : picture }
        if user == before { return user }
        let isChosen = actor != .operator && user.name != before.name && user.name != user.username
        if isChosen, Names.isReserved(user.name) || isLookTaken(user.name, but: userID) {
            throw ChatError(.invalidName)
        }
        return keep(user, isRenamed: false)
    }

    func keep(_ changed: User, isRenamed: Bool) -> User {
        var user = changed
        user.version += 1
        state.users[Int(user.id) - 1].user = user
        log(.userChanged(userID: user.id, isRenamed: isRenamed))
        return user
    }

    func setPassword(
        _ password: String, of userID: Int64, by actor: Actor, keeping sessionID: Int64?
    ) throws {
        guard password.unicodeScalars.count >= limits.passwordLengthMin else {
            throw ChatError(.invalidPassword, limit: limits.passwordLengthMin)
        }
        state.users[try index(ofUser: userID)].password = password
        end { $0.userID == userID && $0.id != sessionID }
    }

    func setDisabled(_ isDisabled: Bool, user userID: Int64) throws {
        state.users[try index(ofUser: userID)].isDisabled = isDisabled
        guard isDisabled else { return }
        end { $0.userID == userID }
        log(.userDisabled(userID: userID))
    }

    // MARK: Sessions

    @discardableResult
    private func end(_ isMeant: (ModelSession) -> Bool) -> Int {
        let ended = state.sessions.filter(isMeant)
        state.sessions.removeAll(where: isMeant)
        for session in ended {
            log(.sessionEnded(sessionID: session.id, userID: session.userID))
        }
        return ended.count
    }

    func value(_ session: ModelSession) -> LoginSession {
        LoginSession(
            id: session.id, user: state.users[Int(session.userID) - 1].user,
            expiresAt: session.expiresAt)
    }

    func createSession(
        for user: User, replacing tokens: [String]
    ) throws -> (session: LoginSession, token: String) {
        guard let index = try? index(ofUser: user.id), !state.users[index].isDisabled else {
            throw ChatError(.unauthenticated)
        }
        state.sessions.removeAll { $0.expiresAt <= clock.now }
        state.sessionCount += 1
        let session = ModelSession(
            id: state.sessionCount, userID: user.id, token: "token \(state.sessionCount)",
            createdAt: clock.now.iso8601,
            expiresAt: clock.now.adding(seconds: limits.sessionLifetimeSeconds))
        state.sessions.append(session)
        for token in tokens {
            guard let former = try self.session(token: token) else { continue }
            end { $0.id == former.id }
        }
        let own = state.sessions.filter { $0.userID == user.id }
            .sorted { ($0.expiresAt, $0.id) > ($1.expiresAt, $1.id) }
        let last = own.dropFirst(limits.sessionsPerUserMax).map(\.id)
        end { last.contains($0.id) }
        return (value(session), session.token)
    }

    func renewSession(_ session: LoginSession) throws -> Bool {
        let expiresAt = clock.now.adding(seconds: limits.sessionLifetimeSeconds)
        let seconds = min(86_400, limits.sessionLifetimeSeconds / 2)
        guard session.expiresAt.adding(seconds: seconds) <= expiresAt,
            let index = state.sessions.firstIndex(where: {
                $0.id == session.id && $0.expiresAt == session.expiresAt
            })
        else { return false }
        state.sessions[index].expiresAt = expiresAt
        log(.sessionRenewed(sessionID: session.id, userID: session.user.id))
        return true
    }

    func endSession(_ sessionID: Int64, by actor: Actor) throws {
        guard end({ $0.id == sessionID }) > 0 else { throw ChatError(.notFound) }
    }

    func endSessions(of userID: Int64, by actor: Actor) throws -> Int {
        end { $0.userID == userID }
    }

    func sessions(of userID: Int64?) throws -> [SessionSummary] {
        state.sessions.filter { $0.expiresAt > clock.now && [nil, $0.userID].contains(userID) }
            .map { SessionSummary(session: value($0), createdAt: $0.createdAt) }
    }

    func userSnapshot(_ userID: Int64) throws -> UserSnapshot? {
        guard let index = try? index(ofUser: userID) else { return nil }
        return UserSnapshot(
            user: state.users[index].user,
            hallIDs: state.halls.indices.filter { isOrWasIn($0, userID) }.map { Int64($0 + 1) })
    }

    func isOrWasIn(_ index: Int, _ userID: Int64) -> Bool {
        state.halls[index].places[userID] != nil || state.halls[index].formerIDs.contains(userID)
    }
}
