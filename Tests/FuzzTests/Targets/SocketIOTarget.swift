// SPDX-License-Identifier: Apache-2.0

import CompactJSON
import SocketIO

/// A conversation: messages with a record separator between them, those that begin with `b` binary. Each packet,
/// encoded and decoded again, is the same; what the assembler gives back is what went in.
func fuzzSocketIO(_ bytes: [UInt8]) throws {
    let bytesMax = 64
    var assembler = SocketIOPacketAssembler()
    var waiting: SocketIOPacket?
    var attachments: [[UInt8]] = []
    for message in bytes.split(separator: 0x1E, omittingEmptySubsequences: false) {
        let assembled: SocketIOPacketAssembler.Assembled?
        do {
            if message.first == UInt8(ascii: "b") {
                let attachment = message.dropFirst()
                assembled = try assembler.take(attachment: attachment)
                attachments.append(Array(attachment))
            } else {
                let packet = try SocketIOPacket(decoding: message)
                try fuzzPacket(packet)
                assembled = try assembler.take(packet, bytesMax: bytesMax)
                try claim(waiting == nil, "A packet came between the attachments of another.")
                (waiting, attachments) = (packet, [])
            }
        } catch let error as BrokenClaim {
            throw error
        } catch is SocketIOPacket.DecodingError {
            return  // The connection ends here.
        } catch let error as SocketIOPacketAssembler.AssemblyError {
            try checkRefusal(error, message, waiting, attachments, bytesMax: bytesMax)
            return
        }
        let isWhole = attachments.count == waiting?.attachmentCount
        try claim((assembled != nil) == isWhole, "A packet was given back at the wrong time.")
        guard let assembled else { continue }
        try claim(assembled.packet == waiting, "The assembler changed a packet.")
        try claim(assembled.attachments == attachments, "The assembler changed attachments.")
        try claim(attachments.joined().count <= bytesMax, "The limit on attachments does not hold.")
        waiting = nil
    }
}

private func fuzzPacket(_ packet: SocketIOPacket) throws {
    let again = try SocketIOPacket(decoding: packet.text[...])
    try claim(again == packet, "A packet changed.")
    // Strings that only look the same compare as equal; their bytes do not.
    try claim(again.text == packet.text, "A packet's bytes changed.")
    // Bytes again: a mark behind the slash makes one character of both.
    try claim(packet.namespace.utf8.first == UInt8(ascii: "/"), "A namespace has no slash.")
    try claim(
        (0...SocketIOPacket.attachmentsMax).contains(packet.attachmentCount),
        "The limit on the number of attachments does not hold.")
}

/// Whether the assembler had that reason to refuse a message.
private func checkRefusal(
    _ error: SocketIOPacketAssembler.AssemblyError, _ message: ArraySlice<UInt8>,
    _ waiting: SocketIOPacket?, _ attachments: [[UInt8]], bytesMax: Int
) throws {
    let isAttachment = message.first == UInt8(ascii: "b")
    let holds =
        switch error {
        case .unexpectedAttachment: isAttachment && waiting == nil
        case .missingAttachment: !isAttachment && waiting != nil
        case .tooLarge: attachments.joined().count + message.count - 1 > bytesMax
        case .placeholder: !isAttachment && message.contains(UInt8(ascii: "{"))
        }
    try claim(holds, "A message was refused without that reason: \(error).")
}
