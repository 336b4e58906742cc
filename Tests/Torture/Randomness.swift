// SPDX-License-Identifier: Apache-2.0

/// Random numbers that a seed decides (SplitMix64): the same seed gives the same numbers on every machine.
struct Randomness: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// Numbers of their own for one part of a run, so that what one part draws changes nothing for the others.
    init(seed: UInt64, part: String) {
        // FNV-1a
        let mark = part.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        state = seed ^ mark
        _ = next()
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func int(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(next() % UInt64(range.count))
    }

    /// A number of milliseconds.
    mutating func milliseconds(_ range: ClosedRange<Int>) -> Int64 { Int64(int(range)) }

    mutating func isTrue(oneIn count: Int) -> Bool { int(1...count) == 1 }

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[int(0...elements.count - 1)]
    }

    /// So many of the numbers from 0 up to `count`, in a random order.
    mutating func picks(_ wanted: Int, of count: Int) -> [Int] {
        var numbers = Array(0..<count)
        let wanted = min(wanted, count)
        for index in 0..<wanted { numbers.swapAt(index, int(index...count - 1)) }
        return Array(numbers.prefix(wanted))
    }
}
