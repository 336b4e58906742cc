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

    // MARK: Bans

    @Test func `who is banned is out, sees the hall no more, and comes back when it is lifted`()
        throws
    {
        let events = try told {
            for _ in 1...2 { try database.ban(cai.id, from: hall.id, by: .user(ben.id)) }
        }
        #expect(
            events == [
                .left(hallID: hall.id, userID: cai.id), .banned(hallID: hall.id, userID: cai.id),
            ])
        #expect(try code { _ = try database.join(hall.id, as: cai.id) } == .banned)
        #expect(try database.hallsOpen(to: cai.id).isEmpty)
        #expect(try code { try database.say(in: hall, as: cai) } == .notAMember)
        #expect(
            try database.everyBan(of: hall.id)
                == [Ban(user: cai, actorID: ben.id, bannedAt: clock.now.iso8601)])

        let lifted = try told {
            try database.liftBan(of: cai.id, from: hall.id, by: .user(ana.id))
        }
        #expect(lifted == [.banLifted(hallID: hall.id, userID: cai.id)])
        #expect(try database.hallsOpen(to: cai.id).map(\.id) == [hall.id])
        #expect(try database.join(hall.id, as: cai.id).role == .member)
    }

    @Test func `who has left is banned, and who was never there is not seen`() throws {
        try database.leave(hall.id, as: cai.id)
        try database.ban(cai.id, from: hall.id, by: .user(ben.id))
        for stranger in [dan.id, 99] {
            #expect(
                try code { try database.ban(stranger, from: hall.id, by: .user(ana.id)) }
                    == .notFound)
        }
        #expect(try database.everyBan(of: hall.id).map(\.user.id) == [cai.id])
        try database.ban(dan.id, from: hall.id, by: .operator)
        #expect(try database.everyBan(of: hall.id).map(\.actorID) == [ben.id, nil])
        #expect(try code { try database.ban(99, from: hall.id, by: .operator) } == .notFound)
        #expect(try code { try database.ban(dan.id, from: 99, by: .operator) } == .notFound)
    }

    @Test func `who may not ban, or lift a ban, leaves no trace`() throws {
        let before = try roles()
        try database.ban(dan.id, from: hall.id, by: .operator)
        let events = try told {
            for (actor, other, expected) in [
                (ben, ana, .notAllowed), (ben, ben, .notAllowed), (ana, ana, .notAllowed),
                (cai, ben, .notAllowed), (cai, dan, .notAllowed), (dan, cai, .notAMember),
            ] as [(User, User, ChatError.Code)] {
                let code = try code {
                    try database.ban(other.id, from: hall.id, by: .user(actor.id))
                }
                #expect(code == expected, "\(actor.username) \(other.username)")
            }
            for (actor, banned, expected) in [
                (cai, dan, .notAllowed), (dan, dan, .notAMember), (ana, cai, .notFound),
            ] as [(User, User, ChatError.Code)] {
                let code = try code {
                    try database.liftBan(of: banned.id, from: hall.id, by: .user(actor.id))
                }
                #expect(code == expected, "\(actor.username)")
            }
        }
        #expect(events.isEmpty)
        #expect(try roles() == before)
        #expect(try database.everyBan(of: hall.id).map(\.user.id) == [dan.id])
    }

    @Test func `who keeps order sees who is banned, a page at a time`() throws {
        for user in [cai, dan] { try database.ban(user.id, from: hall.id, by: .operator) }
        func page(_ user: User, after: Int64 = 0, limit: Int? = nil) throws -> ([Int64], Bool) {
            try database.reading { reader in
                let (bans, hasMore) = try reader.bans(
                    of: hall.id, as: user.id, after: after, limit: limit)
                return (bans.map(\.user.id), hasMore)
            }
        }
        #expect(try page(ben, limit: 1) == ([cai.id], true))
        #expect(try page(ana, after: cai.id, limit: 1) == ([dan.id], false))
        #expect(try page(ana) == ([cai.id, dan.id], false))
        #expect(try code { _ = try page(cai) } == .notAMember)
        let eva = try database.makeUser("eva")
        _ = try database.join(hall.id, as: eva.id)
        #expect(try code { _ = try page(eva) } == .notAllowed)
    }

    @Test func `the operator bans an owner, and lifts a ban by bringing somebody in`() throws {
        try database.ban(ana.id, from: hall.id, by: .operator)
        #expect(try roles() == [ben.id: .owner, cai.id: .member])
        let events = try told { try database.setMember(ana.id, of: hall.id, as: .member) }
        #expect(
            events == [
                .banLifted(hallID: hall.id, userID: ana.id),
                .joined(hallID: hall.id, userID: ana.id, role: .member),
            ])
        #expect(try database.everyBan(of: hall.id).isEmpty)
    }

    @Test func `a hall that is deleted takes its bans with it`() throws {
        try database.ban(cai.id, from: hall.id, by: .user(ana.id))
        try database.deleteHall(hall.id)
        let left = try database.read { db in try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM bans")
        }
        #expect(left == 0)
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
