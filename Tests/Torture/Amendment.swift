// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// What a client wanted to become of a message, and what became of that.
struct Amendment {
    enum Deed: Equatable {
        case edit(content: String)
        case deletion
    }

    /// Which message, as an index into the sends.
    var send: Int
    /// Who, as an index into the people.
    var actor: Int
    var deed: Deed
    /// When it was first handed over.
    var began: Int64
    var tries = 0
    var isAcknowledged = false
    /// Whether it was refused, and no attempt of it went without an answer.
    var isRefused = false
    /// Whether an attempt had no answer: it may have been done, or be done later.
    var isInDoubt = false
    /// The hall's number of an edit, as far as anybody has seen it.
    var change: Int64?

    var isEdit: Bool { deed != .deletion }
    var noun: String { isEdit ? "edits" : "deletions" }
}

/// When somebody first saw a message in a state that is not as it was said.
struct Sighting {
    /// The hall's number of the state.
    var change: Int64
    var isDeletion: Bool
    var at: Int64
}

/// What a number of a hall's changes stands for: the same for everybody.
struct ChangedState: Equatable {
    var send: Int
    /// Which edit; `nil` of a deletion.
    var edit: Int?
    /// When it was edited, or who deleted it.
    var mark: String
}

/// A `message_changed`, recognized.
struct News {
    var receipt: Receipt
    var change: Int64
    var after: Int64
}

extension History {
    /// A client wants to change something that was said.
    func begin(_ deed: Amendment.Deed, of send: Int, by actor: Int, now: Int64) -> Int {
        amendments.append(Amendment(send: send, actor: actor, deed: deed, began: now))
        sends[send].underWay += 1
        if deed == .deletion { sends[send].deletions.append(amendments.count - 1) }
        return amendments.count - 1
    }

    /// The text of the next edit of a send.
    func edited(_ send: Int, text: String) -> Amendment.Deed {
        .edit(content: "m\(send)e\(amendments.count) \(text)")
    }

    func tried(amendment: Int) {
        amendments[amendment].tries += 1
        let noun = amendments[amendment].noun
        count(amendments[amendment].tries == 1 ? noun : "\(noun) again")
    }

    /// The server says that it is done.
    ///
    /// - Returns: the message, if it is the one.
    func acknowledge(
        amendment number: Int, with message: JSONValue?, now: Int64
    ) -> Receipt? {
        let amendment = amendments[number]
        guard let message, let receipt = recognize(message, now: now) else {
            breach(.forged, "the answer to change a\(number) holds no message of ours")
            return nil
        }
        let isDone = amendment.isEdit ? receipt.edit == number : receipt.isDeleted
        guard receipt.send == amendment.send, isDone else {
            breach(.forged, "change a\(number) was answered with another: \(message)")
            return nil
        }
        if receipt.hasKey, sends[receipt.send].sender != amendment.actor {
            breach(.forged, "the answer to change a\(number) has another's client key")
        }
        if !amendment.isAcknowledged { count("\(amendment.noun) acknowledged") }
        amendments[number].isAcknowledged = true
        return receipt
    }

    /// The server says that it is not done.
    func refuse(amendment number: Int) {
        count("\(amendments[number].noun) refused")
        guard !amendments[number].isInDoubt else { return }
        amendments[number].isRefused = true
        if amendments[number].change != nil {
            breach(.forged, "edit a\(number) was refused, and was done")
        }
    }

    func doubt(amendment: Int) { amendments[amendment].isInDoubt = true }

    /// Nothing more will be done for it.
    func end(amendment: Int) { sends[amendments[amendment].send].underWay -= 1 }

    // MARK: States

    /// The newest state of a message that somebody had seen before a moment.
    func newest(of send: Int, before moment: Int64) -> Sighting? {
        sends[send].sightings.last { $0.at < moment }
    }

    /// When what a receipt shows was wanted first.
    func began(_ receipt: Receipt) -> Int64 {
        if let edit = receipt.edit { return amendments[edit].began }
        let deletions = sends[receipt.send].deletions.map { amendments[$0].began }
        return receipt.isDeleted ? deletions.min() ?? 0 : sends[receipt.send].began
    }

    /// A `message_changed` that many get with the same bytes.
    func recognize(news event: ArraySlice<UInt8>, now: Int64) -> News? {
        if let news = recognizedNews[event] { return news }
        guard let value = try? JSONValue(parsing: event), let argument = value.array?.last,
            let change = argument["change"]?.integer, let after = argument["after"]?.integer,
            let message = argument["message"], let receipt = recognize(message, now: now)
        else {
            let text = String(decoding: event.prefix(200), as: UTF8.self)
            breach(.forged, "an event that is no change: \(text)")
            return nil
        }
        if after >= change || receipt.change < change {
            breach(.forged, "change \(change) after \(after) shows one of \(receipt.change)")
        }
        if recognizedNews.count > 8_192 { recognizedNews = [:] }
        let news = News(receipt: receipt, change: change, after: after)
        recognizedNews[ArraySlice(Array(event))] = news
        return news
    }

    /// A state that is not as it was said: everybody has to see the same one under the same number, each edit once, and
    /// nothing after a deletion.
    func note(_ state: ChangedState, at change: Int64, of hallID: Int64, now: Int64) {
        let name = "m\(state.send) of hall \(hallID)"
        if let seen = states[hallID, default: [:]].updateValue(state, forKey: change) {
            guard seen != state else { return }
            return breach(.disordered, "change \(change) of \(name) is \(state) and \(seen)")
        }
        if let edit = state.edit {
            if let other = amendments[edit].change {
                breach(.doubled, "edit a\(edit) of \(name) is change \(other) and \(change)")
            }
            amendments[edit].change = change
            if amendments[edit].isRefused {
                breach(.forged, "edit a\(edit) of \(name) was refused, and was done")
            }
            if amendments[edit].actor != sends[state.send].sender {
                breach(.allowed, "edit a\(edit) of \(name) is by another than its sender")
            }
        }
        let sighting = Sighting(change: change, isDeletion: state.edit == nil, at: now)
        sends[state.send].sightings.append(sighting)
        sends[state.send].sightings.sort { $0.change < $1.change }
        if sends[state.send].sightings.dropLast().contains(where: \.isDeletion) {
            breach(.disordered, "\(name) was changed after it was deleted, by \(change)")
        }
    }

    /// Whether anybody ever wanted a message to be deleted.
    func mayBeDeleted(_ send: Int) -> Bool { !sends[send].deletions.isEmpty }

    /// What a hall's changes up to the last were seen to be.
    func states(of hallID: Int64, after known: Int64, upTo change: Int64) -> [Int64: Int] {
        (states[hallID] ?? [:]).filter { known < $0.key && $0.key <= change }.mapValues(\.send)
    }
}
