// SPDX-License-Identifier: Apache-2.0

import ChatModels

/// Who is in which hall, and since when: what the run itself has written, and in its order.
final class Membership {
    private struct Entry {
        var isIn: Bool
        var since: Int64
    }

    /// How long an ended membership may go on being served, in milliseconds: the promise is a second.
    static let grace: Int64 = 1_500

    private var entries: [Int64: [Int: Entry]] = [:]
    /// When the site or a part of it was last stopped, full or locked.
    var disturbed: Int64 = 0

    func set(_ person: Int, in hallID: Int64, _ isIn: Bool, at now: Int64) {
        entries[hallID, default: [:]][person] = Entry(isIn: isIn, since: now)
    }

    func isIn(_ person: Int, _ hallID: Int64) -> Bool {
        entries[hallID]?[person]?.isIn ?? false
    }

    /// What somebody is in a hall, whenever it is in it.
    static func role(of person: Int, in hallID: Int64) -> Role {
        if Int(hallID % 25) == person % 25 { return .owner }
        return Int(hallID % 10) == person % 10 ? .moderator : .member
    }

    /// The role of somebody at a moment and until now, where that is certain; the inner `nil` is for who is out.
    func role(of person: Int, in hallID: Int64, at moment: Int64) -> Role?? {
        let entry = entries[hallID]?[person]
        guard moment > (entry?.since ?? -Self.grace) + Self.grace else { return nil }
        return .some(entry?.isIn == true ? Self.role(of: person, in: hallID) : nil)
    }

    func people(in hallID: Int64) -> [Int] {
        (entries[hallID] ?? [:]).filter(\.value.isIn).map(\.key).sorted()
    }

    /// Whether somebody has not been in a hall for longer than the promise allows, at a moment and until now.
    func wasOut(_ person: Int, _ hallID: Int64, at moment: Int64) -> Bool {
        guard let entry = entries[hallID]?[person] else { return true }
        return !entry.isIn && moment > entry.since + Self.grace
    }

    /// The same, for what is read late: counts only while nothing was stopped since the membership ended.
    func wasOutUndisturbed(_ person: Int, _ hallID: Int64, at moment: Int64) -> Bool {
        guard let entry = entries[hallID]?[person] else { return true }
        return wasOut(person, hallID, at: moment) && disturbed < entry.since
    }

    /// Whether somebody has been in a hall long enough that nobody may refuse it.
    func wasIn(_ person: Int, _ hallID: Int64, at moment: Int64) -> Bool {
        guard let entry = entries[hallID]?[person] else { return false }
        return entry.isIn && moment > entry.since + Self.grace
    }
}
