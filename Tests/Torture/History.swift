// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// A message that a client wanted to say, and what became of it.
struct Send {
    /// Who, as an index into the people.
    var sender: Int
    var hallID: Int64
    var content: String
    var key: String
    /// When it was first handed over.
    var began: Int64
    var tries = 0
    /// Whether the server said that it is there.
    var isAcknowledged = false
    /// What it is, as far as anybody has seen it.
    var id: Int64?
    var rev: Int64?
    /// The states in which it was seen, by their numbers.
    var sightings: [Sighting] = []
    /// Who wants it to be deleted, as indices into the amendments; and how many wait for an answer to some change of it.
    var deletions: [Int] = []
    var underWay = 0
    /// Whether nobody is to change it any more.
    var isLeftAlone = false
}

/// A message as it came, recognized as one that was sent.
struct Receipt {
    var id: Int64
    var rev: Int64
    var hallID: Int64
    /// The index of its ``Send``.
    var send: Int
    /// Who said it, as an index into the people, and what the sender was called.
    var sender: Int
    var username: String
    /// Whether it carries its sender's key.
    var hasKey: Bool
    /// The hall's number of the state that it shows; 0 as it was said.
    var change: Int64 = 0
    /// Which edit it shows, and whether it was deleted.
    var edit: Int?
    var isDeleted = false
}

/// What must not happen.
enum Breach: String, CaseIterable {
    case lost, doubled, disordered, hole, forged, member, refused, away, crash, database
    /// An older text than one that somebody had seen before; a text that was deleted; what nobody may do.
    case stale, undead, allowed
    /// An old username; a change of a person that was not told.
    case misnamed, unheard
}

/// Everything that was said, heard and seen to be wrong.
final class History {
    var sends: [Send] = []
    /// What was to become of them.
    var amendments: [Amendment] = []
    /// What each change of a hall is, as the first who saw it said.
    var states: [Int64: [Int64: ChangedState]] = [:]
    /// Breaches by kind, and the first of them in words.
    private(set) var breaches: [Breach: Int] = [:]
    private(set) var findings: [String] = []
    private(set) var counts: [String: Int] = [:]
    /// The people by index.
    var people: [Person] = []
    private var peopleByID: [Int64: Int] = [:]
    /// What has become of people, until it was looked whether everybody has heard of it.
    var announcements: [Announcement] = []
    /// Which send stands at which position of a hall, as the first who saw it said.
    private var places: [Int64: [Int64: Int]] = [:]
    /// The same bytes come to many.
    private var recognized: [ArraySlice<UInt8>: Receipt] = [:]
    var recognizedNews: [ArraySlice<UInt8>: News] = [:]
    private var sendsByID: [Int64: Int] = [:]
    private let mark: String
    private let began = milliseconds()
    var onBreach: (String) -> Void = { _ in }

    /// - Parameter mark: makes the keys of this run its own.
    init(mark: String) {
        self.mark = mark
    }

    func count(_ name: String, _ number: Int = 1) { counts[name, default: 0] += number }

    /// From here on it counts from zero; what was seen to be wrong stays.
    func forgetCounts() { counts = [:] }

    func breach(_ kind: Breach, _ sentence: @autoclosure () -> String) {
        breaches[kind, default: 0] += 1
        guard findings.count < 40 else { return }
        let finding = "\(kind.rawValue) at \(milliseconds() - began) ms: \(sentence())"
        findings.append(finding)
        onBreach(finding)
    }

    func add(_ person: Person) {
        peopleByID[person.id] = people.count
        people.append(person)
    }

    /// Who has an id, as an index.
    func person(_ id: Int64) -> Int? { peopleByID[id] }

    // MARK: Sending

    func begin(by sender: Int, hallID: Int64, text: String, now: Int64) -> Int {
        let index = sends.count
        sends.append(
            Send(
                sender: sender, hallID: hallID, content: "m\(index) \(text)",
                key: "\(mark)-\(index)", began: now))
        return index
    }

    func tried(_ send: Int) {
        sends[send].tries += 1
        count(sends[send].tries == 1 ? "sends" : "retries")
    }

    /// The server says that a send is there.
    ///
    /// - Returns: the message, if it is the one.
    func acknowledge(_ send: Int, with message: JSONValue?, now: Int64) -> Receipt? {
        guard let message, let receipt = recognize(message, now: now) else {
            breach(.forged, "the acknowledgement of m\(send) holds no message of ours")
            return nil
        }
        guard receipt.send == send else {
            breach(.forged, "m\(send) was acknowledged with m\(receipt.send)")
            return nil
        }
        if !receipt.hasKey { breach(.forged, "the acknowledgement of m\(send) has no client key") }
        if !sends[send].isAcknowledged { count("acknowledged") }
        sends[send].isAcknowledged = true
        return receipt
    }

