// SPDX-License-Identifier: Apache-2.0

import GRDB

/// For whom failed logins are counted. They are kept in the database: a restart does not forgive them, and every
/// process counts the same ones.
struct AttemptSubject {
    var key: String
    var countMax: Int

    static func account(_ usernameKey: String, _ limits: Limits) -> AttemptSubject {
        AttemptSubject(
            key: "account:" + beginning(of: usernameKey), countMax: limits.loginsPerAccountMax)
    }

    static func address(_ address: String, _ limits: Limits) -> AttemptSubject {
        AttemptSubject(
            key: "address:" + beginning(of: AddressPrefix.of(address)),
            countMax: limits.loginsPerAddressMax)
    }

    /// Code points, not characters: one of those has no end.
    private static func beginning(of text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(128)))
    }
}

extension ChatDatabase {
    /// Counts an attempt before it is judged: many at once get no further than one after the other.
    ///
    /// - Throws: ``ChatError``: `rate_limited` while one of the subjects has used up its window.
    func countAttempt(of subjects: [AttemptSubject]) throws {
        // Who is over the bound already costs no write.
        try read { db in try requireAttempts(of: subjects, at: clock(), db) }
        try write { db in
            // Told while nobody else writes: no window that is there begins later, unless the clock went back.
            let now = clock()
            let end = now.adding(seconds: limits.loginWindowSeconds).iso8601
            try requireAttempts(of: subjects, at: now, db)
            try db.execute(
                sql: "DELETE FROM attempts WHERE window_ends_at <= ? OR window_ends_at > ?",
                arguments: [now.iso8601, end])
            for subject in subjects {
                try db.execute(
                    sql: """
                        INSERT INTO attempts (subject, count, window_ends_at) VALUES (?, 1, ?)
                        ON CONFLICT (subject) DO UPDATE SET count = count + 1
                        """, arguments: [subject.key, end])
            }
        }
    }

    /// An attempt was right: it does not count for the address, and the account's failures are forgotten.
    func forgetAttempt(of account: AttemptSubject, from address: AttemptSubject) throws {
        try write { db in
            try db.execute(
                sql: "DELETE FROM attempts WHERE subject = ?", arguments: [account.key])
            try db.execute(
                sql: "UPDATE attempts SET count = count - 1 WHERE subject = ? AND count > 0",
                arguments: [address.key])
        }
    }

    private func requireAttempts(
        of subjects: [AttemptSubject], at now: Timestamp, _ db: Database
    ) throws {
        // A window that ends later than one that begins now was begun while the clock ran ahead: it is over.
        let latestEnd = now.adding(seconds: limits.loginWindowSeconds).iso8601
        for subject in subjects {
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT window_ends_at FROM attempts
                    WHERE subject = ? AND count >= ? AND window_ends_at > ? AND window_ends_at <= ?
                    """, arguments: [subject.key, subject.countMax, now.iso8601, latestEnd])
            guard let row, let end = Timestamp(iso8601: row[0]) else { continue }
            let seconds = Int((end.milliseconds - now.milliseconds + 999) / 1_000)
            throw ChatError(.rateLimited, retryAfter: seconds)
        }
    }
}
