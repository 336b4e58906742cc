// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON

/// The JSON object that a request carries, with the members that a route asks for.
struct RequestBody {
    private static let depthMax = 8
    /// The longest `Content-Type` that is read; those that are taken are half as long.
    private static let contentTypeBytesMax = 64
    private let object: JSONValue

    /// - Throws: `too_large`, `unsupported_media_type`, `invalid_request`.
    init(_ request: HTTPRequest) throws(ChatError) {
        let bytes: [UInt8]
        switch request.body {
        case .whole(let whole): bytes = whole
        case .tooLarge: throw ChatError(.tooLarge)
        case .cutShort: throw ChatError(.invalidRequest, "The body ended too early.")
        }
        guard Self.isJSON(request.contentType) else { throw ChatError(.unsupportedMediaType) }
        do {
            object = try JSONValue(parsing: bytes, depthMax: Self.depthMax)
        } catch .loneSurrogate {
            throw ChatError(.invalidRequest, "A string in the body has half of a surrogate pair.")
        } catch {
            throw ChatError(.invalidRequest, "The body is not JSON, or nested too deeply.")
        }
        guard case .object = object else {
            throw ChatError(.invalidRequest, "The body is not a JSON object.")
        }
    }

    /// `application/json`, with or without `charset=utf-8` (RFC 9110 §8.3.1).
    static func isJSON(_ contentType: String) -> Bool {
        guard contentType.utf8.count <= contentTypeBytesMax else { return false }
        let parts = contentType.lowercased().split(separator: ";", omittingEmptySubsequences: false)
            .map { $0.filter { !$0.isWhitespace && $0 != "\"" } }
        guard parts.first == "application/json", parts.count <= 2 else { return false }
        return parts.count == 1 || parts[1] == "charset=utf-8"
    }

    /// A member that is a string.
    func string(_ name: String) throws(HTTPRequest.Malformed) -> String {
        guard let text = object[name]?.string else { throw HTTPRequest.Malformed(part: name) }
        return text
    }

    /// A member that is a string, or absent.
    func optionalString(_ name: String) throws(HTTPRequest.Malformed) -> String? {
        try has(name) ? string(name) : nil
    }

    /// A member that is a truth value; `false` where it is absent.
    func flag(_ name: String) throws(HTTPRequest.Malformed) -> Bool {
        guard has(name) else { return false }
        guard let value = object[name]?.bool else { throw HTTPRequest.Malformed(part: name) }
        return value
    }

    /// A member that is an id.
    func id(_ name: String) throws(HTTPRequest.Malformed) -> Int64 {
        guard let id = object[name]?.integer, 1..<(1 << 53) ~= id else {
            throw HTTPRequest.Malformed(part: name)
        }
        return id
    }

    // null is as good as absent.
    private func has(_ name: String) -> Bool {
        object[name].map { !$0.isNull } ?? false
    }
}

extension RequestTarget {
    /// A query parameter that is a number in a range; `nil` where it is absent.
    func number(
        _ name: String, in range: ClosedRange<Int64> = 0...(1 << 53 - 1)
    ) throws(HTTPRequest.Malformed) -> Int64? {
        guard let text = try parameter(name) else { return nil }
        guard let value = text.positiveDecimal, range.contains(value) else {
            throw HTTPRequest.Malformed(part: name)
        }
        return value
    }

    /// A query parameter that is a list of numbers with commas between them; empty where it is absent.
    func numbers(_ name: String, countMax: Int) throws -> [Int64] {
        guard let text = try parameter(name) else { return [] }
        let parts = text.utf8.split(
            separator: UInt8(ascii: ","), maxSplits: countMax, omittingEmptySubsequences: false)
        guard parts.count <= countMax else {
            throw ChatError(
                .invalidRequest, "\"\(name)\" has at most \(countMax) numbers.", limit: countMax)
        }
        return try parts.map { part throws(HTTPRequest.Malformed) in
            guard let value = Substring(part).positiveDecimal else {
                throw HTTPRequest.Malformed(part: name)
            }
            return value
        }
    }
}
