// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// A user's halls, as the JSON of docs/protocol.md.
public struct HallList: Sendable {
    /// `{"halls":[…]}`
    public let json: [UInt8]
    /// A hash of it: another list, another fingerprint.
    public let fingerprint: String
    /// Up to where in the log it is known to be right; `nil` for a list that is not kept.
    public let position: LogPosition?
    /// How many halls there are.
    let count: Int

    /// How much memory it takes, about.
    public var byteCount: Int { json.count + 64 }

    init(_ writer: HallListWriter, at position: LogPosition?) {
        var json = writer.json
        json.raw("]}")
        self.json = json.bytes
        self.position = position
        count = writer.count
        fingerprint = Fingerprint.hexadecimal(of: json.bytes)
    }

    /// The same list, known to be right up to another position.
    init(_ list: HallList, movedTo position: LogPosition) {
        (json, fingerprint, count) = (list.json, list.fingerprint, list.count)
        self.position = position
    }
}

/// Puts a ``HallList`` together, hall by hall.
struct HallListWriter {
    fileprivate var json = JSONWriter(capacity: 1_024)
    fileprivate var count = 0

    init() { json.raw("{\"halls\":[") }

    mutating func append(_ hall: some HallFields) {
        if count > 0 { json.raw(",") }
        HallJSON.write(hall, to: &json)
        count += 1
    }
}
