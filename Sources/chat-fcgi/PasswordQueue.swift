// SPDX-License-Identifier: Apache-2.0

import ChatModels
import Synchronization

/// How many requests look at a password, or make one, at the same time. That takes its time, and must not keep all
/// threads from those who only want to read. An account has one place, and so has an address: neither can fill the
/// queue by itself. Who finds no place is sent away, not kept waiting.
final class PasswordQueue: Sendable {
    /// How many came in, and how many were sent away, and why.
    struct Counts: Sendable, Equatable {
        var passed = 0
        var full = 0
        var accountBusy = 0
        var addressBusy = 0

        /// All who were sent away.
        var refused: Int { full + accountBusy + addressBusy }
    }

    private struct State {
        var accounts: Set<String> = []
        var addresses: Set<String> = []
        var counts = Counts()
    }

    private let countMax: Int
    // Taken for a few lines by the threads in turn.
    private let state = Mutex(State())

    /// - Parameter countMax: how many places there are.
    init(countMax: Int) {
        self.countMax = countMax
    }

    /// What was counted since the start.
    var counts: Counts { state.withLock { $0.counts } }

    /// - Parameters:
    ///   - account: whose password it is; see ``PersonStorage/accountKey(of:)``.
    ///   - address: where the request comes from.
    /// - Throws: `busy` when it is full, `rate_limited` for an account or an address that has its place already, and what
    ///   `body` throws.
    func pass<Value>(
        account: String, address: String, _ body: () throws -> Value
    ) throws -> Value {
        let address = AddressPrefix.of(address)
        try enter(account, address)
        defer { leave(account, address) }
        return try body()
    }

    private func enter(_ account: String, _ address: String) throws(ChatError) {
        let refusal: ChatError? = state.withLock { state in
            if state.addresses.contains(address) {
                state.counts.addressBusy += 1
                return ChatError(.rateLimited, retryAfter: 1)
            }
            if state.accounts.contains(account) {
                state.counts.accountBusy += 1
                return ChatError(.rateLimited, retryAfter: 1)
            }
            guard state.addresses.count < countMax else {
                state.counts.full += 1
                return ChatError(.busy, retryAfter: 1)
            }
            state.accounts.insert(account)
            state.addresses.insert(address)
            state.counts.passed += 1
            return nil
        }
        if let refusal { throw refusal }
    }

    private func leave(_ account: String, _ address: String) {
        state.withLock { state in
            state.accounts.remove(account)
            state.addresses.remove(address)
        }
    }
}
