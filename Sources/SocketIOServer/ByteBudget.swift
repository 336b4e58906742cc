// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Bytes that clients make the server keep. Each connection has a bound of its own; here all of them together have one,
/// and those of one address.
final class ByteBudget: Sendable {
    private struct State {
        var bytes = 0
        var byAddress: [String: Int] = [:]
    }

    private let bytesMax: Int
    private let bytesPerAddressMax: Int
    private let state = Mutex(State())
    private let refusals = Atomic(0)

    init(bytesMax: Int, bytesPerAddressMax: Int) {
        self.bytesMax = bytesMax
        self.bytesPerAddressMax = bytesPerAddressMax
    }

    /// How many bytes there are.
    var bytes: Int { state.withLock { $0.bytes } }

    /// How often somebody wanted to keep more than there may be.
    var refusalCount: Int { refusals.load(ordering: .relaxed) }

    /// Counts bytes in, if there may be so many more.
    fileprivate func add(_ count: Int, for address: String) -> Bool {
        let fits = state.withLock { state in
            let ofAddress = state.byAddress[address, default: 0] + count
            guard state.bytes + count <= bytesMax, ofAddress <= bytesPerAddressMax else {
                return false
            }
            state.bytes += count
            state.byAddress[address] = ofAddress
            return true
        }
        if !fits { refusals.add(1, ordering: .relaxed) }
        return fits
    }

    /// Counts bytes out.
    fileprivate func remove(_ count: Int, for address: String) {
        state.withLock { state in
            state.bytes -= count
            let left = state.byAddress[address, default: count] - count
            state.byAddress[address] = left > 0 ? left : nil
        }
    }
}

/// What one client keeps of a budget, for as long as this lives. Confined to one event loop.
final class ByteHold {
    /// It is counted in steps of so many bytes, so that most changes cost no lock.
    private static let step = 1_024

    private let budget: ByteBudget
    private let address: String
    private var counted = 0

    init(of budget: ByteBudget, for address: String) {
        self.budget = budget
        self.address = address
    }

    deinit { budget.remove(counted, for: address) }

    /// Says how much it is now.
    ///
    /// - Returns: whether it may be so much; if not, what was said before stands.
    func set(_ bytes: Int) -> Bool {
        let count = (bytes + Self.step - 1) / Self.step * Self.step
        if count > counted {
            guard budget.add(count - counted, for: address) else { return false }
        } else if count < counted {
            budget.remove(counted - count, for: address)
        }
        counted = count
        return true
    }
}
