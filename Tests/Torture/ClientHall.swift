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

    /// What was at the place of a message.
    enum Place {
        case free, same, other
    }

    /// Takes a message to its place, unless there is another.
    func store(_ receipt: Receipt) -> Place {
        let index = Int(receipt.rev) - 1
        guard index >= 0, index < 10_000_000 else { return .other }
        while places.count <= index { places.append(0) }
        let mark = Int32(receipt.send + 1)
        guard places[index] == 0 else { return places[index] == mark ? .same : .other }
        places[index] = mark
        while Int(have) < places.count, places[Int(have)] != 0 { have += 1 }
        return .free
    }

    /// Whether this connection receives the hall, and nothing before that is missing.
    var isCaughtUp: Bool { isIn && load == nil && have >= last }

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
