// SPDX-License-Identifier: Apache-2.0

import GRDB

/// What is counted about logins, and for whom. The counts are kept in the database: a restart does not forgive them, and
/// every process counts the same ones.
struct AttemptSubject {
    var key: String
    var countMax: Int

    /// Wrong passwords and registrations from an address.
    static func address(_ address: String, _ limits: Limits) -> AttemptSubject {
        AttemptSubject(key: key("address", address), countMax: limits.loginsPerAddressMax)
    }

    /// Logins that succeeded from an address: behind one there may be a school.
    static func signedIn(from address: String, _ limits: Limits) -> AttemptSubject {
        AttemptSubject(key: key("logins-from", address), countMax: 6 * limits.loginsPerAddressMax)
    }

    private static func key(_ kind: String, _ address: String) -> String {
        "\(kind):" + AddressPrefix.of(address).beginning
    }
}

/// The counts of one account.
struct AccountAttempts {
    private let name: String
    private let address: String
    private let limits: Limits

    init(usernameKey: String, address: String, _ limits: Limits) {
        name = usernameKey.beginning
        self.address = AddressPrefix.of(address).beginning
        self.limits = limits
    }

    /// Wrong passwords from one address: who guesses shuts out nobody but those who share it.
    var fromAddress: AttemptSubject {
        AttemptSubject(
            key: "account:\(name) \(address)", countMax: limits.loginsPerAccountMax)
    }

    /// The same while the account is guessed at from many addresses.
    var fromAddressUnderAttack: AttemptSubject {
        AttemptSubject(
            key: fromAddress.key, countMax: max(1, limits.loginsPerAccountMax / 5))
    }

    /// Wrong passwords from wherever. Past this bound nobody is shut out, but each address has fewer tries.
    var fromAnywhere: AttemptSubject {
        AttemptSubject(key: "account:\(name)", countMax: 10 * limits.loginsPerAccountMax)
    }

    /// Logins that succeeded: each costs a hash, and a session.
    var signedIn: AttemptSubject {
        AttemptSubject(key: "logins-of:\(name)", countMax: limits.signInsPerAccountMax)
    }
}

extension String {
    /// What is kept of a name or an address that anybody may have sent. Code points, not characters: one of those has
    /// no end.
    fileprivate var beginning: String {
        String(String.UnicodeScalarView(unicodeScalars.prefix(128)))
    }
}

/// A try to sign in, from when it is counted until it is judged.
struct LoginAttempt {
    /// `nil` for a name that nobody can have.
    var account: AccountAttempts?
    var address: String
    var limits: Limits

    /// What each attempt counts for until it proved right.
    var counted: [AttemptSubject] {
        let account = account.map { [$0.fromAddress, $0.fromAnywhere] } ?? []
        return account + [AttemptSubject.address(address, limits)]
    }

    /// What it counts for once it did.
    var countedIfRight: [AttemptSubject] {
        (account.map { [$0.signedIn] } ?? []) + [AttemptSubject.signedIn(from: address, limits)]
    }
}

extension ChatDatabase {
    /// Counts an attempt before it is judged: many at once get no further than one after the other.
    ///
    /// - Throws: ``ChatError``: `rate_limited` while one of its subjects has used up its window.
    func count(_ attempt: LoginAttempt) throws {
        // Who is over the bound already costs no write.
        try read { db in try requireAttempts(attempt, at: clock(), db) }
        try write { db in
            let now = try sweepAttempts(db)
            try requireAttempts(attempt, at: now, db)
            try add(attempt.counted, at: now, db)
        }
    }

    /// Counts a registration for its address.
    func countRegistration(_ subject: AttemptSubject) throws {
        try read { db in try requireAttempts(of: [subject], at: clock(), db) }
        try write { db in
            let now = try sweepAttempts(db)
            try requireAttempts(of: [subject], at: now, db)
            try add([subject], at: now, db)
        }
    }

    /// An attempt was right: the address's failures with the account are forgotten, and it counts as a login.
    func countAsRight(_ attempt: LoginAttempt) throws {
        try write { db in
            try takeBack(attempt, db)
            if let account = attempt.account {
                try db.execute(
                    sql: "DELETE FROM attempts WHERE subject = ?",
                    arguments: [account.fromAddress.key])
            }
            try add(attempt.countedIfRight, at: sweepAttempts(db), db)
        }
    }

    /// An attempt was not judged: it counts for nothing.
    func takeBack(_ attempt: LoginAttempt) throws {
        try write { db in try takeBack(attempt, db) }
    }

    private func takeBack(_ attempt: LoginAttempt, _ db: Database) throws {
        for subject in attempt.counted {
            try db.execute(
                sql: "UPDATE attempts SET count = count - 1 WHERE subject = ? AND count > 0",
                arguments: [subject.key])
        }
    }

    /// Forgets windows that are over. What is left began with a clock that did not run ahead.
    ///
    /// - Returns: now, told while nobody else writes: no window that is there begins later, unless the clock went back.
    private func sweepAttempts(_ db: Database) throws -> Timestamp {
        let now = clock()
        try db.execute(
            sql: "DELETE FROM attempts WHERE window_ends_at <= ? OR window_ends_at > ?",
            arguments: [now.iso8601, now.adding(seconds: limits.loginWindowSeconds).iso8601])
        return now
    }

    private func add(_ subjects: [AttemptSubject], at now: Timestamp, _ db: Database) throws {
        let end = now.adding(seconds: limits.loginWindowSeconds).iso8601
        for subject in subjects {
            try db.execute(
                sql: """
                    INSERT INTO attempts (subject, count, window_ends_at) VALUES (?, 1, ?)
                    ON CONFLICT (subject) DO UPDATE SET count = count + 1
                    """, arguments: [subject.key, end])
        }
    }

    private func requireAttempts(
        _ attempt: LoginAttempt, at now: Timestamp, _ db: Database
    ) throws {
        try requireAttempts(of: [.address(attempt.address, limits)], at: now, db)
        try requireAttempts(of: attempt.countedIfRight, at: now, db)
        guard let account = attempt.account else { return }
        let isUnderAttack = try windowEnd(of: account.fromAnywhere, at: now, db) != nil
        try requireAttempts(
            of: [isUnderAttack ? account.fromAddressUnderAttack : account.fromAddress],
            at: now, db)
    }

    private func requireAttempts(
        of subjects: [AttemptSubject], at now: Timestamp, _ db: Database
    ) throws {
        for subject in subjects {
            guard let end = try windowEnd(of: subject, at: now, db) else { continue }
            let seconds = Int((end.milliseconds - now.milliseconds + 999) / 1_000)
            throw ChatError(.rateLimited, retryAfter: seconds)
        }
    }

    /// When the window ends that a subject has used up; `nil` if it has not.
    private func windowEnd(
        of subject: AttemptSubject, at now: Timestamp, _ db: Database
    ) throws -> Timestamp? {
        // A window that ends later than one that begins now was begun while the clock ran ahead: it is over.
        let latestEnd = now.adding(seconds: limits.loginWindowSeconds).iso8601
        let end = try String.fetchOne(
            db,
            sql: """
                SELECT window_ends_at FROM attempts
                WHERE subject = ? AND count >= ? AND window_ends_at > ? AND window_ends_at <= ?
                """, arguments: [subject.key, subject.countMax, now.iso8601, latestEnd])
        return end.flatMap { Timestamp(iso8601: $0) }
    }
}
