// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Answers that were put together once and are kept for whoever asks next. Each says of which state of the database it
/// is; whoever takes one compares that with the state read in its own transaction. So nothing here can be stale, and
/// nothing is missed when it is gone.
///
/// It is bounded, and forgets by generations: when the young ones take half of the room they become the old ones, and
/// the old ones, which nobody asked for since, are dropped.
final class ReadyAnswers<Answer: Sendable>: Sendable {
    private struct Generations {
        var young: [Int64: Answer] = [:]
        var old: [Int64: Answer] = [:]
        var youngBytes = 0
    }

    private let bytesMax: Int
    private let countMax: Int
    private let byteCount: @Sendable (Answer) -> Int
    // One for all threads: what one of them read is ready for all. Nobody ever waits for it: the system hands a lock that
    // is waited for to a thread that still sleeps, so that soon all wait, which costs more than to read once more.
    private let generations = Mutex(Generations())

    /// - Parameters:
    ///   - bytesMax: how much memory the answers may take.
    ///   - countMax: how many there may be.
    ///   - byteCount: how much memory one takes, about.
    init(
        bytesMax: Int = 32 << 20, countMax: Int = 16_384,
        byteCount: @escaping @Sendable (Answer) -> Int
    ) {
        self.bytesMax = bytesMax
        self.countMax = countMax
        self.byteCount = byteCount
    }

    /// The answer that is kept under an id, whatever it is worth; `nil` also where another thread looks just now.
    subscript(id: Int64) -> Answer? {
        let answer = generations.withLockIfAvailable { generations -> Answer? in
            if let answer = generations.young[id] { return answer }
            guard let answer = generations.old[id] else { return nil }
            keep(answer, for: id, in: &generations)
            return answer
        }
        return answer ?? nil
    }

    /// Keeps an answer under an id, in place of the one before, unless another thread looks just now.
    func keep(_ answer: Answer, for id: Int64) {
        _ = generations.withLockIfAvailable { keep(answer, for: id, in: &$0) }
    }

    private func keep(_ answer: Answer, for id: Int64, in generations: inout Generations) {
        let bytes = byteCount(answer)
        // One that fills a generation alone would drive out all others.
        guard bytes <= bytesMax / 8 else { return }
        if let before = generations.young[id] { generations.youngBytes -= byteCount(before) }
        if generations.youngBytes + bytes > bytesMax / 2 || generations.young.count >= countMax / 2
        {
            generations.old = generations.young
            generations.young = [:]
            generations.youngBytes = 0
        }
        generations.young[id] = answer
        generations.youngBytes += bytes
    }
}