    // MARK: Recognizing

    /// A message that many get with the same bytes.
    func recognize(event: ArraySlice<UInt8>, now: Int64) -> Receipt? {
        if let receipt = recognized[event] { return receipt }
        guard let value = try? JSONValue(parsing: event), let elements = value.array,
            elements.count == 2, let receipt = recognize(elements[1], now: now)
        else {
            let text = String(decoding: event.prefix(200), as: UTF8.self)
            breach(.forged, "an event that is no message: \(text)")
            return nil
        }
        if recognized.count > 8_192 { recognized = [:] }
        recognized[ArraySlice(Array(event))] = receipt
        return receipt
    }

    /// Finds the send that a message is, and in which state, and holds it against that.
    func recognize(_ message: JSONValue, now: Int64) -> Receipt? {
        guard let id = message["id"]?.integer, let rev = message["rev"]?.integer,
            let hallID = message["hall_id"]?.integer, let senderID = message["sender_id"]?.integer,
            let content = message["content"]?.string, let username = message["username"]?.string
        else {
            breach(.forged, "a message without its members: \(message)")
            return nil
        }
        let key = message["client_key"]?.string
        guard let (number, edit) = meaning(of: content, id: id) else {
            breach(.forged, "message \(id) was never sent: \(content.prefix(60))")
            return nil
        }
        let send = sends[number]
        guard send.hallID == hallID, people[send.sender].id == senderID,
            people[send.sender].isCalled(username), key == nil || key == send.key,
            let state = state(of: message, send: number, edit: edit, content: content)
        else {
            breach(.forged, "m\(number) came back as another: message \(id) of hall \(hallID)")
            return nil
        }
        place(number, id: id, rev: rev)
        let change = message["change"]?.integer ?? 0
        if !state.mark.isEmpty { note(state, at: change, of: hallID, now: now) }
        return Receipt(
            id: id, rev: rev, hallID: hallID, send: number, sender: send.sender,
            username: username, hasKey: key != nil, change: change, edit: edit,
            isDeleted: content.isEmpty)
    }

    /// Which send a text is of, and which edit of that; without a text the id says it.
    private func meaning(of content: String, id: Int64) -> (send: Int, edit: Int?)? {
        guard !content.isEmpty else { return sendsByID[id].map { ($0, nil) } }
        let word = content.prefix { $0 != " " }
        let numbers = word.dropFirst().split(separator: "e", maxSplits: 1).map { Int($0) }
        guard word.first == "m", let send = numbers.first ?? nil, sends.indices.contains(send)
        else {
            return nil
        }
        guard numbers.count == 2 else { return (send, nil) }
        guard let edit = numbers[1], amendments.indices.contains(edit) else { return nil }
        return (send, edit)
    }

    /// The state that a message shows, with no mark where it is as it was said; `nil` if it is none that it may have.
    private func state(
        of message: JSONValue, send: Int, edit: Int?, content: String
    ) -> ChangedState? {
        let editedAt = message["edited_at"]?.string
        let deleted = message["deleted"]?.string
        let isChanged = (message["change"]?.integer ?? 0) > 0
        if content.isEmpty {
            guard isChanged, editedAt == nil, let deleted,
                ["sender", "moderator"].contains(deleted)
            else { return nil }
            return ChangedState(send: send, edit: nil, mark: deleted)
        }
        guard deleted == nil, isChanged == (edit != nil), isChanged == (editedAt != nil) else {
            return nil
        }
        var expected = sends[send].content
        if let edit {
            guard amendments[edit].send == send, case .edit(let text) = amendments[edit].deed else {
                return nil
            }
            expected = text
        }
        // Bytes, not characters: two spellings of the same character are not the same content.
        guard expected.utf8.elementsEqual(content.utf8) else { return nil }
        return ChangedState(send: send, edit: edit, mark: editedAt ?? "")
    }

    /// Everybody has to see the same message at the same place.
    private func place(_ number: Int, id: Int64, rev: Int64) {
        if let seenID = sends[number].id, let seenRev = sends[number].rev {
            guard seenID != id || seenRev != rev else { return }
            return breach(
                .doubled, "m\(number) is message \(seenID) at \(seenRev), and \(id) at \(rev)")
        }
        (sends[number].id, sends[number].rev) = (id, rev)
        sendsByID[id] = number
        let hallID = sends[number].hallID
        if let other = places[hallID, default: [:]].updateValue(number, forKey: rev) {
            breach(.disordered, "hall \(hallID) has m\(other) and m\(number) at \(rev)")
        }
    }
}
