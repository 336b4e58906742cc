// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON

/// One answer: a value that knows how CGI and FastCGI want it written.
struct HTTPResponse: Sendable {
    /// The statuses of docs/protocol.md.
    enum Status: Int, Sendable {
        case ok = 200
        case created = 201
        case noContent = 204
        case notModified = 304
        case badRequest = 400
        case unauthorized = 401
        case forbidden = 403
        case notFound = 404
        case methodNotAllowed = 405
        case conflict = 409
        case contentTooLarge = 413
        case unsupportedMediaType = 415
        case unprocessableContent = 422
        case tooManyRequests = 429
        case internalServerError = 500
        case serviceUnavailable = 503
    }

    /// A header of this answer alone.
    struct Header: Sendable, Equatable {
        var name: String
        var value: String

        init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    var status: Status
    var headers: [Header] = []
    var isProblem = false
    /// The state that the answer shows, where a client may keep it and ask whether it is still so.
    var tag: EntityTag?
    var body: [UInt8] = []

    /// An answer without a body.
    static let noContent = HTTPResponse(status: .noContent)

    /// An answer of JSON that the closure writes.
    static func json(
        _ status: Status = .ok, capacity: Int = 256,
        _ write: (inout JSONWriter) throws -> Void
    ) rethrows -> HTTPResponse {
        var json = JSONWriter(capacity: capacity)
        try write(&json)
        return HTTPResponse(status: status, body: json.bytes)
    }

    /// Head and body as CGI has them (RFC 3875 §6).
    ///
    /// - Parameter isHead: whether only the head was asked for. It is the same as with the body.
    func bytes(isHead: Bool = false) -> [UInt8] {
        isHead ? head : head + body
    }

    /// The head as CGI has it, with the empty line behind it.
    var head: [UInt8] {
        var out = JSONWriter(capacity: 512)
        out.raw("Status: ")
        out.integer(Int64(status.rawValue))
        out.raw(" ")
        out.raw(status.reason)
        out.raw("\r\n")
        writeCaching(to: &out)
        out.raw("X-Content-Type-Options: nosniff\r\n")
        if hasContent {
            out.raw("Content-Type: application/")
            out.raw(isProblem ? "problem+json" : "json")
            out.raw("\r\nContent-Length: ")
            out.integer(Int64(body.count))
            out.raw("\r\n")
        }
        for header in headers {
            out.raw(header.name.utf8)
            out.raw(": ")
            out.raw(header.value.utf8)
            out.raw("\r\n")
        }
        out.raw("\r\n")
        return out.bytes
    }
}

extension HTTPResponse {
    /// Answers a read with the state of that tag: with nothing, where the client has it already (RFC 9110 §15.4.5),
    /// else with the body, which is only then put together.
    static func state(
        _ tag: EntityTag, asked request: HTTPRequest, body: () throws -> [UInt8]
    ) rethrows -> HTTPResponse {
        var response = HTTPResponse(status: .notModified, tag: tag)
        if tag.isNamed(in: request.ifNoneMatch) { return response }
        response.status = .ok
        response.body = try body()
        return response
    }

    private var hasContent: Bool { status != .noContent && status != .notModified }

    private func writeCaching(to out: inout JSONWriter) {
        guard let tag else { return out.raw("Cache-Control: no-store\r\n") }
        // What a member of a hall reads belongs in no cache but the browser's own, and that one asks each time: who
        // signed out since, or lost the hall, is told so. Who one is comes from the cookie, or from the site's login.
        out.raw("Cache-Control: private, no-cache\r\nVary: Authorization, Cookie\r\nETag: \"")
        out.raw(tag.opaque)
        out.raw("\"\r\n")
    }
}

// MARK: Problems

extension HTTPResponse {
    /// The one place that turns an error into an answer (RFC 9457).
    ///
    /// - Parameter members: what this problem has beside the members of all.
    static func problem(
        _ error: ChatError, members: [JSONValue.Member] = [], headers: [Header] = []
    ) -> HTTPResponse {
        let status = error.code.status
        // Who is told to come back is told when.
        let retryAfter = error.retryAfter ?? (error.code.passesByItself ? 1 : nil)
        var document: [JSONValue.Member] = [
            .init("type", "about:blank"), .init("title", .string("\(status.reason)")),
            .init("status", .integer(status.rawValue)), .init("detail", .string(error.message)),
            .init("code", .string(error.code.rawValue)),
        ]
        if let limit = error.limit { document.append(.init("limit", .integer(limit))) }
        if let retryAfter { document.append(.init("retry_after", .integer(retryAfter))) }
        var headers = headers
        if let retryAfter { headers.append(Header("Retry-After", String(retryAfter))) }
        return HTTPResponse(
            status: status, headers: headers, isProblem: true,
            body: JSONValue.object(document + members).bytes)
    }
}

extension ChatError.Code {
    /// The status of docs/protocol.md.
    var status: HTTPResponse.Status {
        switch self {
        case .invalidRequest: .badRequest
        case .unauthenticated, .wrongCredentials: .unauthorized
        case .originRefused, .frontEndRefused, .notAMember, .notAllowed, .banned,
            .registrationClosed:
            .forbidden
        case .notFound: .notFound
        case .methodNotAllowed: .methodNotAllowed
        case .usernameTaken, .hallNameTaken, .clientKeyReused, .hallArchived, .messageGone,
            .editTimeOver, .tooManyHalls:
            .conflict
        case .tooLarge: .contentTooLarge
        case .unsupportedMediaType: .unsupportedMediaType
        case .invalidUsername, .invalidName, .invalidPassword, .invalidHallName, .invalidClientKey,
            .messageEmpty, .messageTooLong:
            .unprocessableContent
        case .rateLimited: .tooManyRequests
        case .internalError: .internalServerError
        case .busy: .serviceUnavailable
        }
    }

    fileprivate var passesByItself: Bool { self == .busy || self == .rateLimited }
}

extension HTTPResponse.Status {
    /// The phrase of RFC 9110 §15.
    var reason: StaticString {
        switch self {
        case .ok: "OK"
        case .created: "Created"
        case .noContent: "No Content"
        case .notModified: "Not Modified"
        case .badRequest: "Bad Request"
        case .unauthorized: "Unauthorized"
        case .forbidden: "Forbidden"
        case .notFound: "Not Found"
        case .methodNotAllowed: "Method Not Allowed"
        case .conflict: "Conflict"
        case .contentTooLarge: "Content Too Large"
        case .unsupportedMediaType: "Unsupported Media Type"
        case .unprocessableContent: "Unprocessable Content"
        case .tooManyRequests: "Too Many Requests"
        case .internalServerError: "Internal Server Error"
        case .serviceUnavailable: "Service Unavailable"
        }
    }
}
