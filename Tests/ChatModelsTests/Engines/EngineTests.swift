// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import Testing

@testable import ChatModels

/// Engines do what the model does: random sequences of what several people may ask for, each answer, each entry of the log
/// and each refusal compared. A sequence that differs is made shorter before it is shown.
@Suite struct EngineTests {
    /// An engine, made anew for each sequence.
    typealias Make = (Limits, TestClock) throws -> any ChatStorage

    private static var limits: Limits {
        var limits = Limits()
        limits.pageSizeDefault = 3
        limits.pageSizeMax = 8
        limits.hallsPerUserMax = 4
        limits.membersPageMax = 4
        limits.keepsEarlierTexts = true
        limits.earlierTextsMax = 2
        limits.sessionLifetimeSeconds = 40
        limits.sessionsPerUserMax = 2
        // The model does not count attempts.
        limits.signInsPerAccountMax = 10_000
        limits.loginsPerAccountMax = 10_000
        limits.loginsPerAddressMax = 10_000
        return limits
    }

    /// Five people, one of them shut out, and two halls.
    private static func prepare(_ make: Make, _ clock: TestClock) throws -> AskedStorage {
        let storage = try make(limits, clock)
        for name in ["ana", "ben", "cara", "dan", "eva"] {
            _ = try storage.createUser(named: name, password: "password1")
        }
        _ = try storage.createHall(named: "General", isPrivate: false, by: 1)
        _ = try storage.createHall(named: "Secret", isPrivate: true, by: 2)
        try storage.setMember(3, of: 2, as: .moderator)
        _ = try storage.join(1, as: 2)
        _ = try storage.join(1, as: 5)
        try storage.setDisabled(true, user: 5)
        return AskedStorage(storage)
    }

    private struct Difference {
        var index: Int
        var expected: String
        var answered: String
    }

    /// The first answer in which an engine differs from the model.
    private static func difference(_ steps: [Step], _ make: Make) throws -> Difference? {
        let (clock, modelClock) = (TestClock(), TestClock())
        let storage = try prepare(make, clock)
        let model = try prepare({ ModelStorage($0, clock: $1) }, modelClock)
        for (index, step) in steps.enumerated() {
            for clock in [clock, modelClock] { clock.advance(milliseconds: 1_000) }
            let (expected, answered) = (step.answer(of: model), step.answer(of: storage))
            guard expected == answered else {
                return Difference(index: index, expected: expected, answered: answered)
            }
        }
        return nil
    }

    /// As few of the steps as still differ.
    private static func shrink(_ steps: [Step], _ make: Make) throws -> [Step] {
        guard let difference = try difference(steps, make) else { return steps }
        var steps = Array(steps[...difference.index])
        var size = max(steps.count / 2, 1)
        while true {
            var start = 0
            var isShorter = false
            while start < steps.count {
                let end = min(start + size, steps.count)
                let fewer = Array(steps[..<start] + steps[end...])
                if try Self.difference(fewer, make) != nil {
                    (steps, isShorter) = (fewer, true)
                } else {
                    start = end
                }
            }
            if size == 1, !isShorter { return steps }
            if !isShorter { size /= 2 }
        }
    }

    /// What is wrong with an engine, as far as so many sequences show; `nil` if nothing is.
    private static func fault(of make: Make, seeds: Range<Int>, steps count: Int) throws -> String?
    {
        for seed in seeds {
            var random = SeededRandom(UInt64(seed))
            let steps = (0..<count).map { _ in Step.random(&random) }
            guard try difference(steps, make) != nil else { continue }
            let fewest = try shrink(steps, make)
            guard let difference = try difference(fewest, make) else { continue }
            return """
                Seed \(seed), \(fewest.count) steps:
                \(fewest.map { "  \($0)" }.joined(separator: "\n"))
                expected: \(difference.expected)
                answered: \(difference.answered)
                """
        }
        return nil
    }

    @Test(arguments: 0..<8)
    func `SQLite answers as the model does`(_ part: Int) throws {
        let fault = try Self.fault(
            of: { limits, clock in try emptyDatabase(limits, clock: clock) },
            seeds: part * 10..<(part + 1) * 10, steps: 150)
        if let fault { Issue.record("\(fault)") }
    }

    @Test(arguments: PlantedFault.allCases)
    func `a fault in an engine is found, and shown in few steps`(_ fault: PlantedFault) throws {
        let found = try #require(
            try Self.fault(
                of: { limits, clock in FaultyStorage(fault, limits, clock: clock) },
                seeds: 0..<1_000, steps: 150))
        #expect(found.split(separator: "\n").count <= 60)
    }
}

/// Something that an engine might do wrong.
enum PlantedFault: CaseIterable {
    /// An edit is not told in the log.
    case editNotTold
    /// Whoever asks since a change hears of one too few.
    case changeForgotten
    /// A moderator deletes what an owner has said.
    case rightsTooWide
    /// A repeated key says it again.
    case keyNotKnown
    /// Who was the last owner leaves nobody in charge.
    case noHeir
    /// A page says that there is no older one.
    case noOlder
    /// What was said before a rename keeps the old name.
    case oldName
    /// What a message said before stays when it is deleted.
    case earlierTextKept
    /// Who has left a hall is seen by nobody there.
    case formerForgotten
    /// A session that has ended by itself is one.
    case sessionForEver
    /// The members of a deleted hall are not told that they have left it.
    case leftUntold
    /// A hall that comes back from the archive takes a name that is taken.
    case nameNotAsked
    /// A mark goes back where less was read.
    case markGoesBack
    /// Who hands a hall over stays its owner.
    case ownerTwice
    /// Who is banned from a hall joins it.
    case banForgotten
}

