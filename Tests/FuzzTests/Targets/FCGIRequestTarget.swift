// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON
import Logging
import Sockets
import Synchronization

@testable import chat_fcgi

/// A request as CGI has it: lines `NAME=value`, an empty one, the body. Whatever it is, there is an answer that is well
/// formed, and never the one for errors of our own. `SITE_LOGIN` stands for a site with a login of its own, and the
/// session of `ana` for one that is valid.
func fuzzRequest(_ bytes: [UInt8]) throws {
    let input = Input(bytes)
    try checkParts(of: input.request)
    var site = Site()
    site.hasAccounts = input.parameters["SITE_LOGIN"] == nil
    site.log.logLevel = .critical
    let stage = try stages.next()
    var request = input.request
    if request.cookie == "halls_session=ana" { request.cookie = "halls_session=\(stage.token)" }

    let response = Router(database: stage.database, site: site).respond(to: request)

    // Each input finds the same database, whatever came before it.
    if request.method.isSafe || isRefusedUnseen(response) { stages.giveBack(stage) }
    try check(response)
}

/// Whether a request was refused before anything was written.
private func isRefusedUnseen(_ response: HTTPResponse) -> Bool {
    switch response.status {
    case .badRequest, .notFound, .methodNotAllowed, .contentTooLarge, .unsupportedMediaType: true
    // Not for wrong credentials: those are counted.
    case .unauthorized: (try? JSONValue(parsing: response.body))?["code"] == "unauthenticated"
    default: false
    }
}

private struct Input {
    var parameters: [String: String] = [:]
    var request = HTTPRequest()

    init(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let line = rest.prefix { $0 != UInt8(ascii: "\n") }
            rest = rest.dropFirst(line.count + 1)
            guard !line.isEmpty else { break }
            let name = line.prefix { $0 != UInt8(ascii: "=") }
            // C's strings have no NUL.
            let value = line.dropFirst(name.count + 1).prefix { $0 != 0 }
            parameters[String(decoding: name, as: UTF8.self)] = String(
                decoding: value, as: UTF8.self)
        }
        let body: HTTPRequest.Body =
            switch parameters["BODY"] {
            case "large": .tooLarge
            case "cut": .cutShort
            default: .whole(Array(rest))
            }
        request = HTTPRequest(body: body) { [parameters] in [parameters["\($0)"]].compactMap(\.self)
        }
    }
}

private func checkParts(of request: HTTPRequest) throws {
    for token in SessionCookie().tokens(in: request.cookie) {
        try claim(!token.utf8.contains(UInt8(ascii: ";")), "A token has a semicolon.")
    }
    if let origin = Origin(request.origin) {
        try claim(!origin.authority.isEmpty, "An origin has no authority.")
        let again = Origin("\(origin.scheme)://\(origin.authority)")
        try claim(again?.scheme == origin.scheme, "An origin changes its scheme.")
    }
    guard let target = RequestTarget(request.target) else { return }
    let path = target.segments.map { "/" + percentEncoded($0) }.joined()
    let again = RequestTarget(path.isEmpty ? "/" : path)
    try claim(again?.segments == target.segments, "A path changed: \(target.segments).")
    _ = try? target.parameter("limit")
    _ = try? target.number("limit")
}

private func percentEncoded(_ text: String) -> String {
    text.utf8.map { "%" + String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}

private func check(_ response: HTTPResponse) throws {
    try claim(response.status != .internalServerError, "An error of our own.")
    for header in response.headers {
        try claim(
            (header.name + header.value).utf8.allSatisfy { 0x20..<0x7F ~= $0 },
            "A header has a control character.")
    }
    let (all, head) = (response.bytes(), response.bytes(isHead: true))
    try claim(all == head + response.body, "HEAD is answered otherwise than GET.")
    if response.status == .noContent {
        try claim(response.body.isEmpty, "No content, but a body.")
    } else {
        let body = try JSONValue(parsing: response.body)
        try claim(body.bytes == response.body, "The body is not compact JSON.")
        try claim(
            response.isProblem == (body["status"]?.integer == Int64(response.status.rawValue)),
            "A problem without its status.")
    }
}

// MARK: The database

/// A small chat: `ana` owns a hall and said something in it, the session is hers.
private struct Stage {
    let database: ChatDatabase
    let token: String

    init() throws {
        let now = Timestamp(milliseconds: 1_795_426_200_123)
        database = try ChatDatabase(inMemory: Limits(), clock: { now })
        let ana = try database.createUser(named: "ana", password: "password1")
        let hall = try database.createHall(named: "General", isPrivate: false, by: ana.id)
        for content in ["Hello", "again"] {
            let new = NewMessage(
                hallID: hall.id, senderID: ana.id, content: content, clientKey: content)
            _ = try database.perform(.say(new))
        }
        token = try database.createSession(for: ana).token
    }
}

/// Keeps the stage that the last input left as it was: making one takes longer than all the rest.
private final class Stages: Sendable {
    private let spare = Mutex<Stage?>(nil)

    func next() throws -> Stage {
        let stage = spare.withLock { spare in
            defer { spare = nil }
            return spare
        }
        return try stage ?? Stage()
    }

    func giveBack(_ stage: Stage) {
        spare.withLock { $0 = stage }
    }
}

private let stages = Stages()
