// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// What is JSON, written and parsed again, is the same value; and the same wherever in a buffer it lies.
func fuzzJSON(_ bytes: [UInt8]) throws {
    let value = try? JSONValue(parsing: bytes)
    // The text in the middle of something longer.
    let wrapped = [0x5B] + bytes + [0x5D]
    try claim(
        value == (try? JSONValue(parsing: wrapped[1..<(wrapped.count - 1)])),
        "A slice reads otherwise.")
    guard let value else { return }

    let written = value.bytes
    let again = try JSONValue(parsing: written)
    try claim(again == value, "What was written reads otherwise.")
    // Strings that only look the same compare as equal; their bytes do not.
    try claim(again.bytes == written, "What was written twice differs.")
    try claim(!written.contains { $0 < 0x20 }, "A control character was written as it is.")
    try claim(String(validating: written, as: UTF8.self) != nil, "What was written is not UTF-8.")
    if case .number = value, let integer = value.integer {
        try claim(JSONValue.integer(integer).integer == integer, "An integer changed.")
        var writer = JSONWriter()
        writer.integer(integer)
        try claim(writer.bytes == Array(String(integer).utf8), "An integer is written otherwise.")
    }
    try claim(
        (try? JSONValue(parsing: written, depthMax: depth(of: value))) == value,
        "A value is deeper than it is.")
    if depth(of: value) > 0 {
        try claim(
            (try? JSONValue(parsing: written, depthMax: depth(of: value) - 1)) == nil,
            "The limit on depth does not hold.")
    }
}

private func depth(of value: JSONValue) -> Int {
    switch value {
    case .array(let elements): 1 + (elements.map(depth).max() ?? 0)
    case .object(let members): 1 + (members.map { depth(of: $0.value) }.max() ?? 0)
    case .null, .bool, .number, .string: 0
    }
}
