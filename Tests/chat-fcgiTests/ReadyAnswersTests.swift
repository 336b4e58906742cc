// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import chat_fcgi

struct ReadyAnswersTests {
    private func answers(bytesMax: Int = 800, countMax: Int = 100) -> ReadyAnswers<Int> {
        ReadyAnswers(bytesMax: bytesMax, countMax: countMax) { $0 }
    }

    @Test func `what is kept is there, in place of what was before`() {
        let answers = answers()
        #expect(answers[1] == nil)
        answers.keep(10, for: 1)
        #expect(answers[1] == 10)
        answers.keep(20, for: 1)
        #expect(answers[1] == 20)
        #expect(answers[2] == nil)
    }

    @Test func `it never takes more memory than it may`() {
        let answers = answers()
        for id in 1...100 as ClosedRange<Int64> { answers.keep(100, for: id) }
        let kept = (1...100).filter { answers[Int64($0)] != nil }
        #expect(kept.count <= 8)
        #expect(kept.contains(100))
    }

    @Test func `it never holds more answers than it may`() {
        let answers = answers(countMax: 10)
        for id in 1...100 as ClosedRange<Int64> { answers.keep(0, for: id) }
        #expect((1...100).filter { answers[Int64($0)] != nil }.count <= 10)
    }

    @Test func `what is asked for stays`() {
        let answers = answers()
        answers.keep(100, for: 1)
        for id in 2...100 as ClosedRange<Int64> {
            answers.keep(100, for: id)
            #expect(answers[1] == 100)
        }
    }

    @Test func `one that is too large is not kept, and drives out nobody`() {
        let answers = answers()
        answers.keep(100, for: 1)
        answers.keep(101, for: 2)
        #expect(answers[1] == 100)
        #expect(answers[2] == nil)
    }

    @Test func `one that grew too large is forgotten`() {
        let answers = answers()
        answers.keep(100, for: 1)
        answers.keep(101, for: 1)
        #expect(answers[1] == 100)
    }
}
