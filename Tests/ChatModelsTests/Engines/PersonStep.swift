// SPDX-License-Identifier: Apache-2.0

import ChatTesting

@testable import ChatModels

/// An engine, and the tokens of the sessions that it gave: each engine has its own.
final class AskedStorage {
    let storage: any ChatStorage
    var tokens: [String] = []

    init(_ storage: any ChatStorage) {
        self.storage = storage
    }

    /// One of the tokens, or none that was ever given.
    func token(_ number: Int) -> String {
        tokens.isEmpty ? "" : tokens[number % tokens.count]
    }
}

/// Something that concerns people and their sessions.
enum PersonStep: Sendable {
    case create(String)
    case site(String)
    case sitePerson(id: String, handle: String, name: String)
    case follow(user: Int64, handle: String, name: String)
    case link(user: Int64, String)
    case signIn(String, password: String)
    case profile(Profile, user: Int64, isOperator: Bool)
    case rename(user: Int64, String)
    case password(String, user: Int64)
    case disable(Bool, user: Int64)
    case begin(user: Int64, replacing: Int?)
    case session(Int)
    case renew(Int)
    case end(Int64)
    case endAll(user: Int64)
    case sessions(user: Int64?)
    case accounts
    case snapshot(user: Int64)

    func ask(_ asked: AskedStorage) throws -> String {
        let storage = asked.storage
        switch self {
        case .create(let name):
            return "\(try storage.createUser(named: name, password: "password1"))"
        case .site(let name): return "\(try storage.siteUser(named: name))"
        case .sitePerson(let id, let handle, let name):
            return "\(try storage.siteUser(try person(id, handle, name, storage)))"
        case .follow(let user, let handle, let name):
            return "\(try storage.update(user, as: try person("x", handle, name, storage)))"
        case .link(let user, let id):
            try storage.linkUser(user, to: id)
            return "linked"
        case .signIn(let name, let password):
            let user = try storage.authenticate(
                username: name, password: password, address: "192.0.2.1")
            return "\(user)"
        case .profile(let profile, let user, let isOperator):
            let actor: Actor = isOperator ? .operator : .user(user)
            return "\(try storage.setProfile(profile, of: user, by: actor))"
        case .rename(let user, let name): return "\(try storage.renameUser(user, to: name))"
        case .password(let password, let user):
            try storage.setPassword(password, of: user, by: .operator, keeping: nil)
            return "set"
        case .disable(let isDisabled, let user):
            try storage.setDisabled(isDisabled, user: user)
            return "done"
        case .begin(let user, let former):
            let (session, token) = try storage.createSession(
                for: User(id: user, username: "whoever"),
                replacing: former.map { [asked.token($0)] } ?? [])
            asked.tokens.append(token)
            return "\(session.id) \(session.expiresAt)"
        case .session(let number):
            return "\(try storage.session(token: asked.token(number)) as Any)"
        case .renew(let number):
            guard let session = try storage.session(token: asked.token(number)) else {
                return "none"
            }
            return "\(try storage.renewSession(session))"
        case .end(let id):
            try storage.endSession(id, by: .operator)
            return "ended"
        case .endAll(let user): return "\(try storage.endSessions(of: user, by: .user(user)))"
        case .sessions(let user): return "\(try storage.sessions(of: user))"
        case .accounts: return "\(try storage.accounts())"
        case .snapshot(let user): return "\(try storage.userSnapshot(user) as Any)"
        }
    }

    private func person(
        _ id: String, _ handle: String, _ name: String, _ storage: any ChatStorage
    ) throws -> SitePerson {
        try SitePerson(id: id, handle: handle, name: name, picture: "", storage.limits)
    }

    static func random(_ random: inout SeededRandom) -> PersonStep {
        let user = Int64.random(in: 1...7, using: &random)
        let number = Int.random(in: 0..<12, using: &random)
        // Some are the same to the eye, or but for the case; some are none.
        let name =
            ["ana", "Ana", "\u{430}na", "ben", "zoe", "Zoe", "you", "x y", "cara.", "newt"]
            .randomElement(using: &random) ?? ""
        let shown = ["", "Ana María", "\u{200B}"].randomElement(using: &random) ?? ""
        switch Int.random(in: 0..<24, using: &random) {
        case 20, 21: return .sitePerson(id: "\(user % 4)", handle: name, name: shown)
        case 22: return .follow(user: user, handle: name, name: shown)
        case 23: return .link(user: user, name)
        case 0: return .create(name)
        case 1: return .site(name)
        case 2: return .signIn(name, password: user < 5 ? "password1" : "password2")
        case 3..<6:
            let shown = ["Ana María", "", "ben", "You", "\u{202E}Ben ", "\u{200B}"]
            let picture = ["hue:7", "hue:400", "/a.png", "//a", ""]
            return .profile(
                Profile(
                    name: number < 9 ? shown.randomElement(using: &random) : nil,
                    picture: number < 4 ? picture.randomElement(using: &random) : nil),
                user: user, isOperator: number % 3 == 0)
        case 6..<9: return .rename(user: user, name)
        case 9: return .password(user < 4 ? "password1" : "password2", user: user)
        case 10: return .disable(number == 0, user: user)
        case 11, 12:
            return .begin(user: user, replacing: number < 4 ? number : nil)
        case 13: return .session(number)
        case 14: return .renew(number)
        case 15: return .end(Int64(number))
        case 16: return .endAll(user: user)
        case 17: return .sessions(user: number < 4 ? nil : user)
        case 18: return .accounts
        default: return .snapshot(user: user)
        }
    }
}

