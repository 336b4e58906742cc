// SPDX-License-Identifier: Apache-2.0

public import CompactJSON

/// What a hall's JSON is made of. A value has it in strings; a row of an engine may write its bytes as they are.
protocol HallFields {
    var id: Int64 { get }
    var isPrivate: Bool { get }
    var rev: Int64 { get }
    var change: Int64 { get }
    var isArchived: Bool { get }

    /// Writes the name as a string of JSON.
    func writeName(to json: inout JSONWriter)
    /// Writes the role as a string of JSON; `null` where there is none.
    func writeRole(to json: inout JSONWriter)
}

/// The one writer of what docs/protocol.md calls a hall.
enum HallJSON {
    static func write(_ hall: some HallFields, to json: inout JSONWriter) {
        json.raw("{\"id\":")
        json.integer(hall.id)
        json.raw(",\"name\":")
        hall.writeName(to: &json)
        json.raw(",\"private\":")
        json.bool(hall.isPrivate)
        json.raw(",\"role\":")
        hall.writeRole(to: &json)
        json.raw(",\"rev\":")
        json.integer(hall.rev)
        json.raw(",\"change\":")
        json.integer(hall.change)
        json.raw(",\"archived\":")
        json.bool(hall.isArchived)
        json.raw("}")
    }
}

extension Hall: HallFields {
    func writeName(to json: inout JSONWriter) { json.string(name) }

    func writeRole(to json: inout JSONWriter) {
        if let role { json.string(role.rawValue) } else { json.raw("null") }
    }

    /// The hall as docs/protocol.md shows one.
    public func write(to json: inout JSONWriter) { HallJSON.write(self, to: &json) }
}
