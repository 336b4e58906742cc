// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import NIOHTTP1

/// A request that asks to become a WebSocket (RFC 6455 §4.2.1), with what is needed of it.
struct UpgradeRequest: Equatable {
    private(set) var target = ""
    private(set) var accept = ""
    private(set) var host: String?
    private(set) var origin: String?
    private(set) var forwardedProtocol: String?
    private(set) var cookie: String?
    private(set) var told = ToldByFrontEnd()
    /// The first of the subprotocols that the client offers. They mean nothing here, but a browser that offered some closes
    /// what is answered without one.
    private(set) var subprotocol: String?

    /// How the request is answered (§4.2.2).
    var answer: [UInt8] {
        let chosen = subprotocol.map { "Sec-WebSocket-Protocol: \($0)\r\n" } ?? ""
        return Array(
            """
            HTTP/1.1 101 Switching Protocols\r
            Upgrade: websocket\r
            Connection: Upgrade\r
            Sec-WebSocket-Accept: \(accept)\r
            \(chosen)\r\n
            """.utf8)
    }

    private static let subprotocolBytesMax = 128

    /// The first of a list of subprotocols; `nil` if that cannot be one: only what is a token goes back as it came.
    private static func first(of subprotocols: String?) -> String? {
        guard let subprotocols else { return nil }
        let blanks = " \t".utf8
        let first = Array(
            subprotocols.utf8.prefix { $0 != UInt8(ascii: ",") }.drop(while: blanks.contains))
        let token = first.prefix { !blanks.contains($0) }
        guard (1...subprotocolBytesMax).contains(token.count), token.allSatisfy(\.isTokenByte),
            first[token.endIndex...].allSatisfy(blanks.contains)
        else { return nil }
        return String(decoding: token, as: UTF8.self)
    }

    /// Reads a request that was parsed; `nil` unless it is a whole and valid opening handshake.
    init?(_ head: HTTPRequestHead) {
        guard head.webSocketRefusal == nil, let accept = head.webSocketAccept else { return nil }
        self.accept = accept
        target = head.uri
        host = head.headers.joined("host")
        origin = head.headers.joined("origin")
        forwardedProtocol = head.headers.joined("x-forwarded-proto")
        cookie = head.headers.joined("cookie", by: "; ")
        told = ToldByFrontEnd(head.headers)
        subprotocol = Self.first(of: head.headers.joined("sec-websocket-protocol"))
    }
}

// MARK: From bytes

extension UpgradeRequest {
    /// The longest head that is read here.
    private static let bytesMax = 16_384
    private static let headersMax = 100

    /// Reads the bytes that a connection began with, without the detour over a parser for all of HTTP.
    ///
    /// What is not exactly an opening handshake, whole and without any liberty that HTTP allows, is left to that parser:
    /// then this is `nil`, also where that one would see a handshake.
    ///
    /// - Parameter end: set to where the request ends.
    init?(_ bytes: [UInt8], count: Int, end: inout Int) {
        var lines = Lines(bytes: bytes, end: min(count, Self.bytesMax))
        guard let first = lines.next(), let target = Self.target(bytes[first]) else { return nil }
        self.target = target
        var (isUpgrade, isWebSocket, isVersion13) = (false, false, false)
        var (key, subprotocols, headers): (String?, String?, Int) = (nil, nil, 0)
        while let line = lines.next() {
            if line.isEmpty {
                guard isUpgrade, isWebSocket, isVersion13, let key,
                    let accept = WebSocketAccept.value(for: key)
                else { return nil }
                self.accept = accept
                subprotocol = Self.first(of: subprotocols)
                end = lines.place
                return
            }
            headers += 1
            guard headers <= Self.headersMax, let header = Header(bytes[line]) else { return nil }
            switch header.name {
            case "connection": isUpgrade = isUpgrade || header.has(token: "upgrade")
            case "upgrade": isWebSocket = isWebSocket || header.has(token: "websocket")
            case "sec-websocket-version":
                guard !isVersion13, header.value.elementsEqual("13".utf8) else { return nil }
                isVersion13 = true
            case "sec-websocket-key":
                guard key == nil else { return nil }
                key = header.text
            case "host":
                guard host == nil else { return nil }
                host = header.text
            case "origin": header.join(to: &origin)
            case "x-forwarded-proto": header.join(to: &forwardedProtocol)
            case "cookie": header.join(to: &cookie, by: "; ")
            case "x-real-ip": header.join(to: &told.realIP)
            case "x-remote-user": header.join(to: &told.remoteUser)
            case "x-halls-expires": header.join(to: &told.expires)
            case "x-halls-secret": header.join(to: &told.secret)
            case "sec-websocket-protocol": header.join(to: &subprotocols)
            // A body, or something else that wants a closer look.
            case "content-length", "transfer-encoding", "expect": return nil
            default: break
            }
        }
        return nil
    }

