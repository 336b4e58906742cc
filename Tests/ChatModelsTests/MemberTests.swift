// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import GRDB
import Testing

@testable import ChatModels

/// What people do with one another's places in a hall.
@Suite struct MemberTests {
    let clock = TestClock()
    let database: ChatDatabase
    let ana: User
    let ben: User
    let cai: User
    let dan: User
    /// Ana's; Ben is a moderator, Cai a member.
    let hall: Hall

    init() throws {
        database = try emptyDatabase(clock: clock)
        ana = try database.makeUser("ana")
        ben = try database.makeUser("ben")
        cai = try database.makeUser("cai")
        dan = try database.makeUser("dan")
        hall = try database.makeHall(owner: ana, members: [ben, cai])
        try database.setMember(ben.id, of: hall.id, as: .moderator)
    }

    private func roles() throws -> [Int64: Role] { try database.allMembers(of: hall.id) }

    /// What the log says of a body, and who it says did it.
    private func told(_ body: () throws -> Void) throws -> [LogEvent] {
        let start = try database.logEnd()
        try body()
        return try database.log(after: start).events
    }

    // MARK: The table

    @Test func `nobody acts on the same role or a higher one`() {
        for act in MemberAct.allCases {
            for role in Role.allCases {
                for other in Role.allCases where !role.isAbove(other) {
                    #expect(!role.permits(act, on: other), "\(role) \(act) \(other)")
                }
            }
            #expect(!Role.member.permits(act, on: nil))
        }
    }

    @Test func `owners set roles, and who keeps order takes out members`() {
        #expect(Role.owner.permits(.setRole, on: .moderator))
        #expect(Role.owner.permits(.setRole, on: .member))
        #expect(!Role.moderator.permits(.setRole, on: .member))
        #expect(Role.owner.permits(.remove, on: .moderator))
        #expect(Role.owner.permits(.remove, on: .member))
        #expect(Role.moderator.permits(.remove, on: .member))
    }

    // MARK: Roles