/// The model with a fault.
private final class FaultyStorage: ModelStorage, @unchecked Sendable {
    private let fault: PlantedFault

    init(_ fault: PlantedFault, _ limits: Limits, clock: TestClock) {
        self.fault = fault
        super.init(limits, clock: clock)
    }

    override func log(after position: LogPosition, limit: Int) throws -> LogBatch {
        var batch = try super.log(after: position, limit: limit)
        if fault == .editNotTold {
            batch.events.removeAll { event in
                guard case .messageChanged(let message, _) = event else { return false }
                return message.change?.deleted == nil
            }
        }
        return batch
    }

    override func messages(
        of hallID: Int64, as userID: Int64, since position: HallPosition, limit: Int?
    ) throws -> MessagesSince {
        var since = try super.messages(of: hallID, as: userID, since: position, limit: limit)
        if fault == .changeForgotten, since.changed?.isEmpty == false {
            since.changed?.removeLast()
        }
        return since
    }

    override func messages(
        of hallID: Int64, as userID: Int64, limit: Int?, before: Int64?
    ) throws -> MessagePage {
        var page = try super.messages(of: hallID, as: userID, limit: limit, before: before)
        if fault == .noOlder { page.hasMore = false }
        return page
    }

    override func perform(
        _ commands: [MessageCommand]
    ) throws -> [Result<WrittenMessage, ChatError>] {
        let texts = state.earlierTexts
        defer {
            if fault == .earlierTextKept { state.earlierTexts.merge(texts) { new, _ in new } }
        }
        return try super.perform(commands).enumerated().map { index, result in
            switch (fault, commands[index], result) {
            case (.rightsTooWide, .delete(let deletion), .failure(let error))
            where error.code == .notAllowed:
                let wide = MessageDeletion(
                    hallID: deletion.hallID, messageID: deletion.messageID, by: .operator)
                return try super.perform([.delete(wide)])[0]
            case (.keyNotKnown, .say(var new), .success(let written)) where written.isRepeat:
                new.clientKey = nil
                return try super.perform([.say(new)])[0]
            default: return result
            }
        }
    }

    override func perform(
        _ commands: [MessageCommand], marks: [ReadMark], waitingAtMost milliseconds: Int32?
    ) throws -> WrittenBatch? {
        let written = try super.perform(
            commands, marks: marks, waitingAtMost: milliseconds)
        guard fault == .markGoesBack else { return written }
        for case .success(let mark) in written?.marks ?? [] where mark.entry == nil {
            state.halls[Int(mark.mark.hallID) - 1].places[mark.mark.userID]?.read = 0
        }
        return written
    }

    override func reading<Value>(_ body: (any ChatReading) throws -> Value) throws -> Value {
        if fault == .formerForgotten {
            for index in state.halls.indices { state.halls[index].formerIDs = [] }
        }
        return try super.reading(body)
    }

    override func renameUser(_ userID: Int64, to username: String) throws -> User {
        let before = state.messages
        let user = try super.renameUser(userID, to: username)
        if fault == .oldName { state.messages = before }
        return user
    }

    override func session(token: String) throws -> LoginSession? {
        if let session = try super.session(token: token) { return session }
        guard fault == .sessionForEver,
            let kept = state.sessions.first(where: { $0.token == token })
        else { return nil }
        return LoginSession(
            id: kept.id, user: state.users[Int(kept.userID) - 1].user, expiresAt: kept.expiresAt)
    }

    override func deleteHall(_ hallID: Int64) throws {
        let before = state.log.count
        try super.deleteHall(hallID)
        if fault == .leftUntold { state.log.removeSubrange(before..<state.log.count - 1) }
    }

    override func unarchiveHall(_ hallID: Int64) throws {
        do {
            try super.unarchiveHall(hallID)
        } catch let error as ChatError where error.code == .hallNameTaken && fault == .nameNotAsked
        {
            state.halls[Int(hallID) - 1].isArchived = false
            log(.hallChanged(hallID: hallID, .unarchived))
        }
    }

    override func join(_ hallID: Int64, as userID: Int64) throws -> Hall {
        if fault == .banForgotten, let index = try? index(hallID) { state.halls[index].bans = [:] }
        return try super.join(hallID, as: userID)
    }

    override func setRole(
        _ role: Role, of userID: Int64, in hallID: Int64, by actorID: Int64
    ) throws -> Member {
        let member = try super.setRole(role, of: userID, in: hallID, by: actorID)
        if fault == .ownerTwice, role == .owner {
            state.halls[Int(hallID) - 1].places[actorID]?.role = .owner
        }
        return member
    }

    override func removeMember(_ userID: Int64, of hallID: Int64, by actor: Actor) throws {
        try super.removeMember(userID, of: hallID, by: actor)
        guard fault == .noHeir, case .event(.joined(hallID, let heir, .owner))? = state.log.last
        else { return }
        state.log.removeLast()
        state.halls[Int(hallID) - 1].places[heir]?.role = .member
    }
}
