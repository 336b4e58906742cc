// SPDX-License-Identifier: Apache-2.0

import ChatModels
import Synchronization

/// Notices that many people have one address that cannot be theirs: a proxy stands in front of which nginx was not told,
/// and all limits by address count for everybody together. It looks until it has seen that, or that all is well.
final class SharedAddress: Sendable {
    /// So many people of one private address may sit at one machine, or test the site on it.
    static let peopleMax = 20
    /// With people of so many private addresses at once they are the clients' own, as within a company.
    static let addressesMax = 64

    // What is kept is bounded by both: address -> person -> connections.
    private let people: Mutex<[String: [Int64: Int]]?> = Mutex([:])
    private let isLooking = Atomic(true)

    /// Counts a connection of a person in.
    ///
    /// - Returns: whether the log is to say something: once in the life of the process.
    func begin(_ userID: Int64, at address: String) -> Bool {
        guard isLooking.load(ordering: .relaxed), AddressPrefix.isPrivate(address) else {
            return false
        }
        return people.withLock { people in
            guard people != nil else { return false }
            people?[address, default: [:]][userID, default: 0] += 1
            let isShared = people?[address]?.count ?? 0 > Self.peopleMax
            if isShared || people?.count ?? 0 > Self.addressesMax {
                people = nil
                isLooking.store(false, ordering: .relaxed)
            }
            return isShared
        }
    }

    /// Counts a connection out that was counted in.
    func end(_ userID: Int64, at address: String) {
        guard isLooking.load(ordering: .relaxed), AddressPrefix.isPrivate(address) else { return }
        people.withLock { people in
            guard let count = people?[address]?[userID] else { return }
            people?[address]?[userID] = count > 1 ? count - 1 : nil
            if people?[address]?.isEmpty == true { people?[address] = nil }
        }
    }
}
