// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// What a list command prints: aligned columns for people, or JSON for programs.
struct Table {
    /// The headers; also the names of the JSON members, in lower case.
    let columns: [String]
    /// One value a column.
    var rows: [[JSONValue]] = []

    /// Prints the table, as one JSON array of objects if asked.
    func print(asJSON: Bool) {
        Swift.print(asJSON ? json : text)
    }

    /// Prints what was made: a sentence for people, or the table's only line as a JSON object.
    func print(orAsJSON asJSON: Bool, _ sentence: String) {
        Swift.print(asJSON ? objects.joined() : sentence)
    }

    private var objects: [String] {
        rows.map { row in
            let members = zip(columns, row).map { JSONValue.Member($0.lowercased(), $1) }
            return String(decoding: JSONValue.object(members).bytes, as: UTF8.self)
        }
    }

    /// An array of objects, a line each.
    var json: String {
        let objects = objects
        return objects.isEmpty ? "[]" : "[\n\(objects.joined(separator: ",\n"))\n]"
    }

    /// A header and a line for each row.
    var text: String {
        let header = columns.map { $0.replacing("_", with: " ") }
        let lines = [header] + rows.map { $0.map(Self.text) }
        let widths = columns.indices.map { column in
            lines.map { Self.width($0[column]) }.max() ?? 0
        }
        return lines.map { line in
            let cells = zip(line, widths).map { cell, width in
                cell + String(repeating: " ", count: width - Self.width(cell))
            }
            let text = cells.joined(separator: "  ")
            return String(text.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }

    private static func text(_ value: JSONValue) -> String {
        switch value {
        case .null: "-"
        case .bool(let value): value ? "yes" : "no"
        case .number(let text), .string(let text): text
        case .array, .object: String(decoding: value.bytes, as: UTF8.self)
        }
    }

    /// How many cells of a terminal a text takes: an accent none, a Chinese character two (Unicode Annex 11).
    private static func width(_ text: String) -> Int {
        text.unicodeScalars.reduce(0) { width, scalar in
            switch scalar.properties.generalCategory {
            case .nonspacingMark, .enclosingMark, .format: return width
            default: return width + (wide.contains { $0.contains(scalar.value) } ? 2 : 1)
            }
        }
    }

    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
        0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD,
    ]
}
