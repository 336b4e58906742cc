// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import CompactJSON
import Foundation
import GRDB
import Testing

@testable import ChatModels

/// Accounts, names and passwords.
@Suite struct UserTests {
    // MARK: Names

    @Test(arguments: [
        "a", "ana", "José", "Ñandú", "محمد", "李小龍", "Ольга", "नेहा", "김철수", "o'brien",
        "a.b_c-d@e.org",
        "user+tag", "007", "Jose\u{301}", "ana2", "राम१", "Zoë",
    ])
    func `a username has letters and digits of any script, and a few signs`(name: String) throws {
        let database = try emptyDatabase()

        let user = try database.makeUser(name)

        #expect(
            Array(user.username.unicodeScalars)
                == Array(name.precomposedStringWithCanonicalMapping.unicodeScalars))
        #expect(try database.account(named: name).user == user)
    }

    @Test(arguments: [
        "", " ", "ana maria", " ana", "ana ", "ana\t", "ana\n", "a/b", "<ana>", "a\"b", "a\\b",
        "a&b", "a,b",
        "😀", "ana\u{0}", "a\u{200B}na", "a\u{200D}na", "a\u{200C}na", "\u{202E}ana", "a\u{2066}na",
        "\u{FEFF}ana", "ana\u{AD}", "\u{3164}", "a\u{115F}", "a\u{FFA0}", "a\u{34F}b", "a\u{FE0F}",
        "\u{301}", "\u{301}ana", "a\u{E0061}", "a\u{A0}b", "a\u{2028}b", "\u{2800}", "a#b", "a:b",
        "a%b",
    ])
    func `a username with spaces, invisible or turning signs is refused`(name: String) throws {
        let database = try emptyDatabase()

        #expect(try code { _ = try database.makeUser(name) } == .invalidUsername)
        #expect(try code { _ = try database.siteUser(named: name) } == .invalidUsername)
        #expect(try database.accounts().isEmpty)
    }

    @Test(arguments: [
        ("Ana", "ANA"), ("José", "JOSE\u{301}"), ("straße", "STRASSE"), ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
        ("ana", "ａｎａ"),
        ("ﬁona", "fiona"), ("Ольга", "ОЛЬГА"), ("Ñandú", "ñandÚ"),
    ])
    func `two names that people take for the same are the same`(one: String, other: String) throws {
        let database = try emptyDatabase()
        let user = try database.makeUser(one)

        #expect(try code { _ = try database.makeUser(other) } == .usernameTaken)
        #expect(try database.account(named: other).user == user)
        #expect(
            try database.authenticate(username: other, password: "password1", address: "x") == user)
    }

    @Test func `names that differ by an accent are two`() throws {
        let database = try emptyDatabase()

        let users = try ["Jose", "José", "Nandu", "Ñandú"].map { try database.makeUser($0) }

        #expect(Set(users.map(\.id)).count == 4)
    }

    @Test func `a username is as long as its bound, and not one longer`() throws {
        let database = try emptyDatabase()
        let long = String(repeating: "李", count: 64)

        #expect(try database.makeUser(long).username == long)
        let error = #expect(throws: ChatError.self) { try database.makeUser(long + "李") }
        #expect(error?.code == .invalidUsername)
        #expect(error?.limit == 64)
    }

    @Test func `a username that is spelled with many bytes is taken, up to its bound`() throws {
        let database = try emptyDatabase()
        // Three jamo of three bytes each are one syllable: nothing takes more.
        let long = String(repeating: "\u{1112}\u{1161}\u{11AB}", count: 64)

        let user = try database.makeUser(long)

        #expect(user.username.unicodeScalars.count == 64)
        #expect(try database.account(named: long).user == user)
        #expect(
            try database.authenticate(username: long, password: "password1", address: "x") == user)
    }

    @Test func `names with endless marks are refused before those are put into order`() throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser()

        let duration = try ContinuousClock().measure { () throws in
            #expect(try code { _ = try database.makeUser(endless) } == .invalidUsername)
            #expect(try code { _ = try database.siteUser(named: endless) } == .invalidUsername)
            #expect(try code { _ = try database.account(named: endless) } == .notFound)
            #expect(
                try code {
                    _ = try database.authenticate(
                        username: endless, password: "password1", address: "x")
                } == .wrongCredentials)
            #expect(try code { _ = try database.makeHall(endless, owner: ana) } == .invalidHallName)
        }

        #expect(duration < .seconds(1))
    }

    // MARK: Passwords

    @Test func `a password is as short and as long as its bounds`() throws {
        let database = try emptyDatabase()

        #expect(
            try code { _ = try database.makeUser("a", password: "1234567") } == .invalidPassword)
        #expect(try code { _ = try database.makeUser("a", password: "12345678") } == nil)
        // Characters, not bytes.
        #expect(
            try code { _ = try database.makeUser("b", password: "李李李李李李李") } == .invalidPassword)
        let long = String(repeating: "x", count: 1_024)
        #expect(try code { _ = try database.makeUser("c", password: long) } == nil)
        #expect(
            try code { _ = try database.makeUser("d", password: long + "x") } == .invalidPassword)
        #expect(
            try database.authenticate(username: "c", password: long, address: "x").username == "c")
        #expect(
            try code {
                _ = try database.authenticate(username: "c", password: long + "x", address: "x")
            }
                == .wrongCredentials)
    }

    @Test(arguments: [
        ("contraseña1", "contrasen\u{303}a1"), ("contrasen\u{303}a1", "contraseña1"),
        ("mi clave larga", "mi\u{A0}clave\u{3000}larga"),
        ("mi\u{A0}clave larga", "mi\u{2003}clave larga"), ("\u{212B}ngström1", "Ångström1"),
    ])
    func `a password is the same however a keyboard writes it`(set: String, typed: String) throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser("ana", password: set)

        #expect(
            try database.authenticate(username: "ana", password: typed, address: "x") == ana)
        try database.setPassword(typed, of: ana.id, by: .operator)
        #expect(try database.authenticate(username: "ana", password: set, address: "x") == ana)
    }

    @Test(arguments: [
        ("Password1", "password1"), ("password1", "ｐassword1"), ("ﬁnesse12", "finesse12"),
        ("password1", "password1 "), ("mi clave larga", "mi  clave larga"),
    ])
    func `case, width and the number of blanks make another password`(
        set: String, typed: String
    ) throws {
        let database = try emptyDatabase()
        _ = try database.makeUser("ana", password: set)

        #expect(
            try code {
                _ = try database.authenticate(username: "ana", password: typed, address: "x")
            } == .wrongCredentials)
    }

    @Test(arguments: ["", "pass\tword1", "password1\n", "pass\u{0}word1", "pass\u{85}word1"])
    func `an empty password and one with control characters is none`(password: String) throws {
        var limits = Limits()
        limits.passwordLengthMin = 0
        let database = try emptyDatabase(limits)

        #expect(
            try code { _ = try database.makeUser("ana", password: password) } == .invalidPassword)
    }

    @Test func `a password's length is that of its normal form`() throws {
        let database = try emptyDatabase()
        let short = String(repeating: "e\u{301}", count: 4)
        let long = String(repeating: "é", count: 512)
        let spelledOut = String(repeating: "e\u{301}", count: 512)

        #expect(try code { _ = try database.makeUser("a", password: short) } == .invalidPassword)
        let ana = try database.makeUser("ana", password: spelledOut)
        #expect(
            try database.authenticate(username: "ana", password: long, address: "x") == ana)
        #expect(
            try code { _ = try database.makeUser("b", password: endless) } == .invalidPassword)
    }

    @Test(arguments: ["contrasen\u{303}a1", "mi\u{A0}clave", "tab\tulador"])
    func `a password from before they had one form is still right as it was typed`(
        old: String
    ) throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser()
        let hash = try PasswordHashing.cheapest.hash(old)
        try database.write { db in
            try db.execute(sql: "UPDATE users SET password_hash = ?", arguments: [hash])
        }

        #expect(try database.authenticate(username: "ana", password: old, address: "x") == ana)
        #expect(
            try code {
                _ = try database.authenticate(username: "ana", password: "password1", address: "x")
            } == .wrongCredentials)
    }

    @Test func `a password is kept as an Argon2id hash that is another for each user`() throws {
        let database = try emptyDatabase()
        _ = try database.makeUser("ana")
        _ = try database.makeUser("ben")

        let hashes = try database.read { db in
            try String.fetchAll(db, sql: "SELECT password_hash FROM users")
        }

        #expect(hashes.allSatisfy { $0.hasPrefix("$argon2id$v=19$") })
        #expect(Set(hashes).count == 2)
    }

    @Test func `a hash knows its password and no other`() throws {
        let passwords = PasswordHashing.cheapest
        let hash = try passwords.hash("correct horse")

        #expect(try passwords.verify("correct horse", against: hash))
        #expect(try !passwords.verify("correct horsf", against: hash))
        #expect(try !passwords.verify("", against: hash))
        #expect(try !passwords.verify("correct horse\u{0}x", against: hash))
        #expect(try !passwords.verify("correct horse", against: nil))
        #expect(try !passwords.verify("correct horse", against: "nonsense"))
        // Hashes outlive their parameters.
        #expect(try PasswordHashing.interactive.verify("correct horse", against: hash))
    }

    @Test func `an interactive hash takes 64 MiB, as libsodium advises`() throws {
        let hash = try PasswordHashing.interactive.hash("correct horse")

        #expect(hash.contains("m=65536,t=2,p=1"))
        #expect(try PasswordHashing.interactive.verify("correct horse", against: hash))
    }

    @Test func `name and password belong together, or it is said without a reason`() throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser("ana", password: "password1")
        let ben = try database.makeUser("ben", password: "password2")
        try database.setDisabled(true, user: ben.id)
        _ = try database.siteUser(named: "cai")

        #expect(
            try database.authenticate(username: "ANA", password: "password1", address: "x") == ana)
        for (name, password) in [
            ("ana", "password2"), ("ana", ""), ("nobody", "password1"), ("", ""),
            ("ben", "password2"),
            ("cai", ""), ("cai", "password1"),
        ] {
            let error = #expect(throws: ChatError.self) {
                try database.authenticate(username: name, password: password, address: "x")
            }
            #expect(error == ChatError(.wrongCredentials))
        }
    }

    @Test func `a new password ends the sessions, and the old one is nothing worth`() throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser("ana")
        let (session, token) = try database.createSession(for: ana)
        let cursor = try database.logEnd()

        try database.setPassword("another one", of: ana.id, by: .operator)

        #expect(try database.session(token: token) == nil)
        #expect(
            try database.log(after: cursor).events
                == [.sessionEnded(sessionID: session.id, userID: ana.id)])
        #expect(
            try code {
                _ = try database.authenticate(username: "ana", password: "password1", address: "x")
            } == .wrongCredentials)
        #expect(
            try database.authenticate(username: "ana", password: "another one", address: "x") == ana
        )
        #expect(
            try code { try database.setPassword("short", of: ana.id, by: .operator) }
                == .invalidPassword)
        #expect(
            try code { try database.setPassword("password1", of: 99, by: .operator) } == .notFound)
    }

    // MARK: The site's own login

    @Test func `a user of the site is made on first sight, and found again`() throws {
        let database = try emptyDatabase()

        let user = try database.siteUser(named: "ana@example.org")

        #expect(try database.siteUser(named: "ana@example.org") == user)
        #expect(try database.accounts().map(\.hasPassword) == [false])
    }

    @Test func `a user of the site who was shut out stays out`() throws {
        let database = try emptyDatabase()
        let user = try database.siteUser(named: "ana")

        try database.setDisabled(true, user: user.id)

        #expect(try code { _ = try database.siteUser(named: "ana") } == .unauthenticated)
        try database.setDisabled(false, user: user.id)
        #expect(try database.siteUser(named: "ana") == user)
    }

    // MARK: The operator

    @Test func `the operator sees all accounts`() throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser("ana")
        let ben = try database.siteUser(named: "ben")
        try database.setDisabled(true, user: ben.id)

        let accounts = try database.accounts()

        #expect(
            accounts == [
                Account(
                    user: ana, hasPassword: true, isDisabled: false, createdAt: someMoment.iso8601),
                Account(
                    user: ben, externalID: "ben", hasPassword: false, isDisabled: true,
                    createdAt: someMoment.iso8601),
            ])
        #expect(try code { _ = try database.account(named: "nobody") } == .notFound)
    }

    @Test
    func
        `who is shut out loses every session, reads and writes nothing, and comes back when let in`()
        throws
    {
        let database = try emptyDatabase()
        let ana = try database.makeUser("ana")
        let hall = try database.makeHall(owner: ana)
        let message = try database.say(in: hall, as: ana)
        let (session, token) = try database.createSession(for: ana)
        let cursor = try database.logEnd()

        try database.setDisabled(true, user: ana.id)

        #expect(try database.session(token: token) == nil)
        #expect(try database.sessions().isEmpty)
        #expect(
            try database.log(after: cursor).events == [
                .sessionEnded(sessionID: session.id, userID: ana.id), .userDisabled(userID: ana.id),
            ])
        #expect(try code { _ = try database.hall(hall.id, as: ana.id) } == .notFound)
        #expect(try code { _ = try database.messages(of: hall.id, as: ana.id) } == .notFound)
        #expect(
            try code {
                _ = try database.messages(of: hall.id, as: ana.id, since: HallPosition(rev: 0))
            } == .notFound)
        #expect(try code { _ = try database.message(message.id, as: ana.id) } == .notFound)
        #expect(try code { _ = try database.members(of: hall.id, as: ana.id) } == .notFound)
        #expect(try code { try database.say(in: hall, as: ana) } == .notFound)
        #expect(try code { _ = try database.join(hall.id, as: ana.id) } == .notFound)
        #expect(
            try code { _ = try database.createHall(named: "x", isPrivate: true, by: ana.id) }
                == .notFound)
        #expect(try database.allHalls().count == 1)
        try database.setDisabled(false, user: ana.id)
        #expect(try database.hall(hall.id, as: ana.id).role == .owner)
        #expect(try database.session(token: token) == nil)
        #expect(try code { try database.setDisabled(true, user: 99) } == .notFound)
    }

    @Test func `a user is shown as the protocol says`() {
        var json = JSONWriter()

        User(id: 7, username: "a\"b").write(to: &json)
        User(id: 8, username: "ana", name: "Ana \"B\"", picture: "hue:3", version: 2)
            .write(to: &json)

        #expect(
            String(decoding: json.bytes, as: UTF8.self)
                == #"{"id":7,"username":"a\"b","name":"a\"b","version":0}"#
                + #"{"id":8,"username":"ana","name":"Ana \"B\"","picture":"hue:3","version":2}"#)
    }
}
