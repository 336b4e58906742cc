// SPDX-License-Identifier: Apache-2.0

import ChatModels

/// What goes into one transaction.
struct WriteGroup {
    var commands: [MessageCommand]
    var marks: [ReadMark]

    /// What all of it becomes where nothing can be written.
    var refused: WrittenBatch {
        WrittenBatch(
            messages: commands.map { _ in .failure(ChatError(.busy)) },
            marks: marks.map { _ in .failure(ChatError(.busy)) })
    }

    /// Writes each in a transaction of its own: what cannot be written must not take with it what can.
    func writeEach(to database: any ChatStorage) -> WrittenBatch {
        WrittenBatch(
            messages: commands.map { command in
                Result { try database.perform(command) }.mapError { ChatError($0) }
            },
            marks: marks.map { mark in
                Result { try database.perform(mark) }.mapError { ChatError($0) }
            })
    }
}

/// What is to be written, in its order, and where each came from. Marks of how far somebody has read go into the
/// transactions of messages, so that they cost none.
struct Outbox {
    /// Who hears what became of something.
    typealias Sender = (loop: Int, reply: Reply)

    private var commands: [MessageCommand] = []
    private(set) var senders: [Sender] = []
    private var marks: [ReadMark] = []
    private(set) var readers: [Sender] = []
    /// Since when the first of them wait for the database; `nil` if they were not yet tried.
    var triedSince: ContinuousClock.Instant?
    /// Whether some have waited for the database in vain: the others do not wait again.
    var isRefused = false

    var isEmpty: Bool { commands.isEmpty && marks.isEmpty }
    var count: Int { commands.count + marks.count }

    mutating func append(_ command: MessageCommand, _ reply: Reply, from loop: Int) {
        commands.append(command)
        senders.append((loop, reply))
    }

    mutating func append(_ mark: ReadMark, _ reply: Reply, from loop: Int) {
        marks.append(mark)
        readers.append((loop, reply))
    }

    /// The first, so many messages and so many marks at most.
    func group(of countMax: Int) -> WriteGroup {
        WriteGroup(
            commands: commands.count <= countMax ? commands : Array(commands.prefix(countMax)),
            marks: marks.count <= countMax ? marks : Array(marks.prefix(countMax)))
    }

    /// Takes out the first, of which is known what became of them.
    mutating func remove(_ group: WriteGroup) {
        let (commandCount, markCount) = (group.commands.count, group.marks.count)
        guard commandCount + markCount < count else { return self = Outbox() }
        commands.removeFirst(commandCount)
        senders.removeFirst(commandCount)
        marks.removeFirst(markCount)
        readers.removeFirst(markCount)
        triedSince = nil
    }
}
