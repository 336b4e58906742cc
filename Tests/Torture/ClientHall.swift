// SPDX-License-Identifier: Apache-2.0

/// A hall as one client knows it: what it has of it, and how it hears of more.
final class ClientHall {
    /// A history that is being loaded over REST, newest page first.
    struct Load {
        enum Phase {
            /// Pages, back to what is there.
            case pages
            /// What was changed since the last change that is known.
            case changes
            /// All pages, because too much was changed.
            case everything
        }

        /// The position that it has to reach.
        var target: Int64
        /// The change that it has to reach.
        var change: Int64
        var phase = Phase.pages
        /// The oldest message that came; `nil` before the first page.
        var before: Int64?
        /// Of which change the first page is.
        var version: Int64 = 0
        var retryAt: Int64 = 0
    }

    let id: Int64
    /// By position from 1: the index of the send plus one; 0 where nothing is.
    private(set) var places: [Int32] = []
    /// The position up to which nothing is missing.
    private(set) var have: Int64 = 0
    /// By index of the place: the number of the state that is held, where it is not as it was said.
    private(set) var states: [Int: Int64] = [:]
    /// The change up to which all states are known.
    private(set) var known: Int64 = 0
    /// The change of the answer to the join, and the last one that this connection has told.
    private(set) var start: Int64 = 0
    private(set) var told: Int64 = 0
    /// The change of the last event that told of one.
    private var lastNews: Int64 = 0
    /// The states that this connection has shown, by index of the place.
    private var shown: [Int: Int64] = [:]
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
        (lastNews, shown) = (0, [:])
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
        guard places[index] == 0 || places[index] == mark else { return .other }
        // Of two states the one with the larger number is the newer.
        if receipt.change > states[index] ?? 0 { states[index] = receipt.change }
        guard places[index] == 0 else { return .same }
        places[index] = mark
        while Int(have) < places.count, places[Int(have)] != 0 { have += 1 }
        return .free
    }

    /// Whether this connection receives the hall, and nothing before that is missing.
    var isCaughtUp: Bool { isIn && load == nil && have >= last }

    // MARK: Changes

    /// The state of the message at a position; 0 where it is as it was said.
    func state(at rev: Int64) -> Int64 { states[Int(rev) - 1] ?? 0 }

    /// The hall was joined, at a change.
    func joined(at change: Int64) { (start, told) = (change, change) }

    /// All changes up to one are known.
    func learn(upTo change: Int64) {
        known = max(known, change)
        // What came after the join was told without a hole.
        if known >= start { known = max(known, told) }
    }

    /// An event tells of a change.
    ///
    /// - Returns: whether it follows on the one before.
    func isNext(_ news: News) -> Bool {
        guard news.change > lastNews else { return false }
        lastNews = news.change
        return true
    }

    /// An event has told of all changes up to one.
    func tell(_ change: Int64) {
        told = max(told, change)
        learn(upTo: known)
    }

    /// This connection shows a state of a message.
    ///
    /// - Returns: whether it has shown no newer one.
    func show(_ receipt: Receipt) -> Bool {
        let index = Int(receipt.rev) - 1
        guard receipt.change > 0 || shown[index] != nil else { return true }
        guard receipt.change >= shown[index] ?? 0 else { return false }
        shown[index] = receipt.change
        return true
    }

    /// Forgets the changes from one on: a planted fault.
    func forget(from change: Int64) { known = min(known, change - 1) }

    /// Believes to have a message, and has not: a planted fault.
    func pretend(_ rev: Int64) {
        guard rev == have + 1, places.count == Int(have) else { return }
        places.append(-1)
        have = rev
    }

    /// What was said at a position, as far as it is there.
    func send(at rev: Int64) -> Int? {
        let index = Int(rev) - 1
        return places.indices.contains(index) && places[index] > 0 ? Int(places[index]) - 1 : nil
    }

    func has(_ receipt: Receipt) -> Bool {
        let index = Int(receipt.rev) - 1
        return places.indices.contains(index) && places[index] == Int32(receipt.send + 1)
    }
}
