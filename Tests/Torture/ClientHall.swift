// SPDX-License-Identifier: Apache-2.0

/// A hall as one client knows it: what it has of it, and how it hears of more.
final class ClientHall {
    /// A history that is being loaded over REST, newest page first.
    struct Load {
        /// The position that it has to reach.
        var target: Int64
        /// The oldest message that came; `nil` before the first page.
        var before: Int64?
        var retryAt: Int64 = 0
    }

    let id: Int64
    /// By position from 1: the index of the send plus one; 0 where nothing is.
    private(set) var places: [Int32] = []
    /// The position up to which nothing is missing.
    private(set) var have: Int64 = 0
    /// Whether this connection receives the hall.
    var isIn = false
    /// The last position that this connection has told.
    var last: Int64 = 0
    /// Whether a join is under way.
    var isAsking = false
    /// When to ask again after a refusal that passes; `nil` if there is no wish to.
    var askAt: Int64?
    var load: Load?

    init(id: Int64) {
        self.id = id
    }

    /// The connection is gone; what was received stays.
    func disconnect() {
        (isIn, isAsking, askAt, load) = (false, false, nil, nil)
    }

    /// Takes a message to its place.
    ///
    /// - Returns: whether the place is free or holds the very same.
    func store(_ receipt: Receipt) -> Bool {
        let index = Int(receipt.rev) - 1
        guard index >= 0, index < 10_000_000 else { return false }
        while places.count <= index { places.append(0) }
        let mark = Int32(receipt.send + 1)
        guard places[index] == 0 || places[index] == mark else { return false }
        places[index] = mark
        while Int(have) < places.count, places[Int(have)] != 0 { have += 1 }
        return true
    }

    /// Believes to have a message, and has not: a planted fault.
    func pretend(_ rev: Int64) {
        guard rev == have + 1, places.count == Int(have) else { return }
        places.append(-1)
        have = rev
    }

    func has(_ receipt: Receipt) -> Bool {
        let index = Int(receipt.rev) - 1
        return places.indices.contains(index) && places[index] == Int32(receipt.send + 1)
    }
}
