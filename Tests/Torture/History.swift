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
}

/// A message as it came, recognized as one that was sent.
struct Receipt {
    var id: Int64
    var rev: Int64
    var hallID: Int64
    /// The index of its ``Send``.
    var send: Int
    /// Whether it carries its sender's key.
    var hasKey: Bool
}

/// What must not happen.
enum Breach: String, CaseIterable {
    case lost, doubled, disordered, hole, forged, member, refused, away, crash, database
}

/// Everything that was said, heard and seen to be wrong.
final class History {
    private(set) var sends: [Send] = []
    /// Breaches by kind, and the first of them in words.
    private(set) var breaches: [Breach: Int] = [:]
    private(set) var findings: [String] = []
    private(set) var counts: [String: Int] = [:]
    /// The people by index: id and name as the server has them.
    var people: [(id: Int64, name: String)] = []
    /// Which send stands at which position of a hall, as the first who saw it said.
    private var places: [Int64: [Int64: Int]] = [:]
    /// The same bytes come to many.
    private var recognized: [ArraySlice<UInt8>: Receipt] = [:]
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
    func acknowledge(_ send: Int, with message: JSONValue?) {
        guard let message, let receipt = recognize(message) else {
            return breach(.forged, "the acknowledgement of m\(send) holds no message of ours")
        }
        guard receipt.send == send else {
            return breach(.forged, "m\(send) was acknowledged with m\(receipt.send)")
        }
        if !receipt.hasKey { breach(.forged, "the acknowledgement of m\(send) has no client key") }
        if !sends[send].isAcknowledged { count("acknowledged") }
        sends[send].isAcknowledged = true
    }

    // MARK: Recognizing

    /// A message that many get with the same bytes.
    func recognize(event: ArraySlice<UInt8>) -> Receipt? {
        if let receipt = recognized[event] { return receipt }
        guard let value = try? JSONValue(parsing: event), let elements = value.array,
            elements.count == 2, let receipt = recognize(elements[1])
        else {
            let text = String(decoding: event.prefix(200), as: UTF8.self)
            breach(.forged, "an event that is no message: \(text)")
            return nil
        }
        if recognized.count > 8_192 { recognized = [:] }
        recognized[ArraySlice(Array(event))] = receipt
        return receipt
    }

    /// Finds the send that a message is, and holds it against that.
    func recognize(_ message: JSONValue) -> Receipt? {
        guard let id = message["id"]?.integer, let rev = message["rev"]?.integer,
            let hallID = message["hall_id"]?.integer, let senderID = message["sender_id"]?.integer,
            let content = message["content"]?.string, let username = message["username"]?.string
        else {
            breach(.forged, "a message without its members: \(message)")
            return nil
        }
        let key = message["client_key"]?.string
        return recognize(
            id: id, rev: rev, hallID: hallID, senderID: senderID, username: username,
            content: content, key: key)
    }

    func recognize(
        id: Int64, rev: Int64, hallID: Int64, senderID: Int64, username: String, content: String,
        key: String?
    ) -> Receipt? {
        guard content.first == "m", let number = Int(content.dropFirst().prefix { $0 != " " }),
            sends.indices.contains(number)
        else {
            breach(.forged, "message \(id) was never sent: \(content.prefix(60))")
            return nil
        }
        let send = sends[number]
        // Bytes, not characters: two spellings of the same character are not the same content.
        guard send.content.utf8.elementsEqual(content.utf8), send.hallID == hallID,
            people[send.sender].id == senderID, people[send.sender].name == username,
            key == nil || key == send.key
        else {
            breach(.forged, "m\(number) came back as another: message \(id) of hall \(hallID)")
            return nil
        }
        place(number, id: id, rev: rev)
        return Receipt(id: id, rev: rev, hallID: hallID, send: number, hasKey: key != nil)
    }

    /// Everybody has to see the same message at the same place.
    private func place(_ number: Int, id: Int64, rev: Int64) {
        if let seenID = sends[number].id, let seenRev = sends[number].rev {
            guard seenID != id || seenRev != rev else { return }
            return breach(
                .doubled, "m\(number) is message \(seenID) at \(seenRev), and \(id) at \(rev)")
        }
        (sends[number].id, sends[number].rev) = (id, rev)
        let hallID = sends[number].hallID
        if let other = places[hallID, default: [:]].updateValue(number, forKey: rev) {
            breach(.disordered, "hall \(hallID) has m\(other) and m\(number) at \(rev)")
        }
    }
}
