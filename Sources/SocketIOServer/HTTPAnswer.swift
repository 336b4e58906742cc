// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1

/// An answer to a request, with all that it needs to be written.
struct HTTPAnswer {
    var status: HTTPResponseStatus
    var body: [UInt8] = []
    var contentType: StaticString = "text/plain; charset=UTF-8"
    /// An origin other than the site's own that may see it.
    var corsOrigin: String?
    /// Whether the connection stays for another request.
    var keepsAlive: Bool

    init(
        _ status: HTTPResponseStatus, body: [UInt8] = [],
        contentType: StaticString = "text/plain; charset=UTF-8", corsOrigin: String? = nil,
        keepsAlive: Bool
    ) {
        self.status = status
        self.body = body
        self.contentType = contentType
        self.corsOrigin = corsOrigin
        self.keepsAlive = keepsAlive
    }

    /// The answer as it goes over the wire.
    var bytes: [UInt8] {
        var head = "HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\n"
        if status != .noContent {
            head += "Content-Type: \(contentType)\r\nContent-Length: \(body.count)\r\n"
        }
        if status == .upgradeRequired { head += "Sec-WebSocket-Version: 13\r\n" }
        if status == .serviceUnavailable || status == .tooManyRequests {
            head += "Retry-After: 2\r\n"
        }
        if let corsOrigin {
            head += """
                Access-Control-Allow-Origin: \(corsOrigin)\r
                Access-Control-Allow-Credentials: true\r
                Access-Control-Allow-Headers: Content-Type\r
                Access-Control-Allow-Methods: GET, POST\r
                Vary: Origin\r\n
                """
        }
        head += "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
        head += keepsAlive ? "\r\n" : "Connection: close\r\n\r\n"
        return Array(head.utf8) + body
    }
}
