// SPDX-License-Identifier: Apache-2.0

import GRDB

extension ChatReader {
    func earlierTexts(
        of messageID: Int64, in hallID: Int64, as userID: Int64
    ) throws -> [EarlierText] {
        let seat = try database.requireSeat(of: userID, in: hallID, db)
        guard seat.role.permits(.seeEarlierTexts) else { throw ChatError(.notAllowed) }
        guard try database.message(messageID, of: hallID, in: db) != nil else {
            throw ChatError(.notFound, "There is no such message in this hall.")
        }
        guard database.limits.keepsEarlierTexts else { return [] }
        let row = try FastStatement(Self.textsOfMessage, in: db)
        row.bind(1, messageID)
        defer { row.finish() }
        var texts: [EarlierText] = []
        while try row.step() { texts.append(EarlierText(content: row.text(0), until: row.text(1))) }
        return texts
    }

    private static let textsOfMessage = """
        SELECT content, until FROM earlier_texts WHERE message_id = ? ORDER BY change
        """
}
