// SPDX-License-Identifier: Apache-2.0

import ChatModels

/// What a client wants to become of messages: its own, and others'.
extension Client {
    /// Something that it may do, mostly; now and then something that nobody lets it do.
    func nextAmendment(_ now: Int64) -> Int? {
        let kind = random.int(1...20)
        let send = kind <= 14 ? ownMessage() : othersMessage(asModerator: kind <= 18)
        guard let send, !world.history.sends[send].isLeftAlone else { return nil }
        return amendment(of: send, isEdit: kind <= 10 || kind == 19, now)
    }

    func amendment(of send: Int, isEdit: Bool, _ now: Int64) -> Int {
        let deed =
            isEdit ? world.history.edited(send, text: Prose.text(&random)) : Amendment.Deed.deletion
        return world.history.begin(deed, of: send, by: person, now: now)
    }

    /// An edit is often followed by the next one at once: several go out together.
    func changesAgain(after number: Int) -> Int? {
        let amendment = world.history.amendments[number]
        let isLeftAlone = world.history.sends[amendment.send].isLeftAlone
        guard world.isSpeaking, amendment.isEdit, !isLeftAlone else { return nil }
        return random.isTrue(oneIn: 2) ? amendment.send : nil
    }

    /// One of its last ones, in a hall in which it is.
    private func ownMessage() -> Int? {
        let last = said.suffix(8).filter {
            world.membership.isIn(person, world.history.sends[$0].hallID)
        }
        return last.isEmpty ? nil : random.pick(last)
    }

    /// One of the last that it has heard of somebody else.
    private func othersMessage(asModerator: Bool) -> Int? {
        let mine = halls.values.filter { hall in
            let role = Membership.role(of: person, in: hall.id)
            return world.membership.isIn(person, hall.id) && hall.have > 0
                && (!asModerator || role != .member)
        }
        guard !mine.isEmpty else { return nil }
        let hall = random.pick(mine.sorted { $0.id < $1.id })
        let send = hall.send(at: hall.have - random.milliseconds(0...9))
        return send.flatMap { world.history.sends[$0].sender == person ? nil : $0 }
    }

    /// Whether it may do something; `nil` where that is not certain, because memberships have just changed.
    private func isAllowed(_ number: Int) -> Bool? {
        let amendment = world.history.amendments[number]
        let send = world.history.sends[amendment.send]
        if send.sender == person { return true }
        let role = Membership.role(of: person, in: send.hallID)
        if amendment.isEdit || role == .member { return false }
        let other = world.membership.role(of: send.sender, in: send.hallID, at: speech.handedOver)
        return other.map { role.isAbove($0) }
    }

    /// It was told that something is done: that must be something that it may do.
    func checkPermission(of amendment: Int) {
        guard isAllowed(amendment) == false else { return }
        world.history.breach(.allowed, "\(name) was let do change a\(amendment)")
    }

    /// It was told that something is not done: that must be something that it may not do, or that cannot be done.
    func refused(_ number: Int, _ code: String) {
        let amendment = world.history.amendments[number]
        let isExpected =
            switch code {
            case "message_gone":
                amendment.isEdit && world.history.mayBeDeleted(amendment.send)
            case "not_allowed": isAllowed(number) != true
            default: false
            }
        let hallID = world.history.sends[amendment.send].hallID
        checkRefusal(code, in: hallID, isExpected: isExpected, .amend(number))
        world.history.count("refused with \(code)")
        world.history.refuse(amendment: number)
    }
}