    @Test func `an owner makes a moderator and a member again, told once each`() throws {
        let events = try told {
            for role in [Role.moderator, .moderator, .member] {
                let member = try database.setRole(role, of: cai.id, in: hall.id, by: ana.id)
                #expect(member == Member(user: cai, role: role))
            }
        }
        #expect(
            events == [
                .joined(hallID: hall.id, userID: cai.id, role: .moderator),
                .joined(hallID: hall.id, userID: cai.id, role: .member),
            ])
        #expect(try roles() == [ana.id: .owner, ben.id: .moderator, cai.id: .member])
    }

    @Test func `who hands a hall over is a moderator from then on`() throws {
        let events = try told {
            _ = try database.setRole(.owner, of: cai.id, in: hall.id, by: ana.id)
        }
        #expect(
            events == [
                .joined(hallID: hall.id, userID: cai.id, role: .owner),
                .joined(hallID: hall.id, userID: ana.id, role: .moderator),
            ])
        #expect(try roles() == [ana.id: .moderator, ben.id: .moderator, cai.id: .owner])
        #expect(
            try code { _ = try database.setRole(.owner, of: ana.id, in: hall.id, by: ana.id) }
                == .notAllowed)
    }

    @Test func `who may set no role leaves no trace`() throws {
        let before = try roles()
        let secret = try database.makeHall("Secret", isPrivate: true, owner: ana)
        let events = try told {
            for (actor, other, expected) in [
                (ben, cai, .notAllowed), (cai, ben, .notAllowed), (cai, cai, .notAllowed),
                (ben, ana, .notAllowed), (ana, ana, .notAllowed), (ben, dan, .notAllowed),
                (dan, cai, .notAMember), (ana, dan, .notFound),
            ] as [(User, User, ChatError.Code)] {
                for role in Role.allCases {
                    let code = try code {
                        _ = try database.setRole(role, of: other.id, in: hall.id, by: actor.id)
                    }
                    #expect(code == expected, "\(actor.username) \(other.username) \(role)")
                }
            }
            let hidden = try code {
                _ = try database.setRole(.owner, of: ana.id, in: secret.id, by: ben.id)
            }
            #expect(hidden == .notFound)
            try database.setDisabled(true, user: ana.id)
            let shutOut = try code {
                _ = try database.setRole(.owner, of: cai.id, in: hall.id, by: ana.id)
            }
            #expect(shutOut == .notFound)
        }
        #expect(events == [.userDisabled(userID: ana.id)])
        #expect(try roles() == before)
    }

    @Test func `the operator does not take the only owner from a hall`() throws {
        for role in [Role.member, .moderator] {
            #expect(
                try code { try database.setMember(ana.id, of: hall.id, as: role) } == .notAllowed)
        }
        #expect(try told { try database.setMember(ana.id, of: hall.id, as: .owner) }.count == 1)
        try database.setMember(cai.id, of: hall.id, as: .owner)
        try database.setMember(ana.id, of: hall.id, as: .member)
        #expect(try roles() == [ana.id: .member, ben.id: .moderator, cai.id: .owner])
    }

    // MARK: Heirs

    @Test func `a moderator inherits before those who are longer in the hall`() throws {
        let hall = try database.makeHall("Other", owner: ana, members: [cai])
        clock.advance(seconds: 1)
        for user in [dan, ben] {
            try database.setMember(user.id, of: hall.id, as: .moderator)
            clock.advance(seconds: 1)
        }
        try database.leave(hall.id, as: ana.id)
        #expect(
            try database.allMembers(of: hall.id)
                == [cai.id: .member, dan.id: .owner, ben.id: .moderator])
    }

    @Test func `in a hall without an owner nobody becomes one by leaving`() throws {
        let hall = try database.createHall(named: "The operator's", isPrivate: false)
        for user in [ana, ben, cai] { _ = try database.join(hall.id, as: user.id) }
        try database.leave(hall.id, as: ana.id)
        try database.removeMember(ben.id, of: hall.id, by: .operator)
        #expect(try database.allMembers(of: hall.id) == [cai.id: .member])
    }

    // MARK: Taking out

    @Test func `who is taken out is out, cannot write, and is told`() throws {
        try database.say(in: hall, as: cai)
        let events = try told {
            try database.removeMember(cai.id, of: hall.id, by: .user(ben.id))
        }
        #expect(events == [.left(hallID: hall.id, userID: cai.id)])
        #expect(try code { _ = try database.hall(hall.id, as: cai.id) } == .notAMember)
        #expect(try code { try database.say(in: hall, as: cai) } == .notAMember)
        #expect(try code { try database.leave(hall.id, as: cai.id) } == .notAMember)
        #expect(try database.join(hall.id, as: cai.id).role == .member)
    }

    @Test func `an owner takes out a moderator, and nobody an owner`() throws {
        let before = try roles()
        for (actor, other, expected) in [
            (ben, ana, .notAllowed), (ben, ben, .notAllowed), (cai, ben, .notAllowed),
            (ana, ana, .notAllowed), (cai, cai, .notAllowed), (cai, dan, .notAllowed),
            (dan, cai, .notAMember), (ana, dan, .notFound), (ben, dan, .notFound),
        ] as [(User, User, ChatError.Code)] {
            let code = try code {
                try database.removeMember(other.id, of: hall.id, by: .user(actor.id))
            }
            #expect(code == expected, "\(actor.username) \(other.username)")
        }
        #expect(try roles() == before)
        try database.removeMember(ben.id, of: hall.id, by: .user(ana.id))
        #expect(try roles() == [ana.id: .owner, cai.id: .member])
    }

    @Test func `nobody acts on a role of a later version`() throws {
        try database.write { db in
            try db.execute(
                sql: "UPDATE user_halls SET role = 'guardian' WHERE user_id = ?",
                arguments: [cai.id])
        }
        for actor in [ana, ben] {
            #expect(
                try code { try database.removeMember(cai.id, of: hall.id, by: .user(actor.id)) }
                    == .notAllowed)
        }
    }
}
