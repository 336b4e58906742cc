// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import CompactJSON
import GRDB
import Testing

@testable import ChatModels

/// The list of a user's halls as bytes, and when a kept one is still right.
@Suite struct HallListTests {
    let database: ChatDatabase
    let ana: User
    let ben: User
    let hall: Hall
    let other: Hall

    init() throws {
        var limits = Limits()
        limits.changesKept = 1_000
        database = try emptyDatabase(limits)
        ana = try database.makeUser("ana")
        ben = try database.makeUser("ben")
        hall = try database.makeHall("A \"hall\"", owner: ana)
        other = try database.makeHall("Other", owner: ben)
    }

    private func list(_ kept: HallList? = nil) throws -> HallList {
        try database.reading { try $0.halls(of: ana.id, kept: kept) }
    }

    private func expected(_ halls: [Hall]) -> [UInt8] {
        var json = JSONWriter()
        json.raw("{\"halls\":[")
        for (index, hall) in halls.enumerated() {
            if index > 0 { json.raw(",") }
            hall.write(to: &json)
        }
        json.raw("]}")
        return json.bytes
    }

    @Test func `the list is what the values say`() throws {
        try database.setMember(ana.id, of: database.makeHall("é", owner: ben).id, as: .member)
        try database.archiveHall(hall.id)
        #expect(try list().json == expected(database.halls(of: ana.id)))
        let open = try database.reading { try $0.hallsOpen(to: ana.id) }
        #expect(try open.json == expected(database.hallsOpen(to: ana.id)))
        #expect(open.fingerprint != (try list().fingerprint))
    }

    @Test func `a kept list is right until something happens to it`() throws {
        let first = try list()
        try database.say(in: other, as: ben)
        let moved = try list(first)
        #expect(moved.json == first.json)
        #expect(moved.position?.number ?? 0 > first.position?.number ?? 0)
        try database.say(in: hall, as: ana)
        let second = try list(moved)
        #expect(second.json != first.json)
        #expect(second.fingerprint != first.fingerprint)
    }

    @Test func `a kept list is right until one of many at once happens to it`() throws {
        func say(in halls: [Hall]) throws {
            let batch = halls.map {
                NewMessage(hallID: $0.id, senderID: ben.id, content: "x")
            }
            for result in try database.sayAll(batch) { _ = try result.get() }
        }
        let first = try list()
        try say(in: [other, other, other])
        let moved = try list(first)
        #expect(moved.json == first.json)
        #expect(moved.position?.number ?? 0 > first.position?.number ?? 0)
        try database.setMember(ben.id, of: hall.id, as: .member)
        let second = try list(moved)
        try say(in: [other, other, hall, other])
        #expect(try list(second).json == expected(database.halls(of: ana.id)))
        let third = try list(second)
        #expect(third.json != second.json)
        // More than it pays to look at.
        try say(in: Array(repeating: other, count: 100))
        #expect(try list(third).json == third.json)
    }

    @Test func `a list that was kept too long is read afresh`() throws {
        let first = try list()
        try database.say(in: hall, as: ana)
        try database.sayEach(3_000, in: other, as: ben)
        #expect(try list(first).json == expected(database.halls(of: ana.id)))
    }

    @Test func `where the log was pruned, a list is read afresh`() throws {
        let first = try list()
        try database.say(in: hall, as: ana)
        try database.say(in: other, as: ben)
        try database.write { db in
            try db.execute(
                sql: "DELETE FROM changes WHERE id <= ?",
                arguments: [(first.position?.number ?? 0) + 1])
        }
        #expect(try list(first).json == expected(database.halls(of: ana.id)))
    }

    @Test func `a position from another time is not believed`() throws {
        try database.say(in: hall, as: ana)
        let before = try list()
        let copy = try emptyDatabase()
        let eva = try copy.makeUser("eva")
        _ = try copy.makeHall("Only", owner: eva)
        let list = try copy.reading { try $0.halls(of: eva.id, kept: before) }
        #expect(list.json == expected(try copy.halls(of: eva.id)))
    }
}
