// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// One request as a front end hands it over, by FastCGI or CGI: a value, so that tests need no socket.
///
/// A header or parameter that is absent is the empty string: front ends pass empty ones for those they do not have.
struct HTTPRequest: Sendable {
    /// The methods that routes answer.
    enum Method: String, Sendable, CaseIterable {
        case get = "GET"
        case head = "HEAD"
        case post = "POST"
        case put = "PUT"
        case patch = "PATCH"
        case delete = "DELETE"
        /// Any other: no route has it.
        case other = ""

        init(_ name: String) {
            self = Self.allCases.first { $0.rawValue.isExactly(name) } ?? .other
        }

        /// Whether it only asks (RFC 9110 §9.2.1). Any other changes something.
        var isSafe: Bool { self == .get || self == .head }
    }

    /// What came behind the head.
    enum Body: Sendable, Equatable {
        /// All of it.
        case whole([UInt8])
        /// More than is taken; what came was read and thrown away.
        case tooLarge
        /// The front end or its client gave up half way.
        case cutShort
    }

    var method = Method.get
    /// Path and query as the client sent them. Routes go by this alone: what front ends make of `SCRIPT_NAME` and
    /// `PATH_INFO` differs from one to the next.
    var target = "/"
    var host = ""
    var origin = ""
    /// `Sec-Fetch-Site`: what a browser says of where the request comes from.
    var fetchSite = ""
    var cookie = ""
    var contentType = ""
    /// `If-None-Match`: the states of the answer that the client has already.
    var ifNoneMatch = ""
    /// The client's address.
    var remoteAddress = ""
    /// Whom the site's own login means: the site's id of a person.
    var remoteUser = ""
    /// What the site says of that person, where it does.
    var handle = ""
    var name = ""
    var picture = ""
    /// What shows that the front end is the site's own.
    var secret = ""
    /// Whether the client came by HTTPS, as far as the front end knows.
    var isSecure = false
    var body = Body.whole([])
}

extension HTTPRequest {
    /// Reads a request from CGI's variables (RFC 3875 §4.1), which are FastCGI's parameters too.
    ///
    /// - Parameter values: what there is under a name. A header that came more than once may be there as often: some front
    ///   ends join those, others leave it to whom they hand them.
    init(body: Body, _ values: (StaticString) -> [String]) {
        func variable(_ name: StaticString) -> String { values(name).first ?? "" }
        // RFC 9110 §5.3. What must be one value is none then, so that it does not matter which came first.
        func header(_ name: StaticString, joinedBy separator: String = ", ") -> String {
            let values = values(name)
            return values.count == 1 ? values[0] : values.joined(separator: separator)
        }
        method = Method(variable("REQUEST_METHOD"))
        target = variable("REQUEST_URI")
        host = header("HTTP_HOST")
        origin = header("HTTP_ORIGIN")
        fetchSite = header("HTTP_SEC_FETCH_SITE")
        cookie = header("HTTP_COOKIE", joinedBy: "; ")
        contentType = variable("CONTENT_TYPE")
        ifNoneMatch = header("HTTP_IF_NONE_MATCH")
        remoteAddress = variable("REMOTE_ADDR")
        remoteUser = variable("REMOTE_USER")
        // Headers of many sites can carry nothing but ASCII: those write other letters as an address does.
        func told(_ name: StaticString) -> String {
            let text = variable(name)
            return Substring(text).percentDecoded() ?? text
        }
        handle = told("HALLS_HANDLE")
        name = told("HALLS_NAME")
        picture = variable("HALLS_PICTURE")
        secret = variable("HALLS_SECRET")
        let https = variable("HTTPS")
        isSecure =
            (!https.isEmpty && !https.isWord("off"))
            || header("HTTP_X_FORWARDED_PROTO").isWord("https")
        self.body = body
    }
}

extension HTTPRequest {
    /// The path as the client sent it.
    var path: String {
        String(Substring(target.utf8.prefix { $0 != UInt8(ascii: "?") }))
    }
}

/// The path and the query of a request, taken apart.
struct RequestTarget: Sendable, Equatable {
    /// What stands between the slashes of the path, decoded. `/chat/me/` ends in an empty one.
    var segments: [String]
    /// The query as it came, without its question mark.
    var query: Substring

    /// - Returns: `nil` for a path that is none, or has an escape that stands for nothing.
    init?(_ target: String) {
        var rest = target[...]
        // RFC 9112 §3.2.2: a request may name its target in full.
        if !rest.utf8.starts(with: "/".utf8) {
            guard let authority = rest.utf8.firstRange(of: "://".utf8) else { return nil }
            rest = rest[authority.upperBound...]
            guard let path = rest.utf8.firstIndex(of: UInt8(ascii: "/")) else { return nil }
            rest = rest[path...]
        }
        let question = rest.utf8.firstIndex(of: UInt8(ascii: "?"))
        query = question.map { rest[$0...].dropFirst() } ?? ""
        segments = []
        for part in rest[..<(question ?? rest.endIndex)].utf8.dropFirst()
            .split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        {
            guard let segment = Substring(part).percentDecoded() else { return nil }
            segments.append(segment)
        }
    }

    /// The first parameter of that name.
    ///
    /// - Throws: `invalid_request` for an escape that stands for nothing.
    func parameter(_ name: String) throws(HTTPRequest.Malformed) -> String? {
        var rest = query.utf8[...]
        while !rest.isEmpty {
            let part = rest.prefix { $0 != UInt8(ascii: "&") }
            rest = rest[part.endIndex...].dropFirst()
            let key = part.prefix { $0 != UInt8(ascii: "=") }
            guard Substring(key).percentDecoded(plusIsSpace: true)?.isExactly(name) == true
            else { continue }
            let text = Substring(part[key.endIndex...].dropFirst())
            guard let value = text.percentDecoded(plusIsSpace: true) else {
                throw HTTPRequest.Malformed(part: name)
            }
            return value
        }
        return nil
    }
}

extension HTTPRequest {
    /// A part of a request that is not what it has to be.
    struct Malformed: Error, Equatable {
        /// The parameter or member.
        var part: String
    }
}

extension Substring {
    /// The text that percent-encoding (RFC 3986 §2.1) stands for; `nil` for half an escape, NUL, or what is not UTF-8.
    func percentDecoded(plusIsSpace: Bool = false) -> String? {
        let isPlain = utf8.allSatisfy {
            $0 != UInt8(ascii: "%") && $0 != 0 && !(plusIsSpace && $0 == UInt8(ascii: "+"))
        }
        if isPlain { return String(self) }
        var decoded: [UInt8] = []
        var rest = utf8[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst()?.hexDigitValue,
                    let low = rest.popFirst()?.hexDigitValue, high | low != 0
                else { return nil }
                decoded.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: decoded.append(UInt8(ascii: " "))
            case 0: return nil
            default: decoded.append(byte)
            }
        }
        return String(validating: decoded, as: UTF8.self)
    }
}

extension String {
    /// Whether this is a word of ASCII, in any case.
    fileprivate func isWord(_ word: String) -> Bool {
        utf8.count == word.utf8.count && lowercased().isExactly(word)
    }
}

extension StringProtocol {
    /// The number that the text's ASCII digits are, and nothing else stands there; below 2^53, as all ids and positions.
    var positiveDecimal: Int64? {
        guard (1...16).contains(utf8.count), utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let value = Int64(self), value < 1 << 53
        else { return nil }
        return value
    }
}

extension UInt8 {
    fileprivate var hexDigitValue: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
