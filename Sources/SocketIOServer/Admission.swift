// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// Counts sessions, over all event loops, against what may be at once. Asked once at a session's beginning and once at
/// its end: a lock costs nothing there.
final class Admission: Sendable {
    private struct State {
        var count = 0
        var byAddress: [String: Int] = [:]
        var second: Int64 = 0
        var countInSecond = 0
    }

    private let state = Mutex(State())
    private let connections = Atomic(0)
    private let configuration: ServerConfiguration
    /// What is not whole yet of what clients send.
    let unfinished: ByteBudget
    /// What clients do not read.
    let backlog: ByteBudget
    /// Sessions that poll and are in a namespace.
    private let signedIn = Mutex<Set<SessionID>>([])

    init(_ configuration: ServerConfiguration) {
        self.configuration = configuration
        unfinished = ByteBudget(
            bytesMax: configuration.unfinishedBytesMax,
            bytesPerAddressMax: configuration.unfinishedBytesPerAddressMax)
        backlog = ByteBudget(
            bytesMax: configuration.backlogBytesMax,
            bytesPerAddressMax: configuration.backlogBytesPerAddressMax)
    }

    /// Counts a session in; `nil` if it may begin.
    func begin(address: String, now: NIODeadline = .now()) -> Refusal? {
        let second = Int64(now.uptimeNanoseconds / 1_000_000_000)
        return state.withLock { state in
            if state.second != second {
                state.second = second
                state.countInSecond = 0
            }
            guard state.count < configuration.connectionsMax else { return .full }
            guard state.byAddress[address, default: 0] < configuration.connectionsPerAddressMax
            else {
                return .addressFull
            }
            guard state.countInSecond < configuration.handshakesPerSecond else { return .tooFast }
            state.countInSecond += 1
            state.count += 1
            state.byAddress[address, default: 0] += 1
            return nil
        }
    }

    /// Counts a session out.
    func end(address: String) {
        state.withLock { state in
            state.count -= 1
            let left = state.byAddress[address, default: 1] - 1
            state.byAddress[address] = left > 0 ? left : nil
        }
    }

    // MARK: Connections

    /// Counts a connection in, of a session or of none.
    ///
    /// - Returns: whether there may be one more: a session has two while it polls, and some are of no session yet.
    func openConnection() -> Bool {
        let open = connections.add(1, ordering: .relaxed).newValue
        guard open > 2 * configuration.connectionsMax + 1_000 else { return true }
        closeConnection()
        return false
    }

    /// Counts a connection out.
    func closeConnection() { connections.subtract(1, ordering: .relaxed) }

    /// The connections at the moment.
    var connectionCount: Int { connections.load(ordering: .relaxed) }

    // MARK: Sessions

    /// The sessions at the moment.
    var count: Int { state.withLock { $0.count } }

    /// Notes whether a session that polls is in a namespace: its bodies may be larger then.
    func note(_ session: SessionID, isSignedIn: Bool) {
        signedIn.withLock { if isSignedIn { $0.insert(session) } else { $0.remove(session) } }
    }

    /// Whether a session that polls is in a namespace.
    func isSignedIn(_ session: SessionID) -> Bool { signedIn.withLock { $0.contains(session) } }
}
