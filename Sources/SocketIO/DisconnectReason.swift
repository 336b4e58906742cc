// SPDX-License-Identifier: Apache-2.0

/// Why a session ended. The raw value is the name in logs and metrics; ``closeCode`` is what a WebSocket client sees.
public enum DisconnectReason: String, Sendable, CaseIterable {
    /// The client closed, politely or not.
    case transportClose = "transport_close"
    /// The connection broke.
    case transportError = "transport_error"
    /// The client answered no ping.
    case pingTimeout = "ping_timeout"
    /// The client asked for no namespace in time.
    case connectTimeout = "connect_timeout"
    /// What came was not the protocol.
    case parseError = "parse_error"
    /// A frame or message broke RFC 6455.
    case protocolError = "protocol_error"
    /// Text was not UTF-8.
    case invalidText = "invalid_text"
    /// A message or a body was larger than announced.
    case tooLarge = "too_large"
    /// The client took what was sent to it too slowly.
    case tooSlow = "too_slow"
    /// The client sent more, or more often, than anybody may.
    case policy = "policy"
    /// What the client began to send was not whole in time.
    case unfinished
    /// All clients together, or those of the client's address, have begun to send more than may be kept; come back.
    case overloaded
    /// Two polls at once.
    case pollingOverlap = "polling_overlap"
    /// The server ended every namespace of the session.
    case serverDisconnect = "server_disconnect"
    /// The server is going away; come back.
    case shutdown = "shutdown"
    /// It is to be asked anew who the client is; come back.
    case reauthentication

    /// Whether a polling client is told so with a close packet. Python's takes one for the end and never comes back; who
    /// shall come back has its poll let go with nothing and is refused the next one. Who closed needs no word.
    public var staysAway: Bool {
        switch self {
        case .transportClose, .shutdown, .reauthentication, .tooSlow, .overloaded: false
        default: true
        }
    }

    /// The status code of the WebSocket's close frame (RFC 6455 §7.4.1).
    public var closeCode: UInt16 {
        switch self {
        case .transportClose, .transportError, .pingTimeout, .connectTimeout, .serverDisconnect:
            1000
        case .parseError, .protocolError, .pollingOverlap: 1002
        case .invalidText: 1007
        case .tooLarge: 1009
        case .tooSlow, .policy, .unfinished: 1008
        case .shutdown, .reauthentication: 1001
        case .overloaded: 1013
        }
    }
}
