// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import Foundation
import Synchronization
import Testing

@testable import ChatModels

/// Many connections to one file, as two daemons with their threads have them.
@Suite struct ConcurrencyTests {
    @Test
    func `eight writers at once leave no hole in a hall's positions, and none is turned away`()
        throws
    {
        let folder = try TemporaryFolder()
        let first = try folder.database()
        let ana = try first.makeUser()
        let hall = try first.makeHall(owner: ana)
        let connections = try (0..<8).map { _ in try folder.database() }
        let cursor = try first.logEnd()
        let errors = Mutex<[String]>([])
        let answered = Mutex<[Int64: String]>([:])

        DispatchQueue.concurrentPerform(iterations: 8) { index in
            for number in 0..<200 {
                do {
                    let content = "\(index)/\(number)"
                    let message = try connections[index].say(content, in: hall, as: ana)
                    answered.withLock { $0[message.rev] = content }
                } catch {
                    errors.withLock { $0.append("\(error)") }
                }
            }
        }

        #expect(errors.withLock { $0 } == [])
        let kept = try first.everything(in: hall, as: ana)
        #expect(kept.map(\.rev) == Array(1...1_600))
        #expect(kept.map(\.id) == kept.map(\.id).sorted())
        #expect(
            Dictionary(uniqueKeysWithValues: kept.map { ($0.rev, $0.content) })
                == answered.withLock { $0 })
        // The log has each once, in the same order.
        let log = try first.log(after: cursor, limit: 2_000).events
        #expect(log == kept.map { .messageCreated($0) })
        #expect(try first.problems().isEmpty)
    }

    @Test func `a reader among writers never sees a hole`() throws {
        let folder = try TemporaryFolder()
        let first = try folder.database()
        let ana = try first.makeUser()
        let hall = try first.makeHall(owner: ana)
        let connections = try (0..<4).map { _ in try folder.database() }
        let cursor = try first.logEnd()

        DispatchQueue.concurrentPerform(iterations: 4) { index in
            let database = connections[index]
            #expect(throws: Never.self) {
                if index < 2 {
                    for _ in 0..<150 { try database.say(in: hall, as: ana) }
                } else if index == 2 {
                    var rev: Int64 = 0
                    while rev < 300 {
                        let changes = try database.messages(
                            of: hall.id, as: ana.id, since: HallPosition(rev: rev))
                        guard changes.isComplete else { rev = changes.rev; continue }
                        #expect(changes.messages.map(\.rev) == Array((rev + 1)..<(changes.rev + 1)))
                        rev = changes.rev
                    }
                } else {
                    var revs: [Int64] = []
                    var position = cursor
                    while revs.count < 300 {
                        let batch = try database.log(after: position, limit: 7)
                        position = batch.end
                        for case .messageCreated(let message) in batch.events {
                            revs.append(message.rev)
                        }
                    }
                    #expect(revs == Array(1...300))
                }
            }
        }
    }

    @Test func `one retry at once from many places makes one message`() throws {
        let folder = try TemporaryFolder()
        let first = try folder.database()
        let ana = try first.makeUser()
        let hall = try first.makeHall(owner: ana)
        let connections = try (0..<8).map { _ in try folder.database() }
        let answers = Mutex<[WrittenMessage]>([])

        DispatchQueue.concurrentPerform(iterations: 8) { index in
            for number in 0..<25 {
                let new = NewMessage(
                    hallID: hall.id, senderID: ana.id, content: "x", clientKey: "k\(number)")
                #expect(throws: Never.self) {
                    let created = try connections[index].createMessage(new)
                    answers.withLock { $0.append(created) }
                }
            }
        }

        let all = answers.withLock { $0 }
        #expect(all.count == 200)
        #expect(all.filter { !$0.isRepeat }.count == 25)
        #expect(Set(all.map(\.message)).count == 25)
        #expect(try first.messages(of: hall.id, as: ana.id).rev == 25)
    }

    @Test func `one name at once from many places makes one user and one hall`() throws {
        let folder = try TemporaryFolder()
        let first = try folder.database()
        let owner = try first.makeUser("owner")
        let connections = try (0..<8).map { _ in try folder.database() }
        let ids = Mutex<Set<Int64>>([])
        let made = Mutex(0)

        DispatchQueue.concurrentPerform(iterations: 8) { index in
            #expect(throws: Never.self) {
                let user = try connections[index].siteUser(named: "ana")
                _ = ids.withLock { $0.insert(user.id) }
                let refusal = try code {
                    _ = try connections[index].createHall(
                        named: "General", isPrivate: false, by: owner.id)
                }
                #expect(refusal == nil || refusal == .hallNameTaken)
                if refusal == nil { made.withLock { $0 += 1 } }
            }
        }

        #expect(ids.withLock { $0.count } == 1)
        #expect(made.withLock { $0 } == 1)
    }
}

extension ChatDatabase {
    /// All messages of a hall, oldest first.
    func everything(in hall: Hall, as user: User) throws -> [Message] {
        var seen: [Message] = []
        var hasMore = true
        while hasMore {
            let page = try messages(of: hall.id, as: user.id, limit: 200, before: seen.first?.id)
            seen = page.messages + seen
            hasMore = page.hasMore
        }
        return seen
    }
}
