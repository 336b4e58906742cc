// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// The head of an HTTP answer.
struct HTTPHead {
    var status: Int
    var contentLength: Int?
    var isChunked: Bool
    var closes: Bool
    var tag: String?

    /// Where the body begins; `nil` while the head is not whole.
    static func end(of bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        for index in 3..<bytes.count
        where bytes[index] == 10 && bytes[index - 1] == 13 && bytes[index - 2] == 10 {
            return index + 1
        }
        return nil
    }

    init?(_ bytes: ArraySlice<UInt8>) {
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else {
            return nil
        }
        self.status = status
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            headers[line[..<colon].lowercased()] = String(value)
        }
        contentLength = headers["content-length"].flatMap { Int($0) }
        isChunked = headers["transfer-encoding"]?.lowercased() == "chunked"
        closes = headers["connection"]?.lowercased() == "close"
        tag = headers["etag"]
        // It has none, whatever its length would be.
        if status == 304 { (contentLength, isChunked) = (0, false) }
    }
}

/// An HTTP answer, whole.
struct HTTPAnswer {
    var status: Int
    var body: [UInt8]
    /// By which a client may say that it has this answer.
    var tag: String?

    var json: JSONValue? { try? JSONValue(parsing: body) }
}

/// One request after the other on a connection that is kept and made anew when it is gone.
final class HTTPWire: ConnectionOwner {
    private let door: Door
    private let keepsConnection: Bool
    private(set) var connection: Connection?
    private var head: HTTPHead?
    private var completion: ((HTTPAnswer?) -> Void)?

    /// - Parameter keepsConnection: whether the next request goes over the same connection, if that is still there.
    init(_ door: Door, keepsConnection: Bool = true) {
        (self.door, self.keepsConnection) = (door, keepsConnection)
    }

    var isBusy: Bool { completion != nil }

    /// Asks; the answer is `nil` where there was none, or not a whole one.
    ///
    /// - Parameter tag: of the answer that the client has already.
    func request(
        _ method: String, _ path: String, contentType: String = "application/json",
        body: [UInt8] = [], tag: String? = nil, completion: @escaping (HTTPAnswer?) -> Void
    ) {
        precondition(!isBusy, "one request at a time")
        self.completion = completion
        connection = connection ?? Connection(port: door.port, poller: door.poller)
        guard let connection else { return finish(nil) }
        connection.owner = self
        var text = door.head("\(method) \(path)")
        if let tag { text += "If-None-Match: \(tag)\r\n" }
        if !body.isEmpty || method == "POST" {
            text += "Content-Type: \(contentType)\r\nContent-Length: \(body.count)\r\n"
        }
        connection.send(Array((text + "\r\n").utf8) + body)
    }

    func received(_ connection: Connection) {
        if head == nil {
            guard let end = HTTPHead.end(of: connection.input) else { return }
            head = HTTPHead(connection.input[..<end])
            connection.consume(end)
        }
        // Whoever says something unasked, or something that is not HTTP, is not spoken to any more.
        guard let head, completion != nil else { return drop() }
        guard let (body, count) = body(of: head, in: connection.input) else { return }
        connection.consume(count)
        self.head = nil
        if head.closes || !keepsConnection { closeConnection() }
        finish(HTTPAnswer(status: head.status, body: body, tag: head.tag))
    }

    /// - Returns: the body and how many bytes it took; `nil` while it is not whole.
    private func body(of head: HTTPHead, in input: [UInt8]) -> ([UInt8], Int)? {
        if head.isChunked { return Self.chunks(input) }
        let length = head.contentLength ?? 0
        guard input.count >= length else { return nil }
        return (Array(input[..<length]), length)
    }

    private static func chunks(_ input: [UInt8]) -> ([UInt8], Int)? {
        var body: [UInt8] = []
        var offset = 0
        while let end = input[offset...].firstIndex(of: 10) {
            let digits = String(decoding: input[offset..<end].dropLast(), as: UTF8.self)
            guard let size = Int(digits, radix: 16), input.count >= end + 1 + size + 2 else {
                return nil
            }
            if size == 0 { return (body, end + 3) }
            body += input[(end + 1)..<(end + 1 + size)]
            offset = end + 1 + size + 2
        }
        return nil
    }

    func ended(_ connection: Connection) { drop() }

    private func drop() {
        closeConnection()
        finish(nil)
    }

    private func closeConnection() {
        connection?.close()
        connection = nil
        head = nil
    }

    private func finish(_ answer: HTTPAnswer?) {
        let completion = completion
        self.completion = nil
        completion?(answer)
    }

    /// Ends it; whoever waits for an answer hears nothing any more.
    func close() {
        completion = nil
        closeConnection()
    }

    /// Ends it, but leaves the connection open with nobody behind it.
    func letGo() -> Connection? {
        completion = nil
        defer { connection = nil }
        connection?.owner = nil
        return connection
    }

    /// Gives up waiting: the answer is none.
    func abandon() { drop() }
}

/// What the server says first.
struct EngineOpen {
    var sid: String
    var pingInterval: Int64
    var pingTimeout: Int64

    init?(_ packet: ArraySlice<UInt8>) {
        guard packet.first == UInt8(ascii: "0"),
            let terms = try? JSONValue(parsing: packet.dropFirst()),
            let sid = terms["sid"]?.string, let interval = terms["pingInterval"]?.integer,
            let timeout = terms["pingTimeout"]?.integer
        else { return nil }
        (self.sid, pingInterval, pingTimeout) = (sid, interval, timeout)
    }
}
