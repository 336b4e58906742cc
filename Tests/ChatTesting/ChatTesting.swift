// SPDX-License-Identifier: Apache-2.0

public import ChatModels
import Foundation
import Synchronization

/// A moment to begin with.
public let someMoment = Timestamp(milliseconds: 1_795_426_200_123)

/// A letter with so many marks on it, in no order, that to put them into theirs takes more than ten seconds.
public let endless =
    "x" + String(repeating: "\u{301}", count: 32_000) + String(repeating: "\u{323}", count: 32_000)

/// An empty database in memory.
public func emptyDatabase(
    _ limits: Limits = Limits(), clock: TestClock = TestClock()
) throws -> ChatDatabase {
    try ChatDatabase(inMemory: limits, clock: { clock.now })
}

/// A clock that only moves when told to.
public final class TestClock: Sendable {
    private let time: Mutex<Timestamp>

    /// Makes a clock that shows a moment.
    public init(_ start: Timestamp = someMoment) {
        time = Mutex(start)
    }

    /// What it shows.
    public var now: Timestamp { time.withLock { $0 } }

    /// Lets time pass.
    public func advance(milliseconds: Int64) {
        time.withLock { $0.milliseconds += milliseconds }
    }

    /// Lets time pass.
    public func advance(seconds: Int64) {
        advance(milliseconds: seconds * 1_000)
    }
}

/// A folder that is gone when nobody holds it any more.
public final class TemporaryFolder: Sendable {
    /// Where it is.
    public let path: String

    /// Makes an empty folder.
    public init() throws {
        path = NSTemporaryDirectory() + "halls-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The path of a file in it.
    public func file(_ name: String) -> String { "\(path)/\(name)" }

    /// A migrated database in it, by the name of `chat.db`; or another connection to the one that is there.
    public func database(
        _ limits: Limits = Limits(), clock: @escaping @Sendable () -> Timestamp = Timestamp.now
    ) throws -> ChatDatabase {
        try ChatDatabase(
            path: file("chat.db"), schema: .migrate, limits: limits, passwords: .cheapest,
            clock: clock)
    }
}

extension ChatDatabase {
    /// Makes a user with a password that one can guess.
    public func makeUser(_ username: String = "ana", password: String = "password1") throws -> User
    {
        try createUser(named: username, password: password)
    }

    /// Makes a hall, and puts users into it.
    public func makeHall(
        _ name: String = "General", isPrivate: Bool = false, owner: User, members: [User] = []
    ) throws -> Hall {
        let hall = try createHall(named: name, isPrivate: isPrivate, by: owner.id)
        for member in members { try setMember(member.id, of: hall.id, as: .member) }
        return hall
    }

    /// A page of a hall's members.
    public func members(
        of hallID: Int64, as userID: Int64, after: Int64 = 0, limit: Int? = nil
    ) throws -> [Member] {
        try reading { try $0.members(of: hallID, as: userID, after: after, limit: limit).members }
    }

    /// Says something.
    @discardableResult
    public func say(
        _ content: String = "Hello", in hall: Hall, as user: User, clientKey: String? = nil
    ) throws -> Message {
        try createMessage(
            NewMessage(
                hallID: hall.id, senderID: user.id, content: content, clientKey: clientKey)
        ).message
    }

    /// Says something in a transaction of its own.
    public func createMessage(_ new: NewMessage) throws -> WrittenMessage {
        try perform(.say(new))
    }

    /// Says so many things, each in a transaction and so with an entry in the log of its own: "1", "2", …
    public func sayEach(_ count: Int, in hall: Hall, as user: User) throws {
        for number in 1...count { try say("\(number)", in: hall, as: user) }
    }

    /// Says several things in one transaction.
    public func sayAll(_ batch: [NewMessage]) throws -> [Result<WrittenMessage, ChatError>] {
        try perform(batch.map { .say($0) })
    }

    /// Says so many things in one transaction: "1", "2", …
    public func sayMany(
        _ count: Int, of content: String? = nil, in hall: Hall, as user: User
    ) throws {
        let batch = (1...count).map {
            NewMessage(hallID: hall.id, senderID: user.id, content: content ?? "\($0)")
        }
        for result in try sayAll(batch) { _ = try result.get() }
    }
}

/// The code of the ``ChatError`` that a body throws; `nil` if it throws none.
public func code(of body: () throws -> Void) throws -> ChatError.Code? {
    do {
        try body()
        return nil
    } catch let error as ChatError {
        return error.code
    }
}
