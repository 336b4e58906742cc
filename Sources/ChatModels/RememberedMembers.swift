// SPDX-License-Identifier: Apache-2.0

import GRDB

/// What ``ChatDatabase/requireMembership(of:in:_:)`` said of those who write, for as long as it would say it again: until
/// somebody else has written, through another connection or through this one.
///
/// It is used in transactions that hold SQLite's lock, so that nobody writes between the look and the use.
struct RememberedMembers {
    /// The most that is remembered.
    static let countMax = 16_384

    private struct Seat: Hashable {
        var userID: Int64
        var hallID: Int64
    }

    private struct HallState {
        var rev: Int64
        var lastMessageID: Int64?
        var isArchived: Bool
    }

    /// Moves when somebody writes: SQLite's own number for other connections, and the rows that this one has changed.
    private struct State: Equatable {
        var others: Int64
        var own: Int

        init(_ db: Database) throws {
            let version = try FastStatement("PRAGMA data_version", in: db)
            others = try version.step() ? version.integer(0) : 0
            version.finish()
            own = db.totalChangesCount
        }
    }

    private var halls: [Int64: HallState] = [:]
    /// The names of members.
    private var names: [Seat: String] = [:]
    /// When that was right; `nil` if it is not known, as in a transaction that may yet fail.
    private var state: State?
    /// When the transaction began.
    private var start: State?

    /// How much is remembered.
    var count: Int { names.count }

    /// Begins a transaction: forgets everything if somebody has written.
    mutating func begin(in db: Database) throws {
        let now = try State(db)
        if now != state { forgetAll() }
        (state, start) = (nil, now)
    }

    /// The transaction is committed. Others may have written since, so that theirs is the number of its beginning.
    mutating func commit(in db: Database) {
        state = start
        state?.own = db.totalChangesCount
        start = nil
    }

    /// What is known of a hall and one of its members.
    func hall(_ hallID: Int64, for userID: Int64) -> HallForMember? {
        guard let name = names[Seat(userID: userID, hallID: hallID)], let hall = halls[hallID]
        else { return nil }
        return HallForMember(
            id: hallID, rev: hall.rev, lastMessageID: hall.lastMessageID,
            isArchived: hall.isArchived, username: name)
    }

    mutating func remember(_ hall: HallForMember, for userID: Int64) {
        if names.count >= Self.countMax { forgetAll() }
        names[Seat(userID: userID, hallID: hall.id)] = hall.username
        halls[hall.id] = HallState(
            rev: hall.rev, lastMessageID: hall.lastMessageID, isArchived: hall.isArchived)
    }

    /// Something was said in a hall.
    mutating func move(_ hallID: Int64, to rev: Int64, by messageID: Int64) {
        // Changed in its place, it would cost six allocations.
        guard var hall = halls[hallID] else { return }
        (hall.rev, hall.lastMessageID) = (rev, messageID)
        halls[hallID] = hall
    }

    private mutating func forgetAll() { (halls, names) = ([:], [:]) }
}