    /// The target of `GET target HTTP/1.1`.
    private static func target(_ line: ArraySlice<UInt8>) -> String? {
        let (method, version) = ("GET ".utf8, " HTTP/1.1".utf8)
        guard line.count > method.count + version.count, line.starts(with: method),
            line.suffix(version.count).elementsEqual(version)
        else { return nil }
        let target = line.dropFirst(method.count).dropLast(version.count)
        guard target.first == UInt8(ascii: "/"), target.allSatisfy({ 0x21...0x7E ~= $0 }) else {
            return nil
        }
        return String(decoding: target, as: UTF8.self)
    }

    /// The lines of a head, each of which ends with CR and LF.
    private struct Lines {
        let bytes: [UInt8]
        let end: Int
        var place = 0

        mutating func next() -> Range<Int>? {
            guard let feed = bytes[place..<end].firstIndex(of: UInt8(ascii: "\n")), feed > place,
                bytes[feed - 1] == UInt8(ascii: "\r")
            else { return nil }
            defer { place = feed + 1 }
            return place..<feed - 1
        }
    }

    private struct Header {
        let name: String
        let value: ArraySlice<UInt8>

        init?(_ line: ArraySlice<UInt8>) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else {
                return nil
            }
            var name: [UInt8] = []
            name.reserveCapacity(colon - line.startIndex)
            for byte in line[..<colon] {
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"): name.append(byte | 0x20)
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "-"), UInt8(ascii: "_"):
                    name.append(byte)
                default: return nil
                }
            }
            self.name = String(decoding: name, as: UTF8.self)
            value = line[(colon + 1)...].drop(while: Self.isBlank)
            guard value.allSatisfy({ $0 == UInt8(ascii: "\t") || 0x20...0x7E ~= $0 }),
                !(value.last.map(Self.isBlank) ?? false)
            else { return nil }
        }

        var text: String { String(decoding: value, as: UTF8.self) }

        /// Takes in the value, behind those of the lines before.
        func join(to all: inout String?, by separator: String = ", ") {
            all = all.map { $0 + separator + text } ?? text
        }

        /// Whether this is among the values of a list, in any case.
        func has(token: String) -> Bool {
            value.split(separator: UInt8(ascii: ",")).contains { part in
                String(decoding: Self.trimmed(part), as: UTF8.self).lowercased() == token
            }
        }

        private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
            var text = text.drop(while: isBlank)
            while let last = text.last, isBlank(last) { text.removeLast() }
            return text
        }

        private static func isBlank(_ byte: UInt8) -> Bool {
            byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
        }
    }
}

extension HTTPHeaders {
    /// A header; of one that came more than once, all values in one (RFC 9110 §5.3). What must be one value is none then,
    /// so that it does not matter which came first.
    func joined(_ name: String, by separator: String = ", ") -> String? {
        let values = self[name]
        return values.isEmpty ? nil : values.joined(separator: separator)
    }
}

extension HTTPRequestHead {
    /// The answer to a WebSocket's opening handshake; `nil` without a key.
    fileprivate var webSocketAccept: String? {
        headers.joined("sec-websocket-key").flatMap { WebSocketAccept.value(for: $0) }
    }

    /// With what a request is refused that is no opening handshake (RFC 6455 §4.2.1, §4.2.2); `nil` if it is one.
    var webSocketRefusal: HTTPResponseStatus? {
        guard method == .GET, version.major == 1, version.minor >= 1, webSocketAccept != nil,
            has("upgrade", in: "connection"), has("websocket", in: "upgrade")
        else { return .badRequest }
        let version = headers.joined("sec-websocket-version") ?? ""
        return version.isExactly("13") ? nil : .upgradeRequired
    }

    /// Whether this is among the values of a header, in any case.
    private func has(_ token: String, in name: String) -> Bool {
        headers[canonicalForm: name].contains { $0.lowercased().isExactly(token) }
    }
}

extension UInt8 {
    /// Whether it may stand in a token (RFC 9110 §5.6.2).
    fileprivate var isTokenByte: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(self)
        }
    }
}
