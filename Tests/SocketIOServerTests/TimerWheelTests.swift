// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import SocketIOServer

struct TimerWheelTests {
    private final class Entry: Timed {}

    /// Turns a wheel until the entry is due; the ticks that it took.
    private func ticks(_ wheel: inout TimerWheel, until entry: Timed) -> Int64 {
        let start = wheel.now
        while wheel.now - start < 10_000 {
            if wheel.advance().contains(where: { $0 === entry }) { return wheel.now - start }
        }
        return -1
    }

    @Test(arguments: [1, 2, 11, 12, 13, 25, 1_000] as [Int64])
    func `an entry is due at its tick, within the wheel's span and beyond`(tick: Int64) {
        var wheel = TimerWheel(tick: 1, span: 10)
        for _ in 0..<7 { _ = wheel.advance() }
        let entry = Entry()
        wheel.set(entry, at: 7 + tick)
        #expect(ticks(&wheel, until: entry) == tick)
        #expect(wheel.entries.isEmpty)
    }

    @Test func `a tick that has passed is the next one`() {
        var wheel = TimerWheel(tick: 1, span: 10)
        let entry = Entry()
        wheel.set(entry, at: -5)
        #expect(ticks(&wheel, until: entry) == 1)
        wheel.set(entry, at: wheel.now)
        #expect(ticks(&wheel, until: entry) == 1)
    }

    @Test func `an entry that was taken out is never due`() {
        var wheel = TimerWheel(tick: 1, span: 10)
        let entry = Entry()
        wheel.set(entry, at: 3)
        wheel.remove(entry)
        wheel.remove(entry)
        for _ in 0..<50 { #expect(wheel.advance().isEmpty) }
    }

    @Test(arguments: 0..<20)
    func `any setting, moving and taking out does what a plain list does`(run: Int) {
        var wheel = TimerWheel(tick: 1, span: Int64.random(in: 1...40))
        let entries = (0..<30).map { _ in Entry() }
        var deadlines: [ObjectIdentifier: Int64] = [:]
        for _ in 0..<3_000 {
            let entry = entries[Int.random(in: 0..<entries.count)]
            switch Int.random(in: 0..<10) {
            case 0..<6:
                let tick = wheel.now + Int64.random(in: 1...100)
                wheel.set(entry, at: tick)
                deadlines[ObjectIdentifier(entry)] = tick
            case 6:
                wheel.remove(entry)
                deadlines[ObjectIdentifier(entry)] = nil
            default:
                let due = wheel.advance()
                let expected = deadlines.filter { $0.value == wheel.now }.keys
                #expect(Set(due.map(ObjectIdentifier.init)) == Set(expected))
                #expect(due.count == expected.count)
                for key in expected { deadlines[key] = nil }
            }
            #expect(wheel.entries.count == deadlines.count)
        }
    }
}
