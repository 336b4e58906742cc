// SPDX-License-Identifier: Apache-2.0

@testable import SocketIOServer

/// What chat-push reads from a request by itself: a line each with the target, the origin, the host.
func fuzzHandshake(_ bytes: [UInt8]) throws {
    let lines = String(decoding: bytes, as: UTF8.self).split(
        separator: "\n", maxSplits: 2, omittingEmptySubsequences: false
    ).map(String.init)
    let target = RequestTarget(lines[0])
    try claim(lines[0].hasPrefix(target.path), "The path is none of the target.")
    try claim(!target.path.contains("?"), "The path has a query.")
    for (name, value) in target.query {
        try claim(
            lines[0].utf8.count >= target.path.utf8.count + name.utf8.count + value.utf8.count,
            "A parameter is longer than the query.")
    }
    guard lines.count == 3, let origin = Origin(lines[1]) else { return }
    try claim(
        origin.isSame(asHost: String(origin.authority), scheme: nil), "An origin is not itself.")
    if origin.isSame(asHost: lines[2], scheme: "https") {
        try claim(origin.scheme == "https", "A plain page speaks for a secure one.")
        try claim(
            origin.isSame(asHost: lines[2], scheme: "http"), "A proxy's TLS makes a difference.")
    }
    if origin.isSame(asHost: lines[2], scheme: nil) {
        let (one, other) = (String(origin.authority), lines[2])
        try claim(one.hasPrefix(other) || other.hasPrefix(one), "Two hosts are taken for one.")
    }
}
