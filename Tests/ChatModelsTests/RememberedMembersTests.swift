// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import GRDB
import Synchronization
import Testing

@testable import ChatModels

/// Who writes often is remembered, and never longer than that is right.
@Suite struct RememberedMembersTests {
    let folder: TemporaryFolder
    let database: ChatDatabase
    /// Another process.
    let other: ChatDatabase
    let ana: User
    let ben: User
    let hall: Hall

    init() throws {
        folder = try TemporaryFolder()
        database = try folder.database()
        other = try folder.database()
        ana = try database.makeUser("ana")
        ben = try database.makeUser("ben")
        hall = try database.makeHall(isPrivate: true, owner: ana, members: [ben])
        for user in [ana, ben] { try database.say(in: hall, as: user) }
    }

    private var countRemembered: Int { database.members.withLock { $0.count } }

    @Test func `a member who writes again is not looked up again`() throws {
        #expect(countRemembered == 2)
        let count = try selects { try database.say(in: hall, as: ben) }

        #expect(count == 0)
        #expect(try database.messages(of: hall.id, as: ana.id).rev == 3)
    }

    /// How many statements of a body read a table.
    private func selects(_ body: () throws -> Void) rethrows -> Int {
        let count = Mutex(0)
        database.queue.inDatabase { db in
            db.trace { event in
                if case .statement(let statement) = event, statement.sql.hasPrefix("SELECT") {
                    count.withLock { $0 += 1 }
                }
            }
        }
        try body()
        database.queue.inDatabase { db in db.trace(options: []) }
        return count.withLock { $0 }
    }

    @Test(arguments: [true, false])
    func `whom somebody took out is refused`(isOther: Bool) throws {
        try (isOther ? other : database).removeMember(ben.id, of: hall.id, by: .operator)

        #expect(try code { try database.say(in: hall, as: ben) } == .notFound)
        #expect(try code { try database.say(in: hall, as: ana) } == nil)
    }

    @Test(arguments: [true, false])
    func `who was shut out is refused, until that is over`(isOther: Bool) throws {
        let writer = isOther ? other : database
        try writer.setDisabled(true, user: ben.id)
        #expect(try code { try database.say(in: hall, as: ben) } == .notFound)

        try writer.setDisabled(false, user: ben.id)
        #expect(try code { try database.say(in: hall, as: ben) } == nil)
    }

    @Test(arguments: [true, false])
    func `a hall that was archived takes nothing`(isOther: Bool) throws {
        try (isOther ? other : database).archiveHall(hall.id)

        #expect(try code { try database.say(in: hall, as: ben) } == .hallArchived)
    }

    @Test func `what others said has its place`() throws {
        for number in 1...20 {
            try (number % 3 == 0 ? other : database).say("\(number)", in: hall, as: ben)
        }

        let page = try database.messages(of: hall.id, as: ana.id)
        #expect(page.messages.map(\.rev) == Array(1...22))
        #expect(page.messages.dropFirst(2).map(\.content) == (1...20).map(String.init))
        #expect(try database.problems().isEmpty)
    }

    @Test func `what was written and taken back is forgotten`() throws {
        struct Stop: Error {}
        let new = NewMessage(hallID: hall.id, senderID: ben.id, content: "x")
        #expect(throws: Stop.self) {
            try database.write { db in
                try database.members.withLock { members in
                    try members.begin(in: db)
                    var writer = try MessageWriter(database, in: db)
                    _ = try writer.perform(.say(new), &members)
                }
                throw Stop()
            }
        }

        #expect(try database.say(in: hall, as: ben).rev == 3)
        #expect(try database.problems().isEmpty)
    }

    @Test func `what another one writes right after the commit is noticed`() throws {
        try database.write { db in
            try database.members.withLock { members in
                try members.begin(in: db)
                var writer = try MessageWriter(database, in: db)
                let new = NewMessage(hallID: hall.id, senderID: ben.id, content: "x")
                _ = try writer.perform(.say(new), &members)
            }
        } then: { db in
            #expect(throws: Never.self) {
                try other.removeMember(ben.id, of: hall.id, by: .operator)
            }
            database.members.withLock { $0.commit(in: db) }
        }

        #expect(try code { try database.say(in: hall, as: ben) } == .notFound)
    }

    @Test func `what was taken out by hand is noticed, too`() throws {
        try database.write { db in try db.execute(sql: "DELETE FROM user_halls") }

        #expect(try code { try database.say(in: hall, as: ben) } == .notFound)
    }

    @Test func `so many are remembered, and not one more`() {
        var members = RememberedMembers()
        func remember(_ users: Range<Int64>) {
            for userID in users {
                members.remember(
                    Seat(
                        hallID: userID % 7, userID: userID, username: "u", role: .member, rev: 0,
                        change: 0, lastMessageID: nil, isArchived: false))
            }
        }
        let most = Int64(RememberedMembers.countMax)
        remember(0..<most)
        #expect(members.count == RememberedMembers.countMax)
        #expect(members.seat(of: 0, in: 0)?.username == "u")

        remember(most..<most + 1)
        #expect(members.count == 1)
        #expect(members.seat(of: 0, in: 0) == nil)
    }
}
