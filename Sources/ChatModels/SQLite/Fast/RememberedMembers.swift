// SPDX-License-Identifier: Apache-2.0

import GRDB

/// What ``ChatDatabase/requireSeat(of:in:_:)`` said of those who write, for as long as it would say it again: until
/// somebody else has written, through another connection or through this one.
///
/// It is used in transactions that hold SQLite's lock, so that nobody writes between the look and the use.
struct RememberedMembers {
    /// The most that is remembered.
    static let countMax = 16_384

    /// Somebody in a hall.
    struct Place: Hashable {
        var userID: Int64
        var hallID: Int64
    }

    private struct Member {
        var username: String
        var role: Role
    }

    private struct HallState {
        var rev: Int64
        var change: Int64
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
    private var members: [Place: Member] = [:]
    /// When that was right; `nil` if it is not known, as in a transaction that may yet fail.
    private var state: State?
    /// When the transaction began.
    private var start: State?

    /// How much is remembered.
    var count: Int { members.count }

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

    /// What is known of a member's place in a hall.
    func seat(of userID: Int64, in hallID: Int64) -> Seat? {
        guard let member = members[Place(userID: userID, hallID: hallID)], let hall = halls[hallID]
        else { return nil }
        return Seat(
            hallID: hallID, userID: userID, username: member.username, role: member.role,
            rev: hall.rev, change: hall.change, lastMessageID: hall.lastMessageID,
            isArchived: hall.isArchived)
    }

    mutating func remember(_ seat: Seat) {
        if members.count >= Self.countMax { forgetAll() }
        members[Place(userID: seat.userID, hallID: seat.hallID)] = Member(
            username: seat.username, role: seat.role)
        halls[seat.hallID] = HallState(
            rev: seat.rev, change: seat.change, lastMessageID: seat.lastMessageID,
            isArchived: seat.isArchived)
    }

    /// Something was said in a hall.
    mutating func move(_ hallID: Int64, to rev: Int64, by messageID: Int64) {
        // Changed in its place, it would cost six allocations.
        guard var hall = halls[hallID] else { return }
        (hall.rev, hall.lastMessageID) = (rev, messageID)
        halls[hallID] = hall
    }

    /// A message of a hall was changed.
    mutating func move(_ hallID: Int64, toChange change: Int64) {
        halls[hallID]?.change = change
    }

    private mutating func forgetAll() { (halls, members) = ([:], [:]) }
}
