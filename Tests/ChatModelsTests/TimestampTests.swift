// SPDX-License-Identifier: Apache-2.0

import ChatModels
import Foundation
import Testing

/// Moments, and how they are written.
@Suite struct TimestampTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (1_795_426_200_123, "2026-11-23T09:30:00.123Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
            (-2_203_891_200_000, "1900-03-01T00:00:00.000Z"),
            (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"),
            (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
            (2_147_483_648_000, "2038-01-19T03:14:08.000Z"),
        ] as [(Int64, String)])
    func `a known moment is written and read`(milliseconds: Int64, text: String) {
        #expect(Timestamp(milliseconds: milliseconds).iso8601 == text)
        #expect(Timestamp(iso8601: text)?.milliseconds == milliseconds)
    }

    @Test func `any moment comes back as it was, and as Foundation writes it`() throws {
        let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        var random = SplitMix(state: 7)

        // From year 1 to 9999. Foundation's calendar is Julian before 1582.
        let moments = (0..<20_000).map { _ in
            Timestamp(
                milliseconds: .random(in: -62_135_596_800_000...253_402_300_799_999, using: &random)
            )
        }
        let gregorian = moments.filter { $0.milliseconds > -12_000_000_000_000 }.map { moment in
            // Foundation counts in fractions, and rounds them.
            Timestamp(
                milliseconds: moment.milliseconds - (moment.milliseconds % 1_000 + 1_000) % 1_000)
        }

        #expect(moments.filter { Timestamp(iso8601: $0.iso8601) != $0 } == [])
        let other = gregorian.filter { moment in
            let date = Date(timeIntervalSince1970: Double(moment.milliseconds / 1_000))
            return format.format(date) != moment.iso8601
        }
        #expect(other == [])
        #expect(gregorian.count > 10_000)
    }

    @Test func `every day of four centuries follows the one before`() throws {
        var month = 1
        var day = 1
        var year = 1_999
        var wrong: [String] = []

        for number in 10_592..<10_592 + 146_097 {
            let text = Timestamp(milliseconds: Int64(number) * 86_400_000).iso8601
            let expected = [year, month, day].map { $0 < 10 ? "0\($0)" : "\($0)" }
            if text != expected.joined(separator: "-") + "T00:00:00.000Z" { wrong.append(text) }

            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
            day += 1
            if day > days[month - 1] { (day, month) = (1, month + 1) }
            if month > 12 { (month, year) = (1, year + 1) }
        }

        #expect(wrong == [])
    }

    @Test(arguments: [
        "", "2026-11-23", "2026-11-23T09:30:00Z", "2026-11-23T09:30:00.123",
        "2026-11-23T09:30:00.123z",
        "2026-11-23 09:30:00.123Z", "2026-11-23T09:30:00,123Z", "2026/11-23T09:30:00.123Z",
        "2026-11/23T09:30:00.123Z", "2026-11-23T09-30:00.123Z", "2026-11-23T09:30-00.123Z",
        "2026-13-01T00:00:00.000Z", "2026-00-01T00:00:00.000Z", "2026-02-29T00:00:00.000Z",
        "2026-04-31T00:00:00.000Z", "2026-01-00T00:00:00.000Z", "2026-01-01T24:00:00.000Z",
        "2026-01-01T00:60:00.000Z", "2026-01-01T00:00:60.000Z", "-026-01-01T00:00:00.000Z",
        "２026-01-01T00:00:00.0Z", "2026-01-01T00:00:00.000+", "2026-01-01T00:00:00.+12Z",
    ])
    func `what is written otherwise is not read`(text: String) {
        #expect(Timestamp(iso8601: text) == nil)
    }

    @Test func `moments are ordered, and seconds are added`() {
        let moment = Timestamp(milliseconds: 1_500)

        #expect(moment.adding(seconds: 2).milliseconds == 3_500)
        #expect(moment < moment.adding(seconds: 1))
        #expect(
            abs(Timestamp.now().milliseconds - Int64(Date().timeIntervalSince1970 * 1_000)) < 5_000)
    }
}

/// Random numbers that are the same in every run.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
