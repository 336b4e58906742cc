// SPDX-License-Identifier: Apache-2.0

/// What a responder writes for one request: the records of FastCGI's specification (§3.3, §5.3, §5.5).
enum FastCGIRecords {
    private static let version: UInt8 = 1
    private static let endRequest: UInt8 = 3
    private static let standardOutput: UInt8 = 6
    private static let contentBytesMax = 0xFFFF
    private static let headBytes = 8

    /// The whole answer, in pieces as it is, and the end of the request.
    static func answer(_ pieces: [UInt8]..., to requestID: UInt16) -> [UInt8] {
        var records: [UInt8] = []
        // Each record has its head; the three at the end are that of the empty one and the end's two halves.
        let bytes = pieces.reduce(0) {
            $0 + $1.count + ($1.count / contentBytesMax + 1) * headBytes
        }
        records.reserveCapacity(bytes + 3 * headBytes)
        for piece in pieces {
            for start in stride(from: 0, to: piece.count, by: contentBytesMax) {
                let end = min(start + contentBytesMax, piece.count)
                appendHead(standardOutput, requestID, end - start, to: &records)
                records += piece[start..<end]
            }
        }
        // An empty record ends the stream. The end of the request is eight bytes more: status 0, complete.
        appendHead(standardOutput, requestID, 0, to: &records)
        appendHead(endRequest, requestID, 8, to: &records)
        records += repeatElement(0, count: 8)
        return records
    }

    private static func appendHead(
        _ type: UInt8, _ requestID: UInt16, _ contentBytes: Int, to records: inout [UInt8]
    ) {
        records += [
            version, type, UInt8(requestID >> 8), UInt8(requestID & 0xFF),
            UInt8(contentBytes >> 8), UInt8(contentBytes & 0xFF), 0, 0,
        ]
    }
}
