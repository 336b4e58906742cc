// SPDX-License-Identifier: Apache-2.0

/// What a ``TimerWheel`` wakes: it has one deadline at a time.
class Timed {
    fileprivate var slot: Int32 = -1
    fileprivate var place: Int32 = -1
    fileprivate var deadlineTick: Int64 = 0

    /// The deadline has passed.
    func deadlineReached() {}
}

/// The timers of an event loop in one ring of slots: setting, moving and stopping one costs a few stores, and idle
/// connections need no task each. Confined to its event loop; the caller turns it.
struct TimerWheel {
    /// Milliseconds between two ticks.
    let tick: Int64
    private var slots: [[Timed]]
    /// How many ticks the wheel was turned.
    private(set) var now: Int64 = 0

    /// Makes a wheel for deadlines that mostly lie within `span` milliseconds.
    init(tick: Int64, span: Int64) {
        self.tick = tick
        slots = Array(repeating: [], count: Int(span / tick) + 2)
    }

    /// All that have a deadline.
    var entries: [Timed] { slots.flatMap { $0 } }

    /// Sets the only deadline of an entry: a tick that is still to come.
    mutating func set(_ entry: Timed, at tick: Int64) {
        entry.deadlineTick = max(tick, now + 1)
        if entry.slot < 0 {
            insert(entry)
        } else if isDue(entry, before: entry.slot) {
            remove(entry)
            insert(entry)
        }
        // Else it waits in the slot of an earlier tick, and is moved on when that comes. Most are set anew before.
    }

    /// Forgets an entry.
    mutating func remove(_ entry: Timed) {
        guard entry.slot >= 0 else { return }
        let slot = Int(entry.slot)
        let last = slots[slot].removeLast()
        if last !== entry {
            slots[slot][Int(entry.place)] = last
            last.place = entry.place
        }
        entry.slot = -1
    }

    /// Goes one tick on.
    ///
    /// - Returns: the entries whose deadline it was; they have none any more.
    mutating func advance() -> [Timed] {
        now += 1
        let slot = slotIndex(now)
        guard !slots[slot].isEmpty else { return [] }
        let entries = slots[slot]
        slots[slot] = []
        var due: [Timed] = []
        for entry in entries {
            entry.slot = -1
            if entry.deadlineTick <= now { due.append(entry) } else { insert(entry) }
        }
        return due
    }

    private mutating func insert(_ entry: Timed) {
        let slot = slotIndex(entry.deadlineTick)
        entry.slot = Int32(slot)
        entry.place = Int32(slots[slot].count)
        slots[slot].append(entry)
    }

    private func slotIndex(_ tick: Int64) -> Int { Int(tick % Int64(slots.count)) }

    /// Whether an entry's new deadline comes before the wheel reaches the slot in which it waits.
    private func isDue(_ entry: Timed, before slot: Int32) -> Bool {
        let count = Int64(slots.count)
        let current = Int64(slotIndex(now))
        let untilSlot = (Int64(slot) - current + count) % count
        return entry.deadlineTick - now < (untilSlot == 0 ? count : untilSlot)
    }
}
