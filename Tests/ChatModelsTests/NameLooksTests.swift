// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import GRDB
import Testing

@testable import ChatModels

/// Names that look the same: nobody passes for another.
@Suite struct NameLooksTests {
    private func refusal(_ body: () throws -> Void) -> ChatError? {
        do {
            try body()
            return nil
        } catch { return error as? ChatError }
    }

    @Test(arguments: [
        ("Lucía", "Luсía"), ("Lucía", "Lucıa"), ("Lucia", "Lucıa"), ("Lucía", "Lucía."),
        ("Lucía", "@Lucía"), ("Lucía", "_Lucía-"), ("Lucía", "LUСÍA"), ("lan", "Ian"),
        ("paypal", "раураl"), ("Carmen", "Carrnen"), ("bobO", "bob0"), ("ana1", "anal"),
        ("Ольга", "Oльга"), ("o'brien", "oʼbrien"), ("Lucía.", "Lucía"), ("Lucıa", "Lucía"),
        ("Αννα", "Avva"),
    ])
    func `a name that looks like another's is taken`(one: String, other: String) throws {
        let database = try emptyDatabase()
        _ = try database.makeUser(one)

        let error = try #require(refusal { _ = try database.makeUser(other) })
        #expect(error.code == .usernameTaken)
        #expect(refusal { try database.requireFree(other) } == error)
        #expect(try database.accounts().count == 1)
    }

    @Test func `why a name is taken is said`() throws {
        let database = try emptyDatabase()
        _ = try database.makeUser("Lucía")

        #expect(refusal { _ = try database.makeUser("LUCÍA") }?.message == "The username is taken.")
        #expect(
            refusal { _ = try database.makeUser("Luсía") }?.message == """
                The username looks like one that is taken. A name is told apart by its letters and digits, not by \
                signs at its ends or by letters that look alike.
                """)
        #expect(
            refusal { _ = try database.makeUser("You") }?.message
                == "The chat itself has the word You for somebody. Any other name will do.")
    }

    @Test(arguments: [
        "You", "you", "Tú", "tu", "TÚ", "System", "Sistema", "Halls", "halls.", "@You", "Yоu",
        "You_", "Ｈalls", "HaIIs", "Ѕystem",
    ])
    func `a word that the page has for somebody is nobody's name`(name: String) throws {
        let database = try emptyDatabase()

        #expect(refusal { _ = try database.makeUser(name) }?.code == .invalidUsername)
    }

    @Test func `names that differ in what one sees are many`() throws {
        let database = try emptyDatabase()
        let names = [
            "ana", "ana1", "ana2", "Ana.Maria", "Ana-Maria", "anamaria", "José", "Jose", "Young",
            "Tudor", "Ольга", "Анна", "李小龍", "김철수", "नेहा", "محمد", "ben@example.org",
            "ben@example.net", "user+a", "user+b", "Systema", "Hall",
        ]

        let users = try names.map { try database.makeUser($0) }

        #expect(Set(users.map(\.id)).count == names.count)
    }

    @Test func `whom the site names is who the site says`() throws {
        let database = try emptyDatabase()
        let names = ["Lucía", "Luсía", "You", "System"]

        let users = try names.map { try database.siteUser(named: $0) }

        #expect(users.map(\.username) == names)
        // But who chooses a name does not pass for one of them.
        #expect(refusal { _ = try database.makeUser("@Lucía") }?.code == .usernameTaken)
    }

    // MARK: Halls

    @Test(arguments: [
        ("General", "Gеneral"), ("General", "GENERАL"), ("Town hall", "Town  hall"),
        ("Town hall", "Town\u{2003}hall"), ("General", "Gen\u{200D}eral"), ("Ideas!", "Ideasǃ"),
    ])
    func `an open hall that looks like another is taken`(one: String, other: String) throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser()
        let hall = try database.makeHall(one, owner: ana)
        let secret = try database.makeHall(other, isPrivate: true, owner: ana)
        let second = try database.makeHall("Another", owner: ana)

        #expect(
            refusal { _ = try database.makeHall(other, owner: ana) }?.code == .hallNameTaken)
        #expect(
            refusal { try database.renameHall(second.id, to: other) }?.code == .hallNameTaken)
        #expect(try database.allHalls().map(\.hall.name) == [one, other, "Another"])
        // A hall may look like itself, and what nobody can join stands in nobody's way.
        try database.renameHall(hall.id, to: other)
        try database.renameHall(secret.id, to: one)
        try database.archiveHall(hall.id)
        _ = try database.makeHall(one, owner: ana)
    }

    @Test func `a hall that was given another name leaves the old one to others`() throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser()
        let hall = try database.makeHall("General", owner: ana)

        try database.renameHall(hall.id, to: "Garden")

        _ = try database.makeHall("Gеneral", owner: ana)
        #expect(
            refusal { _ = try database.makeHall("Gаrden", owner: ana) }?.code == .hallNameTaken)
    }

    @Test func `signs make halls of their own`() throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser()

        for name in ["C", "C++", "C#", "General", "General?", "😀", "😀😀"] {
            _ = try database.makeHall(name, owner: ana)
        }
    }

    // MARK: Older databases

    @Test func `names that were there before stay, and new ones are held against them`() throws {
        let folder = try TemporaryFolder()
        let queue = try DatabaseQueue(path: folder.file("chat.db"))
        try ChatDatabase.migrator.migrate(queue, upTo: "5 instances are told apart")
        try queue.write { db in
            for name in ["Lucía", "Luсía", "You"] {
                try db.execute(
                    sql: "INSERT INTO users (username, username_key, created_at) VALUES (?, ?, '')",
                    arguments: [name, Names.key(name)])
            }
            for name in ["General", "Gеneral"] {
                try db.execute(
                    sql: """
                        INSERT INTO halls (name, name_key, private, created_at) VALUES (?, ?, 0, '')
                        """, arguments: [name, Names.key(name)])
            }
        }

        let database = try folder.database()

        #expect(try database.accounts().map(\.user.username) == ["Lucía", "Luсía", "You"])
        #expect(try database.allHalls().map(\.hall.name) == ["General", "Gеneral"])
        #expect(try database.problems().isEmpty)
        #expect(refusal { _ = try database.makeUser("Lucía.") }?.code == .usernameTaken)
        let ana = try database.makeUser()
        #expect(
            refusal { _ = try database.makeHall("Generаl", owner: ana) }?.code == .hallNameTaken)
    }

    @Test func `the longest names cost no time`() throws {
        let database = try emptyDatabase()
        let ana = try database.makeUser()
        let duration = try ContinuousClock().measure {
            _ = try database.makeUser("m" + String(repeating: "\u{FDFA}", count: 63))
            _ = try database.makeHall(String(repeating: "\u{FDFA}", count: 80), owner: ana)
        }

        #expect(duration < .seconds(1))
    }
}
