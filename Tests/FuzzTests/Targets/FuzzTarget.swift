// SPDX-License-Identifier: Apache-2.0

/// A parser that strangers reach, and what must hold for whatever they send it. `./chat fuzz` makes up inputs for it;
/// the tests run those of `Tests/corpus`.
enum FuzzTarget: String, CaseIterable, Sendable {
    case json
    case engineIO = "engine-io"
    case socketIO = "socket-io"
    case webSocket = "websocket"
    case handshake
    case request

    /// - Throws: ``BrokenClaim``, or what the parser threw where it must not.
    func run(_ bytes: [UInt8]) throws {
        switch self {
        case .json: try fuzzJSON(bytes)
        case .engineIO: try fuzzEngineIO(bytes)
        case .socketIO: try fuzzSocketIO(bytes)
        case .webSocket: try fuzzWebSocket(bytes)
        case .handshake: try fuzzHandshake(bytes)
        case .request: try fuzzRequest(bytes)
        }
    }
}

/// What should hold for any input and does not for this one.
struct BrokenClaim: Error, CustomStringConvertible {
    let description: String
}

func claim(_ holds: Bool, _ sentence: @autoclosure () -> String) throws(BrokenClaim) {
    guard holds else { throw BrokenClaim(description: sentence()) }
}
