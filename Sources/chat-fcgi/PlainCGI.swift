// SPDX-License-Identifier: Apache-2.0

import ChatModels
import Foundation

/// CGI (RFC 3875) as it was before FastCGI: the process answers the one request that stands in its environment.
enum PlainCGI {
    private static let environment = ProcessInfo.processInfo.environment

    /// Whether a front end started the process for one request.
    static var isAsked: Bool {
        environment["REQUEST_METHOD"] != nil && FrontEndSocket.inherited() == nil
    }

    /// Whether the query may have become the command line: RFC 3875 §4.4 lets servers do that with one that has no `=`.
    /// A stranger's words must not be taken for the operator's flags, and no route has such a query.
    static var hasQueryAsArguments: Bool {
        let query = environment["QUERY_STRING"] ?? ""
        return !query.isEmpty && !query.utf8.contains(UInt8(ascii: "="))
    }

    /// The request.
    static func request(bodyBytesMax: Int) -> HTTPRequest {
        HTTPRequest(body: body(bytesMax: bodyBytesMax)) {
            [environment["\($0)"]].compactMap(\.self)
        }
    }

    /// Writes the answer.
    static func answer(_ response: HTTPResponse, to method: HTTPRequest.Method = .get) throws {
        let bytes = response.bytes(isHead: method == .head)
        try FileHandle.standardOutput.write(contentsOf: Data(bytes))
    }

    private static func body(bytesMax: Int) -> HTTPRequest.Body {
        // RFC 3875 §4.2: no more than CONTENT_LENGTH may be read; without it, a chunked body ends where the input does.
        let promised = environment["CONTENT_LENGTH"].flatMap { Int($0) }
        let hasBody = environment["REQUEST_METHOD"] == "POST"
        let wanted = promised.map { $0 < 0 ? bytesMax + 1 : $0 } ?? (hasBody ? bytesMax + 1 : 0)
        guard wanted > 0 else { return .whole([]) }
        guard promised ?? 0 <= bytesMax else { return .tooLarge }
        let data =
            (try? FileHandle.standardInput.read(upToCount: min(wanted, bytesMax + 1))) ?? Data()
        if data.count > bytesMax { return .tooLarge }
        return data.count < promised ?? 0 ? .cutShort : .whole(Array(data))
    }
}
