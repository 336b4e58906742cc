// SPDX-License-Identifier: Apache-2.0

import ChatModels
import SocketIOServer

/// Who asked for something: where it is known a person, else an address.
enum Asker: Hashable, Sendable {
    case person(Int64)
    case address(String)
}

/// What waits, in its order: taking the first costs no more however long it is.
struct Line<Element> {
    private var elements: [Element] = []
    private var first = 0

    var isEmpty: Bool { first == elements.count }
    var count: Int { elements.count - first }

    mutating func append(_ element: Element) {
        if first > 64, first > elements.count / 2 {
            elements.removeFirst(first)
            first = 0
        }
        elements.append(element)
    }

    mutating func popFirst() -> Element? {
        guard first < elements.count else { return nil }
        defer {
            first += 1
            if first == elements.count { (elements, first) = ([], 0) }
        }
        return elements[first]
    }
}

/// What waits, by who asked for it: they take turns, so that nobody waits behind all that another has asked for.
struct FairQueue<Element> {
    /// How much may wait of one who asks.
    private let countMax: Int
    private var lines: [Asker: Line<Element>] = [:]
    private var turns = Line<Asker>()

    init(countMax: Int = .max) {
        self.countMax = countMax
    }

    var isEmpty: Bool { turns.isEmpty }

    /// - Returns: whether it was taken; not, if too much waits of the same.
    mutating func append(_ element: Element, for asker: Asker) -> Bool {
        let count = lines[asker]?.count ?? 0
        guard count < countMax else { return false }
        if count == 0 { turns.append(asker) }
        lines[asker, default: Line()].append(element)
        return true
    }

    /// The next of whose turn it is.
    mutating func next() -> Element? {
        guard let asker = turns.popFirst(), let element = lines[asker]?.popFirst() else {
            return nil
        }
        if lines[asker]?.isEmpty == true {
            lines[asker] = nil
        } else {
            turns.append(asker)
        }
        return element
    }
}

/// Reads that wait on the store's thread.
struct WaitingReads {
    /// How many may wait of one person.
    static let perPersonMax = 1_000

    /// Who somebody is: that goes before what those ask for who are in.
    var signIns = FairQueue<StoreQueue.Entry>()
    var others = FairQueue<StoreQueue.Entry>(countMax: perPersonMax)

    var isEmpty: Bool { signIns.isEmpty && others.isEmpty }

    /// - Returns: whether it was taken; not, if too much waits of the same person.
    mutating func append(_ entry: StoreQueue.Entry) -> Bool {
        switch entry.job {
        case .write, .mark: true
        case .authenticate(_, _, let address): signIns.append(entry, for: .address(address))
        case .openHall(_, let reader), .readChanges(_, _, _, let reader):
            others.append(entry, for: .person(reader.userID))
        }
    }
}

/// What event loops have handed over and the store's thread has not yet taken.
struct StoreQueue {
    /// A job and the loop that hears what became of it.
    typealias Entry = (loop: Int, job: StoreJob)

    /// The most reads that may wait: of a crowd that comes back at once, each has a few.
    private static let readsWaitingMax = 200_000

    private var outbox = Outbox()
    private var reads: [Entry] = []
    /// Also those that the store's thread has taken and not yet done.
    private(set) var readsWaiting = 0
    var isFinishing = false

    var sendsWaiting: Int { outbox.count }

    /// Takes a job, unless too many wait.
    mutating func take(_ job: StoreJob, from loop: Int, sendsWaitingMax: Int) -> Bool {
        guard !isFinishing else { return false }
        switch job {
        case .write(let command, let reply):
            guard outbox.count < sendsWaitingMax else { return false }
            outbox.append(command, reply, from: loop)
        case .mark(let mark, let reply):
            guard outbox.count < sendsWaitingMax else { return false }
            outbox.append(mark, reply, from: loop)
        case .authenticate, .openHall, .readChanges:
            guard readsWaiting < Self.readsWaitingMax else { return false }
            readsWaiting += 1
            reads.append((loop, job))
        }
        return true
    }

    /// Gives all reads, and the messages if the outbox is empty.
    mutating func give(_ outbox: inout Outbox) -> [Entry] {
        if outbox.isEmpty { swap(&outbox, &self.outbox) }
        defer { reads = [] }
        return reads
    }

    /// So many reads were done.
    mutating func done(_ count: Int) { readsWaiting -= count }
}
