// SPDX-License-Identifier: Apache-2.0

import GRDB

/// What became of a hall's messages, newest message first, to be walked beside ``MessagesBackwards``. Most halls have no
/// message that was changed, and cost nothing; in the others one look goes as far as the next one that was.
struct ChangesBackwards {
    private let row: FastStatement?
    /// The message that the row tells of; `nil` behind the last.
    private var messageID: Int64?

    init(of hall: Seat, from newest: Int64?, in db: Database) throws {
        guard hall.change > 0, let newest else {
            row = nil
            return
        }
        let row = try FastStatement(Self.changes, in: db)
        row.bind(1, hall.hallID)
        row.bind(2, newest)
        self.row = row
        try step()
    }

    /// What became of a message; each that is asked for is older than the one before.
    mutating func change(of id: Int64) throws -> MessageChange? {
        while let next = messageID, next > id { try step() }
        return messageID == id ? row.flatMap { MessageChange($0, startingAt: 1) } : nil
    }

    private mutating func step() throws {
        messageID = try row?.step() == true ? row?.integer(0) : nil
    }

    /// Ends the statement.
    func finish() { row?.finish() }

    private static let changes = """
        SELECT message_id, change, edited_at, deleted FROM message_changes
        WHERE hall_id = ? AND message_id <= ? ORDER BY message_id DESC
        """
}

extension MessageChange {
    /// What stands in three columns of a row: the number, when it was edited, and who deleted it; `nil` where it is as it
    /// was said.
    init?(_ row: FastStatement, startingAt column: Int32) {
        guard let number = row.optionalInteger(column) else { return nil }
        self.init(
            number: number, editedAt: row.optionalText(column + 1),
            deleted: row.optionalText(column + 2).map { Deletion(rawValue: $0) ?? .operator })
    }
}
