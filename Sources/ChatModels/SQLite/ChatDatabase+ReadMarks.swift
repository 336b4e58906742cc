// SPDX-License-Identifier: Apache-2.0

import GRDB

/// How far members have read.
extension ChatDatabase {
    /// Moves a mark forward, unless it is refused or there already.
    func write(_ mark: ReadMark, _ members: RememberedMembers, _ db: Database) throws -> WrittenMark
    {
        let seat =
            try members.seat(of: mark.userID, in: mark.hallID)
            ?? requireSeat(of: mark.userID, in: mark.hallID, db)
        var mark = mark
        mark.rev = min(mark.rev, seat.rev)
        let update = try FastStatement(Self.moveMark, in: db)
        update.bind(1, mark.rev)
        update.bind(2, mark.userID)
        update.bind(3, mark.hallID)
        try update.run()
        if db.changesCount > 0 {
            let entryID = try log(.read(mark), by: .user(mark.userID), in: db)
            return WrittenMark(mark, entry: LogPosition(entryID))
        }
        let kept = try FastStatement(Self.keptMark, in: db)
        kept.bind(1, mark.userID)
        kept.bind(2, mark.hallID)
        defer { kept.finish() }
        if try kept.step() { mark.rev = kept.integer(0) }
        return WrittenMark(mark, entry: nil)
    }

    /// Who has read all that was said before has read what comes from the same person, too.
    func write(_ run: OwnRun, of userID: Int64, in hallID: Int64, _ db: Database) throws {
        let update = try FastStatement(Self.followMark, in: db)
        update.bind(1, run.last)
        update.bind(2, userID)
        update.bind(3, hallID)
        update.bind(4, run.first - 1)
        try update.run()
    }

    /// How much a user has not read, by the positions of the halls alone.
    func unread(of userID: Int64, _ db: Database) throws -> UnreadCount {
        let row = try FastStatement(Self.unreadOfUser, in: db)
        row.bind(1, userID)
        defer { row.finish() }
        guard try row.step() else { return UnreadCount(messages: 0, halls: 0) }
        return UnreadCount(messages: row.integer(0), halls: row.integer(1))
    }

    private static let moveMark = """
        UPDATE user_halls SET read_rev = ?1
        WHERE user_id = ?2 AND hall_id = ?3 AND (read_rev IS NULL OR read_rev < ?1)
        """
    private static let keptMark =
        "SELECT read_rev FROM user_halls WHERE user_id = ? AND hall_id = ?"
    private static let followMark =
        "UPDATE user_halls SET read_rev = ? WHERE user_id = ? AND hall_id = ? AND read_rev = ?"
    // A hall of which nobody knows how far it was read has nothing unread.
    private static let unreadOfUser = """
        SELECT COALESCE(SUM(h.rev - uh.read_rev), 0), COUNT(*)
        FROM user_halls uh JOIN halls h ON h.id = uh.hall_id
        WHERE uh.user_id = ? AND uh.read_rev < h.rev
        """
}

/// Messages of one person that follow on each other in a hall, by their positions.
struct OwnRun {
    var first: Int64
    var last: Int64
}
