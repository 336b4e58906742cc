// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// Something that a client wants: to say something, or that something that was said becomes another.
enum Errand: Equatable, CustomStringConvertible {
    case say(Int)
    case amend(Int)

    var description: String {
        switch self {
        case .say(let send): "m\(send)"
        case .amend(let amendment): "change a\(amendment)"
        }
    }
}

/// What a client has to say: one thing after the other, each until it is acknowledged, refused or given up.
struct Speech {
    var current: Errand?
    /// Whether an answer is waited for.
    var isAsked = false
    var handedOver: Int64 = 0
    var nextAt: Int64 = 0
    /// What is to be changed once more, at once.
    var again: Int?
    /// When a request is given up.
    var deadline: Int64 = 0
}

extension Client {
    private static let patience: Int64 = 4_000

    func speak(_ now: Int64) {
        if usesREST, speech.isAsked, now >= speech.deadline { return posts.abandon() }
        guard !speech.isAsked, now >= speech.nextAt, usesREST || phase == .online else { return }
        if speech.current == nil {
            guard world.isSpeaking, let errand = nextErrand(now) else { return }
            speech.current = errand
        }
        guard let errand = speech.current else { return }
        speech.isAsked = true
        speech.handedOver = now
        speech.deadline = now + Self.patience
        switch errand {
        case .say(let send):
            world.history.tried(send)
            handOver(errand, world.history.sends[send])
        case .amend(let number):
            world.history.tried(amendment: number)
            let amendment = world.history.amendments[number]
            handOver(errand, amendment, world.history.sends[amendment.send])
        }
    }

    private func nextErrand(_ now: Int64) -> Errand? {
        if let send = speech.again {
            speech.again = nil
            return .amend(amendment(of: send, isEdit: !random.isTrue(oneIn: 4), now))
        }
        if world.changePercent > 0, random.int(1...100) <= world.changePercent,
            let amendment = nextAmendment(now)
        {
            return .amend(amendment)
        }
        guard let hallID = world.hallToSpeakIn(self) else { return nil }
        let text = Prose.text(&random)
        return .say(world.history.begin(by: person, hallID: hallID, text: text, now: now))
    }

    private func handOver(_ errand: Errand, _ message: Send) {
        let content = JSONValue.string(message.content)
        let key = JSONValue.string(message.key)
        guard usesREST else {
            return ask(
                "send_message",
                ["hall_id": .integer(message.hallID), "content": content, "client_key": key],
                .errand(errand), within: Self.patience)
        }
        let body: JSONValue = ["content": content, "client_key": key]
        request("POST", "/chat/messages/\(message.hallID)", body.bytes, errand)
    }

    private func handOver(_ errand: Errand, _ amendment: Amendment, _ message: Send) {
        guard let id = message.id else { return finish(errand) }
        let path = "/chat/messages/\(message.hallID)/\(id)"
        switch (amendment.deed, usesREST) {
        case (.edit(let content), true):
            let body: JSONValue = ["content": .string(content)]
            request("PATCH", path, body.bytes, errand)
        case (.deletion, true): request("DELETE", path, [], errand)
        case (.edit(let content), false):
            ask(
                "edit_message",
                [
                    "hall_id": .integer(message.hallID), "id": .integer(id),
                    "content": .string(content),
                ], .errand(errand), within: Self.patience)
        case (.deletion, false):
            ask(
                "delete_message", ["hall_id": .integer(message.hallID), "id": .integer(id)],
                .errand(errand), within: Self.patience)
        }
    }

    private func request(_ method: String, _ path: String, _ body: [UInt8], _ errand: Errand) {
        posts.request(method, path, body: body) { [weak self] answer in
            guard let self, let answer else { return self?.unanswered(errand) ?? () }
            if answer.status == 200 || answer.status == 201 {
                self.acknowledged(errand, answer.json?["message"])
            } else {
                self.refused(errand, answer.json?["code"]?.string ?? "HTTP \(answer.status)")
            }
        }
    }

    /// The answer of an event.
    func answered(_ errand: Errand, _ answer: JSONValue) {
        if answer["ok"]?.bool == true {
            acknowledged(errand, answer["message"])
        } else {
            refused(errand, answer["error"]?["code"]?.string ?? "?")
        }
    }

    private func acknowledged(_ errand: Errand, _ message: JSONValue?) {
        let receipt: Receipt?
        switch errand {
        case .say(let send):
            receipt = world.history.acknowledge(send, with: message, now: world.now)
            said.append(send)
        case .amend(let amendment):
            receipt = world.history.acknowledge(
                amendment: amendment, with: message, now: world.now)
            checkPermission(of: amendment)
            speech.again = changesAgain(after: amendment)
        }
        if let receipt {
            checkName(
                receipt.username, of: receipt.sender, "is answered with", asked: speech.handedOver)
        }
        finish(errand)
    }

    private func refused(_ errand: Errand, _ code: String) {
        switch code {
        case "busy", "internal", "rate_limited":
            world.history.count("put off: \(code)")
            return tryAgain(errand, in: random.milliseconds(100...700))
        default: break
        }
        switch errand {
        case .say(let send):
            world.history.count("send refused: \(code)")
            checkRefusal(code, in: world.history.sends[send].hallID, isExpected: false, errand)
        case .amend(let amendment): refused(amendment, code)
        }
        finish(errand)
    }

    /// Who is a member is not told that it is none, and nobody is told what is not so.
    func checkRefusal(_ code: String, in hallID: Int64, isExpected: Bool, _ errand: Errand) {
        if code == "not_found" || code == "not_a_member" {
            guard world.membership.wasIn(person, hallID, at: speech.handedOver) else { return }
            world.history.breach(
                .refused, "\(name), a member, may not speak in \(hallID): \(errand)")
        } else if !isExpected {
            world.history.breach(.refused, "\(errand) was refused with \(code)")
        }
    }

    /// Perhaps it is there, perhaps not: most say it again under the same key, some never.
    func unanswered(_ errand: Errand) {
        guard speech.current == errand else { return }
        if case .amend(let amendment) = errand { world.history.doubt(amendment: amendment) }
        if random.isTrue(oneIn: 10) {
            world.history.count("given up")
            finish(errand)
        } else {
            tryAgain(errand, in: random.milliseconds(0...300))
        }
    }

    private func tryAgain(_ errand: Errand, in pause: Int64) {
        guard speech.current == errand else { return }
        speech.isAsked = false
        speech.nextAt = world.now + pause
    }

    private func finish(_ errand: Errand) {
        guard speech.current == errand else { return }
        if case .amend(let amendment) = errand { world.history.end(amendment: amendment) }
        speech.current = nil
        speech.isAsked = false
        let think = world.thinkTime
        speech.nextAt =
            world.now + (speech.again == nil ? random.milliseconds(think / 2...think * 3 / 2) : 0)
    }
}

/// Texts that are easily damaged: quotes, controls, characters of one to four bytes; now and then a lot of them.
enum Prose {
    private static let pieces = [
        "and so on", "\"quoted\"", "back\\slash", "line\nbreak", "tab\t", "ñandú", "日本語", "🦜🏛️",
        "e\u{301}", "\u{2028}", "</script>", "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}",
        "\u{7F}", "\u{1}", "\u{1E}", "null", "0", "''", "%00", "\\u0000", "\u{FFFD}", "\u{202E}",
    ]

    static func text(_ random: inout Randomness) -> String {
        let count = random.isTrue(oneIn: 60) ? random.int(100...260) : random.int(1...12)
        return (0..<count).map { _ in random.pick(pieces) }.joined(separator: " ")
    }
}
