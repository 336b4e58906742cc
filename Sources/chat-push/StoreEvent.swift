// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON
import SocketIOServer

/// What the store is asked for by an event loop.
enum StoreJob: Sendable {
    /// Say something, or change what was said.
    case write(MessageCommand, Reply)
    /// Set a mark of how far somebody has read.
    case mark(ReadMark, Reply)
    /// Find out who a client is.
    case authenticate(Credentials, Socket, address: String)
    /// Read a hall with its members.
    case openHall(Int64, for: Reader)
    /// Read what happened in a hall since a position, for somebody who joins.
    case readChanges(hallID: Int64, since: HallPosition, ticket: Int, for: Reader)

    /// Whether nobody is there any more who asked; what is to be written is written all the same.
    var isAbandoned: Bool {
        switch self {
        case .write, .mark: false
        case .authenticate(_, let socket, _): socket.isOver
        case .openHall(_, let reader), .readChanges(_, _, _, let reader): reader.socket.isOver
        }
    }
}

/// Who a read is for, in the first place.
struct Reader: Sendable {
    var userID: Int64
    var socket: Socket
}

/// What a loop hears from the store. All loops hear the log's entries in the log's order, and answers to jobs stand among
/// them where they belong: what an answer tells is exactly what the entries before it add up to.
///
/// Most are messages and what became of them; the others are large and boxed, so that those are small to hand over.
enum StoreEvent: Sendable {
    /// Somebody said something.
    case message(Delivery)
    /// What somebody said is another now.
    indirect case messageChanged(ChangeDelivery)
    /// Somebody has read further; on that socket, if it is known.
    indirect case read(ReadMark, by: Socket?)
    /// Another entry of the log.
    indirect case changed(LogEvent)
    /// A hall has another name or state; with those who see it in their list of halls.
    indirect case hallUpdated(HallSnapshot, HallChange)
    /// Something else is shown of a user.
    indirect case userUpdated(UserDelivery)
    /// The log was pruned before it was read: nothing that is remembered can be trusted.
    case torn
    /// What became of a message that was to be written.
    indirect case written(Result<Message, ChatError>, Reply)
    /// What became of a mark that was to be set.
    indirect case marked(Result<WrittenMark, ChatError>, Reply)
    /// A read that was not done: who asked has gone.
    indirect case abandoned(StoreJob)
    /// A read that was not done: too many wait of who asked.
    indirect case refused(StoreJob)
    /// Who a client is.
    indirect case authenticated(Result<Identity, ChatError>, Socket)
    /// A hall with its members; `nil` if there is none.
    indirect case hallOpened(Int64, Result<HallSnapshot?, ChatError>)
    /// What happened in a hall since a position.
    indirect case changesRead(hallID: Int64, Result<MessagesSince, ChatError>, ticket: Int)

    /// About how many bytes it holds.
    var weight: Int {
        switch self {
        case .message(let delivery): 256 + delivery.byteCount
        case .messageChanged(let update): 256 + update.message.byteCount
        case .changesRead(_, .success(let changes), _):
            [changes.messages, changes.changed ?? []].joined()
                .reduce(256) { $0 + 256 + $1.content.utf8.count }
        case .hallOpened(_, .success(let snapshot?)): 256 + 32 * snapshot.members.count
        case .hallUpdated(let snapshot, _): 256 + 32 * snapshot.members.count
        case .userUpdated(let update): 1_024 + 8 * update.hallIDs.count
        default: 256
        }
    }
}

/// A message, encoded once for everybody.
struct Delivery: Sendable {
    var hallID: Int64
    var messageID: Int64
    var rev: Int64
    /// The hall's change that made it what it is; 0 where it is as it was said.
    var change: Int64
    /// The whole `new_message` event.
    var event: EncodedPackets

    init(_ message: Message) {
        hallID = message.hallID
        messageID = message.id
        rev = message.rev
        change = message.change?.number ?? 0
        // Names and numbers, beside what was said.
        event = EncodedPackets(event: Self.name, capacity: message.content.utf8.count + 256) {
            message.write(to: &$0)
        }
    }

    /// How many bytes the event has.
    var byteCount: Int { event.frames.count }

    /// The message as JSON.
    var json: ArraySlice<UInt8> { event.frames[event.argument(ofEvent: Self.name)] }

    /// Appends the message as JSON.
    func write(to json: inout JSONWriter) {
        json.raw(event.frames, in: event.argument(ofEvent: Self.name))
    }

    private static let name: StaticString = "new_message"
}

/// A message that was changed, as it is now.
struct ChangeDelivery: Sendable {
    var message: Delivery
    /// The hall's change that is told, which the message may be ahead of.
    var change: Int64
}

/// What is shown of a user, encoded once for everybody, and the halls in which others see it.
struct UserDelivery: Sendable {
    var userID: Int64
    var hallIDs: [Int64]
    /// Whether messages say something else of the user than they did.
    var isRenamed: Bool
    /// The whole `user_changed` event; `nil` where it was told already.
    var event: EncodedPackets?

    init(_ snapshot: UserSnapshot, isRenamed: Bool, isNew: Bool) {
        userID = snapshot.user.id
        hallIDs = snapshot.hallIDs
        self.isRenamed = isRenamed
        guard isNew else { return }
        event = EncodedPackets(event: "user_changed", capacity: 1_024) { json in
            json.raw("{\"user\":")
            snapshot.user.write(to: &json)
            json.raw("}")
        }
    }
}

/// What a client showed when it came.
final class Credentials: Sendable {
    // Each connection keeps this, and nearly all have one: a list of one would be memory more.
    private let token: String?
    private let otherTokens: [String]
    /// The user whom the proxy named.
    let remoteUser: String?

    init(tokens: [String] = [], remoteUser: String? = nil) {
        token = tokens.first
        otherTokens = Array(tokens.dropFirst())
        self.remoteUser = remoteUser
    }

    /// What may be the session's token, in the order in which it is tried.
    var tokens: [String] { (token.map { [$0] } ?? []) + otherTokens }
}

/// Who a client is.
struct Identity: Sendable {
    /// The user by number: a name could be another by the time that it is used.
    var userID: Int64
    /// The session; none where the site has its own login.
    var session: LoginSession?
}
