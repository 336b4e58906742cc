// SPDX-License-Identifier: Apache-2.0

import Sockets

@testable import SocketIOServer

/// What chat-push reads from a request by itself: a whole one as it comes, or a line each with the target, the origin, the
/// host.
func fuzzHandshake(_ bytes: [UInt8]) throws {
    try checkUpgradeRequest(bytes)
    let lines = String(decoding: bytes, as: UTF8.self).split(
        separator: "\n", maxSplits: 2, omittingEmptySubsequences: false
    ).map(String.init)
    let target = RequestTarget(lines[0])
    try claim(lines[0].hasPrefix(target.path), "The path is none of the target.")
    try claim(!target.path.contains("?"), "The path has a query.")
    for name in ["EIO", "transport", "sid", ""] {
        guard let value = target[name] else { continue }
        let pair = name + "=" + value
        try claim(
            lines[0].contains(pair) || value.isEmpty && lines[0].contains(name),
            "A parameter does not stand in the query.")
    }
    guard lines.count == 3, let origin = Origin(lines[1]) else { return }
    try claim(
        origin.isSame(asHost: String(origin.authority), isSecure: false), "An origin is not itself."
    )
    if origin.isSame(asHost: lines[2], isSecure: true) {
        try claim(origin.scheme == "https", "A plain page speaks for a secure one.")
        try claim(
            origin.isSame(asHost: lines[2], isSecure: false),
            "What is the same by TLS is not without.")
    }
    if origin.isSame(asHost: lines[2], isSecure: false) {
        let (one, other) = (String(origin.authority), lines[2])
        try claim(one.hasPrefix(other) || other.hasPrefix(one), "Two hosts are taken for one.")
    }
}

/// A request that is taken for an opening handshake says so, and names nothing that it does not have.
private func checkUpgradeRequest(_ bytes: [UInt8]) throws {
    var end = 0
    guard let request = UpgradeRequest(bytes, count: bytes.count, end: &end) else { return }
    try claim((1...bytes.count).contains(end), "A request ends nowhere.")
    let head = String(decoding: bytes[..<end], as: UTF8.self)
    try claim(head.hasSuffix("\r\n\r\n"), "A head has no end.")
    try claim(head.hasPrefix("GET \(request.target) HTTP/1.1\r\n"), "That is not its target.")
    let lower = head.lowercased()
    try claim(lower.contains("websocket") && lower.contains("upgrade"), "It does not ask for it.")
    let told = request.told
    for value in [request.host, request.origin, request.cookie, told.realIP, told.secret] {
        // One that came more than once is all of it.
        let parts = (value ?? "").split { $0 == "," || $0 == ";" }
        try claim(parts.allSatisfy(head.contains), "A header has another value.")
        try claim(!(value?.contains { $0.isNewline } ?? false), "A header has two lines.")
    }
    // One byte less, and it is not whole.
    try claim(
        UpgradeRequest(bytes, count: end - 1, end: &end) == nil, "Half a request is taken for one.")
}
