// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON

/// One event on its way through a route.
struct EventCall {
    let argument: JSONValue?
    let client: ChatClient
    let reply: Reply
}

/// A line of the table of events that clients may send: its name, as what it counts, what limits it, and what answers it.
struct EventRoute: Sendable {
    typealias Responder = @Sendable (ChatApplication, EventCall) throws -> Void

    let name: String
    let counter: LoopTally.Counter
    /// What limits it beside the limit of all events.
    let limit: PersonLimit?
    let respond: Responder

    /// - Parameters:
    ///   - read: makes of the event's argument what is wished. What is malformed takes nothing from the limit.
    ///   - answer: does it.
    init<Wish>(
        _ name: String, counts counter: LoopTally.Counter, limit: PersonLimit? = nil,
        reading read: @escaping @Sendable (ChatApplication, EventCall) throws -> Wish,
        then answer: @escaping @Sendable (ChatApplication, Wish, EventCall) -> Void
    ) {
        self.name = name
        self.counter = counter
        self.limit = limit
        respond = { application, call in
            application.tally.count(counter)
            let wish = try read(application, call)
            if let limit, let seconds = call.client.person.take(limit, now: application.now) {
                application.tally.count(limit.counter)
                throw ChatError(.rateLimited, retryAfter: seconds)
            }
            answer(application, wish, call)
        }
    }

    /// The route of an event. Its name is compared byte by byte, not as `==` does.
    static func named(_ name: String, in routes: [EventRoute]) -> EventRoute? {
        for route in routes where route.name.isExactly(name) { return route }
        return nil
    }
}

extension PersonLimit {
    /// As what it counts that somebody ran into it.
    var counter: LoopTally.Counter {
        switch self {
        case .sends: .sendsLimited
        case .joins: .joinsLimited
        case .marks: .marksLimited
        }
    }
}
