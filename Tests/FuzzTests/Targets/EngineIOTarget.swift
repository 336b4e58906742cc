// SPDX-License-Identifier: Apache-2.0

import SocketIO

/// A packet, encoded and decoded again, is the same packet; so is a body of several. Base64 loses nothing.
func fuzzEngineIO(_ bytes: [UInt8]) throws {
    if let packet = try? EngineIOPacket(text: bytes[...]) {
        try claim(try EngineIOPacket(text: packet.text[...]) == packet, "A packet changed.")
        // On its way through a poll, too.
        try claim(
            try EngineIOPacket(polled: packet.text[...]) == packet, "A polled packet changed.")
    }
    if let packet = try? EngineIOPacket(polled: bytes[...]) {
        try claim(
            try EngineIOPacket(polled: packet.text[...]) == packet, "A polled packet changed.")
    }
    try fuzzPayload(bytes)
    try fuzzBase64(bytes)
}

private func fuzzPayload(_ body: [UInt8]) throws {
    let packetsMax = 16
    let count = body.count { $0 == EngineIOPayload.separator } + 1
    do {
        guard let packets = try EngineIOPayload.decode(body, packetsMax: packetsMax) else {
            try claim(count > packetsMax, "A body of \(count) packets was refused.")
            return
        }
        try claim(packets.count == count, "\(packets.count) packets of \(count) were read.")
        let encoded = Array(packets.map(\.text).joined(separator: [EngineIOPayload.separator]))
        let again = try EngineIOPayload.decode(encoded, packetsMax: packetsMax)
        try claim(again == packets, "A body changed.")
    } catch is EngineIOPacket.DecodingError {
        let parts = body.split(
            separator: EngineIOPayload.separator, omittingEmptySubsequences: false)
        try claim(
            parts.prefix(packetsMax).contains { (try? EngineIOPacket(polled: $0)) == nil },
            "A body of sound packets was refused.")
    }
}

private func fuzzBase64(_ bytes: [UInt8]) throws {
    let text = Base64.encode(bytes)
    try claim(Base64.decode(text[...]) == bytes, "Base64 loses bytes.")
    let bare = text.filter { $0 != UInt8(ascii: "=") }
    try claim(Base64.decode(bare[...]) == bytes, "Base64 without padding loses bytes.")
    guard let decoded = Base64.decode(bytes[...]) else { return }
    try claim(Base64.decode(Base64.encode(decoded)[...]) == decoded, "Base64 changes bytes.")
}
