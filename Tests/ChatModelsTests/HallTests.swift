// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import CompactJSON
import Foundation
import GRDB
import Testing

@testable import ChatModels

/// Halls, and who is in them.
@Suite struct HallTests {
    let clock = TestClock()
    let database: ChatDatabase
    let ana: User
    let ben: User
    let cai: User

    init() throws {
        var limits = Limits()
        limits.hallsPerUserMax = 5
        limits.membersPageMax = 10
        database = try emptyDatabase(limits, clock: clock)
        ana = try database.makeUser("ana")
        ben = try database.makeUser("ben")
        cai = try database.makeUser("cai")
    }

    // MARK: Names

    @Test(arguments: [
        ("General", "General"), ("  Our hall \n", "Our hall"), ("Café", "Café"), ("大廳", "大廳"),
        ("👩‍💻 work", "👩‍💻 work"),
        ("a/b & <c>", "a/b & <c>"), ("نقاش", "نقاش"), ("❤️", "❤️"),
    ])
    func `a hall's name is one line of anything`(name: String, kept: String) throws {
        #expect(try database.makeHall(name, owner: ana).name == kept)
    }

    @Test(arguments: [
        "", " ", "\n", "a\nb", "a\u{0}b", "a\u{1B}[31m", "\u{202E}abc", "a\u{2066}b", "a\u{2028}b",
        "a\u{200B}b",
        "\u{200D}", "\u{3164}", "\u{FE0F}", "\u{E000}", "a\u{FEFF}b", "\u{2800}",
    ])
    func `a hall's name with control or turning signs, or nothing to see, is refused`(name: String)
        throws
    {
        #expect(try code { _ = try database.makeHall(name, owner: ana) } == .invalidHallName)
        #expect(
            try code { _ = try database.createHall(named: name, isPrivate: true) }
                == .invalidHallName)
    }

    @Test func `a hall's name is as long as its bound, and not one longer`() throws {
        let long = String(repeating: "é", count: 80)

        #expect(try database.makeHall(long, owner: ana).name == long)
        let error = #expect(throws: ChatError.self) {
            try database.makeHall(long + "é", owner: ana)
        }
        #expect(error?.code == .invalidHallName)
        #expect(error?.limit == 80)
    }

    @Test func `a hall's name is spelled with 960 bytes at most, its spaces included`() throws {
        let spaces = String(repeating: " ", count: 959)

        #expect(try database.makeHall("a" + spaces, owner: ana).name == "a")
        #expect(
            try code { _ = try database.makeHall("b " + spaces, owner: ana) } == .invalidHallName)
    }

    @Test func `two open halls have no name in common; private and archived ones may`() throws {
        let hall = try database.makeHall("General", owner: ana)

        #expect(try code { _ = try database.makeHall("GENERAL", owner: ben) } == .hallNameTaken)
        #expect(
            try code { _ = try database.createHall(named: "general", isPrivate: false) }
                == .hallNameTaken)
        #expect(
            try code { _ = try database.makeHall("General", isPrivate: true, owner: ben) } == nil)
        try database.archiveHall(hall.id)
        #expect(try code { _ = try database.makeHall("General", owner: ben) } == nil)
    }

    // MARK: Making and seeing

    @Test func `who makes a hall owns it`() throws {
        let cursor = try database.logEnd()

        let hall = try database.createHall(named: "General", isPrivate: false, by: ana.id)

        #expect(
            hall
                == Hall(
                    id: hall.id, name: "General", isPrivate: false, role: .owner, rev: 0, read: 0))
        #expect(try database.hall(hall.id, as: ana.id) == hall)
        #expect(
            try database.log(after: cursor).events
                == [.joined(hallID: hall.id, userID: ana.id, role: .owner)])
    }

    @Test func `my halls and the open ones come by name`() throws {
        let b = try database.makeHall("beta", owner: ana)
        let a = try database.makeHall("Alpha", isPrivate: true, owner: ana)
        let c = try database.makeHall("Gamma", owner: ben)
        let archived = try database.makeHall("Old", owner: ben)
        _ = try database.makeHall("Hidden", isPrivate: true, owner: ben)
        try database.archiveHall(archived.id)

        #expect(try database.halls(of: ana.id).map(\.id) == [a.id, b.id])
        #expect(
            try database.hallsOpen(to: ana.id)
                == [Hall(id: c.id, name: "Gamma", isPrivate: false, role: nil, rev: 0)])
        #expect(try database.halls(of: ben.id).map(\.isArchived) == [false, false, true])
        #expect(try database.hallsOpen(to: ben.id).map(\.id) == [b.id])
    }

    @Test func `a private hall looks in every way like one that does not exist`() throws {
        let hidden = try database.makeHall("Secret", isPrivate: true, owner: ana)
        let message = try database.say(in: hidden, as: ana)
        let missing = Hall(id: 99, name: "", isPrivate: true, role: nil, rev: 0)
        func answers(_ hall: Hall, _ messageID: Int64) -> [ChatError?] {
            let calls: [() throws -> Void] = [
                { _ = try database.hall(hall.id, as: ben.id) },
                { _ = try database.join(hall.id, as: ben.id) },
                { try database.leave(hall.id, as: ben.id) },
                { _ = try database.members(of: hall.id, as: ben.id) },
                { _ = try database.messages(of: hall.id, as: ben.id) },
                { _ = try database.messages(of: hall.id, as: ben.id, before: 1) },
                { _ = try database.messages(of: hall.id, as: ben.id, since: HallPosition(rev: 0)) },
                { _ = try database.message(messageID, as: ben.id) },
                { try database.say(in: hall, as: ben) },
                { try database.say(in: hall, as: ben, clientKey: "k") },
            ]
            return calls.map { call in #expect(throws: ChatError.self) { try call() } }
        }

        let ofHidden = answers(hidden, message.id)

        #expect(ofHidden == answers(missing, 99))
        #expect(ofHidden.allSatisfy { $0 == ChatError(.notFound) })
        #expect(try database.hallsOpen(to: ben.id).isEmpty)
        #expect(try database.halls(of: ben.id).isEmpty)
        // Archived, it still does.
        try database.archiveHall(hidden.id)
        #expect(answers(hidden, message.id).allSatisfy { $0 == ChatError(.notFound) })
    }

    @Test func `an open hall says that one is no member`() throws {
        let hall = try database.makeHall(owner: ana)
        let message = try database.say(in: hall, as: ana)

        #expect(try code { _ = try database.hall(hall.id, as: ben.id) } == .notAMember)
        #expect(try code { try database.leave(hall.id, as: ben.id) } == .notAMember)
        #expect(try code { _ = try database.members(of: hall.id, as: ben.id) } == .notAMember)
        #expect(try code { _ = try database.messages(of: hall.id, as: ben.id) } == .notAMember)
        #expect(
            try code {
                _ = try database.messages(of: hall.id, as: ben.id, since: HallPosition(rev: 0))
            } == .notAMember
        )
        #expect(try code { try database.say(in: hall, as: ben) } == .notAMember)
        #expect(try code { _ = try database.message(message.id, as: ben.id) } == .notFound)
    }

    // MARK: Coming and going

    @Test func `a user joins an open hall, once`() throws {
        let hall = try database.makeHall(owner: ana)
        let cursor = try database.logEnd()

        let joined = try database.join(hall.id, as: ben.id)

        #expect(joined.role == .member)
        #expect(try database.join(hall.id, as: ben.id) == joined)
        #expect(try database.join(hall.id, as: ana.id).role == .owner)
        #expect(
            try database.log(after: cursor).events
                == [.joined(hallID: hall.id, userID: ben.id, role: .member)])
    }

    @Test func `an archived hall is not joined, but whoever is in it reads it`() throws {
        let hall = try database.makeHall(owner: ana, members: [ben])
        try database.say(in: hall, as: ana, clientKey: "k")
        let cursor = try database.logEnd()

        try database.archiveHall(hall.id)
        try database.archiveHall(hall.id)

        #expect(
            try database.log(after: cursor).events
                == [.hallChanged(hallID: hall.id, .archived)])
        #expect(try code { _ = try database.join(hall.id, as: cai.id) } == .hallArchived)
        #expect(try database.join(hall.id, as: ben.id).isArchived)
        #expect(try database.messages(of: hall.id, as: ben.id).messages.count == 1)
        #expect(try code { try database.say(in: hall, as: ana) } == .hallArchived)
        // A retry of what was said before is answered as before.
        #expect(try code { try database.say(in: hall, as: ana, clientKey: "k") } == nil)
        #expect(try code { try database.leave(hall.id, as: ben.id) } == nil)
        #expect(try code { try database.archiveHall(99) } == .notFound)
    }

    @Test func `a hall that comes back from the archive is written to, unless its name is taken`()
        throws
    {
        let hall = try database.makeHall(owner: ana, members: [ben])
        try database.archiveHall(hall.id)
        let other = try database.makeHall("Gеneral", owner: ben)
        let cursor = try database.logEnd()

        #expect(try code { try database.unarchiveHall(hall.id) } == .hallNameTaken)
        #expect(try database.hall(hall.id, as: ana.id).isArchived)
        try database.renameHall(other.id, to: "GENERAL")
        #expect(try code { try database.unarchiveHall(hall.id) } == .hallNameTaken)
        try database.renameHall(other.id, to: "Another")
        try database.unarchiveHall(hall.id)
        try database.unarchiveHall(hall.id)

        #expect(try !database.hall(hall.id, as: ana.id).isArchived)
        try database.say(in: hall, as: ben)
        _ = try database.join(hall.id, as: cai.id)
        #expect(
            try database.log(after: cursor).events.prefix(3) == [
                .hallChanged(hallID: other.id, .renamed), .hallChanged(hallID: other.id, .renamed),
                .hallChanged(hallID: hall.id, .unarchived),
            ])
        #expect(try code { try database.unarchiveHall(99) } == .notFound)
    }

    @Test func `a private hall comes back whatever others are called`() throws {
        let hall = try database.makeHall("General", isPrivate: true, owner: ana)
        try database.archiveHall(hall.id)
        _ = try database.makeHall("General", owner: ben)

        try database.unarchiveHall(hall.id)

        #expect(try !database.hall(hall.id, as: ana.id).isArchived)
    }

    @Test func `a deleted hall is nowhere, its members have left, and others go on`() throws {
        let hall = try database.makeHall(owner: ana, members: [ben])
        let other = try database.makeHall("Another", owner: ana)
        for turn in 1...3 {
            try database.say("\(turn)", in: hall, as: ana, clientKey: "k\(turn)")
            try database.say("\(turn)", in: other, as: ana)
        }
        let said = try database.messages(of: hall.id, as: ana.id, limit: nil, before: nil).messages
        _ = try database.perform(
            .edit(
                MessageEdit(
                    hallID: hall.id, messageID: said[0].id, userID: ana.id, content: "else")))
        let rest = try database.messages(of: other.id, as: ana.id, limit: nil, before: nil)
        let (start, cursor) = (LogPosition(0), try database.logEnd())

        try database.deleteHall(hall.id)

        #expect(
            try database.log(after: cursor).events == [
                .left(hallID: hall.id, userID: ana.id), .left(hallID: hall.id, userID: ben.id),
                .hallChanged(hallID: hall.id, .deleted),
            ])
        // Who reads the log from before hears of no message that is not there.
        let told = try database.log(after: start).events.compactMap { logged in
            if case .messageCreated(let message) = logged { message.hallID } else { nil }
        }
        #expect(told == [other.id, other.id, other.id])
        for act in [
            { _ = try database.hall(hall.id, as: ana.id) },
            { try database.say(in: hall, as: ana) },
            { _ = try database.join(hall.id, as: cai.id) },
            { try database.setMember(cai.id, of: hall.id, as: .member) },
            { try database.deleteHall(hall.id) }, { try database.unarchiveHall(hall.id) },
        ] as [() throws -> Void] {
            #expect(try code(of: act) == .notFound)
        }
        #expect(try database.hallSnapshot(hall.id) == nil)
        #expect(try database.allHalls().map(\.hall.id) == [other.id])
        #expect(try database.messages(of: other.id, as: ana.id, limit: nil, before: nil) == rest)
        #expect(try database.problems().isEmpty)
        #expect(try database.settings().foreignKeys)
        // Its name and its messages' keys are free, its numbers are not.
        let next = try database.makeHall(owner: ana)
        #expect(next.id == other.id + 1)
        let new = try database.say("1", in: next, as: ana, clientKey: "k1")
        #expect(new.rev == 1 && new.id > said[2].id)
    }

    @Test func `one is in as many halls as the bound says, and not in one more`() throws {
        for number in 1...5 { _ = try database.makeHall("\(number)", owner: ana) }
        let open = try database.makeHall("open", owner: ben)

        let error = #expect(throws: ChatError.self) { try database.join(open.id, as: ana.id) }
        #expect(error?.code == .tooManyHalls)
        #expect(error?.limit == 5)
        #expect(try code { _ = try database.makeHall("six", owner: ana) } == .tooManyHalls)
        #expect(
            try code { try database.setMember(ana.id, of: open.id, as: .member) } == .tooManyHalls)
        // Nothing is left of what was refused.
        #expect(try database.allHalls().count == 6)
        try database.leave(try #require(database.halls(of: ana.id).first).id, as: ana.id)
        #expect(try code { _ = try database.join(open.id, as: ana.id) } == nil)
    }

    @Test func `who leaves is out, and the log says so`() throws {
        let hall = try database.makeHall(owner: ana, members: [ben])
        let cursor = try database.logEnd()

        try database.leave(hall.id, as: ben.id)

        #expect(try code { _ = try database.hall(hall.id, as: ben.id) } == .notAMember)
        #expect(try code { try database.leave(hall.id, as: ben.id) } == .notAMember)
        #expect(
            try database.log(after: cursor).events
                == [.left(hallID: hall.id, userID: ben.id)])
    }

    @Test func `when the last owner leaves, who is longest in the hall inherits it`() throws {
        let hall = try database.makeHall(owner: ana)
        clock.advance(seconds: 1)
        _ = try database.join(hall.id, as: cai.id)
        clock.advance(seconds: 1)
        _ = try database.join(hall.id, as: ben.id)
        let cursor = try database.logEnd()

        try database.leave(hall.id, as: ana.id)

        #expect(try database.allMembers(of: hall.id) == [cai.id: .owner, ben.id: .member])
        #expect(
            try database.log(after: cursor).events == [
                .left(hallID: hall.id, userID: ana.id),
                .joined(hallID: hall.id, userID: cai.id, role: .owner),
            ])
    }

    @Test
    func `while there is another owner nobody inherits, and the last one leaves an empty hall`()
        throws
    {
        let hall = try database.makeHall(owner: ana, members: [ben, cai])
        try database.setMember(cai.id, of: hall.id, as: .owner)

        try database.leave(hall.id, as: ana.id)

        #expect(try database.allMembers(of: hall.id) == [cai.id: .owner, ben.id: .member])
        try database.leave(hall.id, as: cai.id)
        try database.leave(hall.id, as: ben.id)
        #expect(try database.allMembers(of: hall.id).isEmpty)
        #expect(try database.join(hall.id, as: ben.id).role == .member)
    }

    // MARK: Members

    @Test func `members see one another, a page at a time`() throws {
        let hall = try database.makeHall(owner: ana)
        for number in 1...24 {
            try database.setMember(database.makeUser("u\(number)").id, of: hall.id, as: .member)
        }

        var seen: [Member] = []
        while true {
            let page = try database.members(of: hall.id, as: ana.id, after: seen.last?.user.id ?? 0)
            guard !page.isEmpty else { break }
            #expect(page.count <= 10)
            seen += page
        }

        #expect(seen.count == 25)
        #expect(seen.map(\.user.id) == seen.map(\.user.id).sorted())
        #expect(seen.first == Member(user: ana, role: .owner))
        #expect(try database.everyMember(of: hall.id) == seen)
        #expect(try database.allMembers(of: hall.id).count == 25)
        for (asked, given) in [(-1, 1), (0, 1), (1, 1), (10, 10), (11, 10), (.max, 10)] {
            #expect(try database.members(of: hall.id, as: ana.id, limit: asked).count == given)
        }
    }

    @Test func `the operator brings users in, changes roles, and takes users out`() throws {
        let hall = try database.makeHall("Secret", isPrivate: true, owner: ana)
        let cursor = try database.logEnd()

        try database.setMember(ben.id, of: hall.id, as: .member)
        try database.setMember(ben.id, of: hall.id, as: .owner)
        try database.removeMember(ana.id, of: hall.id, by: .operator)

        #expect(try database.allMembers(of: hall.id) == [ben.id: .owner])
        let events = try database.log(after: cursor).events
        #expect(
            events == [
                .joined(hallID: hall.id, userID: ben.id, role: .member),
                .joined(hallID: hall.id, userID: ben.id, role: .owner),
                .left(hallID: hall.id, userID: ana.id),
            ])
        #expect(try code { try database.setMember(99, of: hall.id, as: .member) } == .notFound)
        #expect(try code { try database.setMember(ben.id, of: 99, as: .member) } == .notFound)
        #expect(
            try code { try database.removeMember(ana.id, of: hall.id, by: .operator) } == .notFound)
        #expect(try code { try database.removeMember(ana.id, of: 99, by: .operator) } == .notFound)
        #expect(try code { _ = try database.everyMember(of: 99) } == .notFound)
    }

    @Test func `the operator makes, renames and lists halls`() throws {
        let first = try database.createHall(named: " First ", isPrivate: true)
        let second = try database.makeHall("Second", owner: ana, members: [ben])
        let cursor = try database.logEnd()

        try database.renameHall(first.id, to: "Second")  // private: its name is its own
        try database.renameHall(second.id, to: "Zweite")
        try database.renameHall(second.id, to: "ZWEITE")

        #expect(
            try database.log(after: cursor).events == [
                .hallChanged(hallID: first.id, .renamed), .hallChanged(hallID: second.id, .renamed),
                .hallChanged(hallID: second.id, .renamed),
            ])
        let halls = try database.allHalls()
        #expect(halls.map(\.hall.name) == ["Second", "ZWEITE"])
        #expect(halls.map(\.memberCount) == [0, 2])
        let third = try database.createHall(named: "Third", isPrivate: false)
        #expect(try code { try database.renameHall(third.id, to: "zweite") } == .hallNameTaken)
        #expect(try code { try database.renameHall(third.id, to: "\n") } == .invalidHallName)
        #expect(try code { try database.renameHall(99, to: "x") } == .notFound)
        #expect(try database.allHalls().last?.hall.name == "Third")
    }

    @Test func `owners and moderators say what a hall is about`() throws {
        let hall = try database.makeHall(owner: ana, members: [ben])
        let cursor = try database.logEnd()
        #expect(
            try database.setTopic(" Tea,\u{A0}and  more ", of: hall.id, by: ana.id).topic
                == "Tea,\u{A0}and  more")
        #expect(try database.hall(hall.id, as: ben.id).topic == "Tea,\u{A0}and  more")
        #expect(try code { _ = try database.setTopic("x", of: hall.id, by: ben.id) } == .notAllowed)
        try database.setMember(ben.id, of: hall.id, as: .moderator)
        let longest = String(repeating: "\u{1F375}", count: 250)
        #expect(try database.setTopic(longest, of: hall.id, by: ben.id).topic == longest)
        for text in [longest + "x", "two\nlines", " ", "\u{200B}", endless] {
            #expect(
                try code { _ = try database.setTopic(text, of: hall.id, by: ben.id) }
                    == .invalidRequest)
        }
        // What is so already is not told again.
        #expect(try database.setTopic(longest, of: hall.id, by: ben.id).topic == longest)
        #expect(try database.setTopic("", of: hall.id, by: ben.id).topic.isEmpty)
        let told = try database.log(after: cursor).events.count {
            $0 == .hallChanged(hallID: hall.id, .topic)
        }
        #expect(told == 3)
        try database.archiveHall(hall.id)
        #expect(
            try code { _ = try database.setTopic("x", of: hall.id, by: ana.id) } == .hallArchived)
    }

    @Test func `halls and members are shown as the protocol says`() {
        var json = JSONWriter()

        Hall(
            id: 1, name: "A \"b\"", isPrivate: true, role: .owner, rev: 7, change: 3,
            isArchived: true, topic: "\u{1F375}"
        ).write(to: &json)
        Hall(id: 2, name: "C", isPrivate: false, role: nil, rev: 0).write(to: &json)
        Member(user: User(id: 3, username: "ana"), role: .member).write(to: &json)

        #expect(
            String(decoding: json.bytes, as: UTF8.self)
                == #"{"id":1,"name":"A \"b\"","private":true,"role":"owner","rev":7,"change":3,"archived":true,"topic":"🍵"}"#
                + #"{"id":2,"name":"C","private":false,"role":null,"rev":0,"change":0,"archived":false,"topic":""}"#
                + #"{"id":3,"username":"ana","name":"ana","version":0,"role":"member"}"#)
    }
}
