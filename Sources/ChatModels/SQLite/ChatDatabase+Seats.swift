// SPDX-License-Identifier: Apache-2.0

import GRDB

/// Who may do what where.
extension ChatDatabase {
    /// The place of who reads or writes, in the transaction that does.
    ///
    /// - Throws: ``ChatError``: what ``Role/required(_:inPrivateHall:)`` refuses, and `not_found` where there is no such hall, or
    ///   the user is shut out.
    func requireSeat(of userID: Int64, in hallID: Int64, _ db: Database) throws -> Seat {
        let row = try FastStatement(Self.seat, in: db)
        row.bind(1, userID)
        row.bind(2, hallID)
        guard try row.step() else { throw ChatError(.notFound) }
        defer { row.finish() }
        let role = try Role.required(row.optionalText(5), inPrivateHall: row.bool(3))
        return Seat(
            hallID: hallID, userID: userID, username: row.text(6), role: role,
            rev: row.integer(0), change: row.integer(1), lastMessageID: row.optionalInteger(4),
            isArchived: row.bool(2))
    }

    /// The place of who wants to do something with a hall, if that one may.
    @discardableResult
    func requireRight(
        to act: HallAct, of hallID: Int64, by userID: Int64, _ db: Database
    ) throws -> Seat {
        let seat = try requireSeat(of: userID, in: hallID, db)
        guard seat.role.permits(act) else { throw ChatError(.notAllowed) }
        return seat
    }

    /// The same for who writes, which is remembered. It is looked at once more: in a hall that is not at the position of
    /// its last message, the next would get a position that is taken. It is refused before anything of it is written, so
    /// that it does not harm others of its transaction.
    func requireSeat(
        of userID: Int64, in hallID: Int64, rememberedIn members: inout RememberedMembers,
        _ db: Database
    ) throws -> Seat {
        let seat = try requireSeat(of: userID, in: hallID, db)
        guard try isSound(seat, db) else { throw ChatError(.internalError) }
        members.remember(seat)
        return seat
    }

    /// Whether a hall is at the position of its last message.
    private func isSound(_ hall: Seat, _ db: Database) throws -> Bool {
        guard let id = hall.lastMessageID else { return hall.rev == 0 }
        let last = try FastStatement("SELECT rev, hall_id FROM messages WHERE id = ?", in: db)
        last.bind(1, id)
        defer { last.finish() }
        return try last.step() && last.integer(0) == hall.rev && last.integer(1) == hall.hallID
    }

    private static let seat = """
        SELECT h.rev, h.change, h.archived_at IS NOT NULL, h.private, h.last_message_id, uh.role,
            u.username
        FROM halls h JOIN users u ON u.id = ? AND u.disabled_at IS NULL
        LEFT JOIN user_halls uh ON uh.hall_id = h.id AND uh.user_id = u.id
        WHERE h.id = ?
        """
}
