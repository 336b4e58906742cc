// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// What a client has to say: one thing after the other, each until it is acknowledged, refused or given up.
struct Speech {
    var current: Int?
    /// Whether an answer is waited for.
    var isAsked = false
    var handedOver: Int64 = 0
    var nextAt: Int64 = 0
    /// When a POST is given up.
    var deadline: Int64 = 0
}

extension Client {
    private static let patience: Int64 = 4_000

    func speak(_ now: Int64) {
        if usesREST, speech.isAsked, now >= speech.deadline { return posts.abandon() }
        guard !speech.isAsked, now >= speech.nextAt, usesREST || phase == .online else { return }
        if speech.current == nil {
            guard world.isSpeaking, let hallID = world.hallToSpeakIn(self) else { return }
            let text = Prose.text(&random)
            speech.current = world.history.begin(by: person, hallID: hallID, text: text, now: now)
        }
        guard let send = speech.current else { return }
        speech.isAsked = true
        speech.handedOver = now
        speech.deadline = now + Self.patience
        world.history.tried(send)
        handOver(send, world.history.sends[send])
    }

    private func handOver(_ send: Int, _ message: Send) {
        let content = JSONValue.string(message.content)
        let key = JSONValue.string(message.key)
        guard usesREST else {
            return ask(
                "send_message",
                ["hall_id": .integer(message.hallID), "content": content, "client_key": key],
                .send(send), within: Self.patience)
        }
        let body: JSONValue = ["content": content, "client_key": key]
        posts.request("POST", "/chat/messages/\(message.hallID)", body: body.bytes) {
            [weak self] answer in
            guard let self, let answer else { return self?.unanswered(send) ?? () }
            if answer.status == 200 || answer.status == 201 {
                self.acknowledged(send, answer.json?["message"])
            } else {
                self.refused(send, answer.json?["code"]?.string ?? "HTTP \(answer.status)")
            }
        }
    }

    /// The answer of `send_message`.
    func answered(_ send: Int, _ answer: JSONValue) {
        if answer["ok"]?.bool == true {
            acknowledged(send, answer["message"])
        } else {
            refused(send, answer["error"]?["code"]?.string ?? "?")
        }
    }

    private func acknowledged(_ send: Int, _ message: JSONValue?) {
        world.history.acknowledge(send, with: message)
        finish(send)
    }

    private func refused(_ send: Int, _ code: String) {
        world.history.count("send refused: \(code)")
        switch code {
        case "busy", "internal", "rate_limited": tryAgain(send, in: random.milliseconds(100...700))
        case "not_found", "not_a_member":
            let hallID = world.history.sends[send].hallID
            if world.membership.wasIn(person, hallID, at: speech.handedOver) {
                world.history.breach(.refused, "\(name), a member, may not speak in \(hallID)")
            }
            finish(send)
        default:
            world.history.breach(.refused, "m\(send) was refused with \(code)")
            finish(send)
        }
    }

    /// Perhaps it is there, perhaps not: most say it again under the same key, some never.
    func unanswered(_ send: Int) {
        guard speech.current == send else { return }
        if random.isTrue(oneIn: 10) {
            world.history.count("given up")
            finish(send)
        } else {
            tryAgain(send, in: random.milliseconds(0...300))
        }
    }

    private func tryAgain(_ send: Int, in pause: Int64) {
        guard speech.current == send else { return }
        speech.isAsked = false
        speech.nextAt = world.now + pause
    }

    private func finish(_ send: Int) {
        guard speech.current == send else { return }
        speech.current = nil
        speech.isAsked = false
        let think = world.thinkTime
        speech.nextAt = world.now + random.milliseconds(think / 2...think * 3 / 2)
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
