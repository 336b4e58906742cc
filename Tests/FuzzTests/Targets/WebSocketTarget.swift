// SPDX-License-Identifier: Apache-2.0

@testable import SocketIOServer

/// A stream of frames, read in one piece and in small ones, gives the same messages and the same error. The first two
/// bytes of the input choose the limit and the pieces.
func fuzzWebSocket(_ bytes: [UInt8]) throws {
    guard bytes.count > 2 else { return }
    let payloadMax = [125, 300, 70_000][Int(bytes[0]) % 3]
    let stream = bytes[2...]
    let whole = read(stream, payloadMax: payloadMax) { $0 }
    var seed = UInt32(bytes[1])
    let dripped = read(stream, payloadMax: payloadMax) { left in
        seed = seed &* 1_664_525 &+ 1_013_904_223
        return min(left, 1 + Int(seed >> 24) % 24)
    }
    try claim(whole == dripped, "Pieces read otherwise: \(whole), \(dripped).")
    for message in whole.messages { try check(message, payloadMax: payloadMax) }
    try checkWriter(stream, payloadMax: payloadMax)
}

private struct Reading: Equatable {
    var messages: [WebSocketMessage] = []
    var error: WebSocketError?
}

/// Reads a stream in pieces, so large as the closure says.
private func read(
    _ stream: ArraySlice<UInt8>, payloadMax: Int, _ pieceSize: (_ left: Int) -> Int
) -> Reading {
    var reading = Reading()
    var reader = WebSocketMessageReader()
    var buffer: [UInt8] = []
    var rest = stream
    do {
        while !rest.isEmpty {
            let size = pieceSize(rest.count)
            buffer.append(contentsOf: rest.prefix(size))
            rest = rest.dropFirst(size)
            var place = 0
            while let message = try reader.next(
                from: buffer, at: &place, end: buffer.count, payloadMax: payloadMax)
            {
                reading.messages.append(message)
            }
            buffer.removeFirst(place)
        }
    } catch {
        reading.error = error
    }
    return reading
}

private func check(_ message: WebSocketMessage, payloadMax: Int) throws {
    switch message {
    case .text(let bytes):
        try claim(bytes.count <= payloadMax, "The limit on messages does not hold.")
        try claim(String(validating: bytes, as: UTF8.self) != nil, "A text is not UTF-8.")
    case .binary(let bytes): try claim(bytes.count <= payloadMax, "The limit does not hold.")
    case .ping(let bytes): try claim(bytes.count <= 125, "A ping is too large.")
    case .close(let code): try claim(code.map { $0 >= 1000 } ?? true, "That code is none.")
    case .pong: break
    }
}

/// What the server writes is what a client would write, but for the mask.
private func checkWriter(_ payload: ArraySlice<UInt8>, payloadMax: Int) throws {
    var written = webSocketFrame(.binary, Array(payload))
    let headCount = written.count - payload.count
    try claim(written.count >= 2 && written[1] & 0x80 == 0, "A server's frame is masked.")
    written[1] |= 0x80
    written.insert(contentsOf: [0, 0, 0, 0], at: headCount)
    var place = 0
    let frame = try WebSocketFrame.read(
        from: written, at: &place, end: written.count, payloadMax: .max)
    try claim(
        frame == WebSocketFrame(opcode: .binary, isFinal: true, payload: Array(payload)),
        "A frame that was written reads otherwise.")
    try claim(place == written.count, "A frame was not read to its end.")
}