/// What a request reads in one transaction, as it goes over the wire.
enum RequestStep: Sendable {
    case page(hall: Int64, user: Int64, limit: Int?, before: Int64?)
    case since(hall: Int64, user: Int64, Step.Back)
    case members(hall: Int64, user: Int64, after: Int64, limit: Int?)
    case bans(hall: Int64, user: Int64, after: Int64, limit: Int?)
    case users([KnownUser], user: Int64)
    case lists(user: Int64)
    case unread(user: Int64)
    /// Of each message of a hall.
    case texts(hall: Int64, user: Int64)

    func ask(_ asked: AskedStorage) throws -> String {
        var position = HallPosition(rev: 0)
        if case .since(let hall, _, let back) = self {
            position = try back.position(in: hall, of: asked.storage)
        }
        return try asked.storage.reading { try ask($0, since: position) }
    }

    private func ask(_ reader: any ChatReading, since position: HallPosition) throws -> String {
        switch self {
        case .page(let hall, let user, let limit, let before):
            let history = try reader.history(of: hall, as: user)
            let page = try history.page(limit: limit, before: before)
            return "\(history.version) \(text(page.json(for: user)))"
        case .since(let hall, let user, _):
            let page = try reader.history(of: hall, as: user).page(since: position, limit: nil)
            return text(page.json(for: user))
        case .members(let hall, let user, let after, let limit):
            return "\(try reader.members(of: hall, as: user, after: after, limit: limit))"
        case .bans(let hall, let user, let after, let limit):
            return "\(try reader.bans(of: hall, as: user, after: after, limit: limit))"
        case .users(let known, let user): return "\(try reader.users(known, as: user))"
        case .lists(let user):
            let own = try reader.halls(of: user, kept: nil)
            return text(own.json) + text(try reader.hallsOpen(to: user).json)
        case .unread(let user): return "\(try reader.unread(of: user))"
        case .texts(let hall, let user):
            return try (Int64(1)...40).map { message in
                do {
                    return "\(try reader.earlierTexts(of: message, in: hall, as: user))"
                } catch let error as ChatError {
                    return "\(error.code)"
                }
            }.joined()
        }
    }

    private func text(_ json: [UInt8]) -> String { String(decoding: json, as: UTF8.self) }

    static func random(_ random: inout SeededRandom) -> RequestStep {
        let (hall, user) = (
            Int64.random(in: 1...5, using: &random), Int64.random(in: 1...6, using: &random)
        )
        switch Int.random(in: 0..<18, using: &random) {
        case 15..<18: return .unread(user: user)
        case 10..<14:
            return .texts(
                hall: .random(in: 1...2, using: &random), user: .random(in: 1...3, using: &random))
        case 0..<3:
            return .page(
                hall: hall, user: user, limit: [nil, 2].randomElement(using: &random) ?? nil,
                before: [nil, nil, 8].randomElement(using: &random) ?? nil)
        case 3, 4:
            return .since(
                hall: hall, user: user,
                Step.Back(rev: .random(in: 0...5, using: &random), change: 2))
        case 5:
            return .members(
                hall: hall, user: user, after: .random(in: 0...3, using: &random),
                limit: [nil, 2].randomElement(using: &random) ?? nil)
        case 14:
            return .bans(
                hall: .random(in: 1...3, using: &random), user: user,
                after: .random(in: 0...3, using: &random),
                limit: [nil, 1].randomElement(using: &random) ?? nil)
        case 6..<9:
            let known = (1...7).map { id in
                KnownUser(
                    id: id, version: [nil, 0, 1, 2].randomElement(using: &random) ?? nil)
            }
            return .users(known, user: user)
        default: return .lists(user: user)
        }
    }
}
