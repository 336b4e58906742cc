// SPDX-License-Identifier: Apache-2.0

import GRDB

/// People whom the site's own login knows.
extension ChatDatabase {
    /// As ``PersonStorage`` says.
    public func siteUser(_ person: SitePerson) throws -> User {
        if let known = try read({ db in try siteUser(person, db) }) { return known }
        return try write { db in
            // Another process may have met the user in between.
            if let known = try siteUser(person, db) { return known }
            let username = try freeHandle(person.handle ?? person.id, db)
            let user = try insertUser(
                named: username, passwordHash: nil, externalID: person.id, db)
            return try change(user, as: person, db)
        }
    }

    /// As ``PersonStorage`` says.
    public func update(_ userID: Int64, as person: SitePerson) throws -> User {
        try write { db in try change(try user(userID, db), as: person, db) }
    }

    /// As ``PersonStorage`` says.
    public func linkUser(_ userID: Int64, to externalID: String) throws {
        let externalID = try SitePerson.id(externalID)
        try write { db in
            _ = try user(userID, db)
            try db.execute(
                sql: "UPDATE users SET external_id = NULL WHERE external_id = ?",
                arguments: [externalID])
            try db.execute(
                sql: "UPDATE users SET external_id = ? WHERE id = ?",
                arguments: [externalID, userID])
        }
    }

    /// Whom the site knows by an id, whatever the username is by now.
    private func siteUser(_ person: SitePerson, _ db: Database) throws -> User? {
        if let known = try account(Self.accountByExternalID, person.id, db) {
            guard !known.isDisabled else { throw ChatError(.unauthenticated) }
            return known.user
        }
        // Who is called by the id alone has to be spelled the same each time: another spelling may be another person.
        if person.handle == nil, let other = try account(named: person.id, db),
            let known = other.externalID, Names.key(known) == Names.key(person.id)
        {
            throw ChatError(.unauthenticated)
        }
        return nil
    }

    /// The user as the site says, as far as it says something.
    private func change(_ before: User, as person: SitePerson, _ db: Database) throws -> User {
        var after = before
        if let handle = person.handle, !Names.isHandle(before.username, madeOf: handle) {
            after.username = try freeHandle(handle, db)
            if before.name == before.username { after.name = after.username }
        }
        if let name = person.profile.name { after.name = name }
        if let picture = person.profile.picture { after.picture = picture }
        return try keep(after, insteadOf: before, by: .operator, db)
    }

    /// A username that nobody has: the handle, or the handle with a number.
    private func freeHandle(_ handle: String, _ db: Database) throws -> String {
        for name in Names.variants(of: handle, lengthMax: limits.usernameLengthMax) {
            if try account(named: name, db) == nil { return name }
        }
        throw ChatError(.usernameTaken)
    }
}
