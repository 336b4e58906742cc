// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON
import Testing

@testable import chat_fcgi

struct HTTPResponseTests {
    @Test func `an answer is written in one piece`() {
        var response = HTTPResponse.json(.created) { $0.raw("{}") }
        response.headers = [.init("Allow", "GET")]
        let head = """
            Status: 201 Created\r
            Cache-Control: no-store\r
            X-Content-Type-Options: nosniff\r
            Content-Type: application/json\r
            Content-Length: 2\r
            Allow: GET\r
            \r

            """
        #expect(String(decoding: response.bytes(), as: UTF8.self) == head + "{}")
        #expect(String(decoding: response.bytes(isHead: true), as: UTF8.self) == head)
    }

    @Test func `no content has neither type nor length`() {
        let text = String(decoding: HTTPResponse.noContent.bytes(), as: UTF8.self)
        #expect(text.hasPrefix("Status: 204 No Content\r\n"))
        #expect(!text.contains("Content-Type:") && !text.contains("Content-Length"))
        #expect(text.hasSuffix("\r\n\r\n"))
    }

    @Test func `a problem has the members of RFC 9457 and its own`() {
        let error = ChatError(.messageTooLong, "Too \"long\".", limit: 4_000)
        let response = HTTPResponse.problem(error, members: [.init("login", "site")])
        #expect(
            String(decoding: response.body, as: UTF8.self) == """
                {"type":"about:blank","title":"Unprocessable Content","status":422,\
                "detail":"Too \\"long\\".","code":"message_too_long","limit":4000,"login":"site"}
                """)
        #expect(response.isProblem)
        #expect(response.headers.isEmpty)
        let text = String(decoding: response.bytes(), as: UTF8.self)
        #expect(text.contains("\r\nContent-Type: application/problem+json\r\n"))
    }

    @Test func `who has to wait is told how long`() {
        let limited = HTTPResponse.problem(ChatError(.rateLimited, retryAfter: 17))
        #expect(limited.header("Retry-After") == "17")
        #expect(limited.json["retry_after"]?.integer == 17)

        let busy = HTTPResponse.problem(ChatError(.busy))
        #expect(busy.status == .serviceUnavailable)
        #expect(busy.header("Retry-After") == "1")
    }

    @Test func `each code has the status of the protocol`() {
        let statuses: [Int: [ChatError.Code]] = [
            400: [.invalidRequest], 401: [.unauthenticated, .wrongCredentials],
            403: [
                .originRefused, .frontEndRefused, .notAMember, .notAllowed, .banned,
                .registrationClosed,
            ],
            404: [.notFound], 405: [.methodNotAllowed],
            409: [
                .usernameTaken, .hallNameTaken, .clientKeyReused, .hallArchived, .messageGone,
                .editTimeOver, .tooManyHalls,
            ],
            413: [.tooLarge], 415: [.unsupportedMediaType],
            422: [
                .invalidUsername, .invalidName, .invalidPassword, .invalidHallName,
                .invalidClientKey, .messageEmpty, .messageTooLong,
            ],
            429: [.rateLimited], 500: [.internalError], 503: [.busy],
        ]
        #expect(statuses.values.flatMap { $0 }.count == ChatError.Code.allCases.count)
        for (status, codes) in statuses {
            for code in codes { #expect(code.status.rawValue == status, "\(code)") }
        }
    }
}
