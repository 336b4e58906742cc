// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import chat_fcgi

struct FastCGIRecordsTests {
    private struct Record: Equatable {
        var type: UInt8
        var id: UInt16
        var content: [UInt8]
    }

    private func records(_ bytes: [UInt8]) throws -> [Record] {
        var records: [Record] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let head = Array(rest.prefix(8))
            try #require(head.count == 8)
            #expect(head[0] == 1)
            let count = Int(head[4]) << 8 | Int(head[5])
            rest = rest.dropFirst(8)
            try #require(rest.count >= count + Int(head[6]))
            records.append(
                Record(
                    type: head[1], id: UInt16(head[2]) << 8 | UInt16(head[3]),
                    content: Array(rest.prefix(count))))
            rest = rest.dropFirst(count + Int(head[6]))
        }
        return records
    }

    @Test(arguments: [0, 1, 8, 65_534, 65_535, 65_536, 131_070, 131_071, 1_000_000])
    func `an answer of any length comes whole, and ends`(_ count: Int) throws {
        let answer = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        let records = try records(FastCGIRecords.answer(answer, to: 0x0102))
        #expect(records.allSatisfy { $0.id == 0x0102 })
        #expect(records.dropLast(2).flatMap(\.content) == answer)
        #expect(records.dropLast(2).allSatisfy { $0.type == 6 && !$0.content.isEmpty })
        let end = Record(type: 3, id: 0x0102, content: Array(repeating: 0, count: 8))
        #expect(records.suffix(2) == [Record(type: 6, id: 0x0102, content: []), end])
    }

    @Test func `pieces come one behind the other, empty ones leave no trace`() throws {
        let large = Array(repeating: UInt8(7), count: 70_000)
        let records = try records(FastCGIRecords.answer([1, 2], [], large, to: 1))
        #expect(records.map(\.content.count) == [2, 65_535, 4_465, 0, 8])
        #expect(records.dropLast(2).flatMap(\.content) == [1, 2] + large)
    }
}
