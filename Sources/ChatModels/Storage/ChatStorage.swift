// SPDX-License-Identifier: Apache-2.0

/// How the chat is kept: what an engine does for the daemons. Each method is one transaction, sees one state, and keeps the
/// invariants of ARCHITECTURE.md; each that writes appends to the log what it did. A value is used by one thread at a time,
/// and blocks it; any number of them, in any number of processes, use the same chat at once.
///
/// What a person did wrong is thrown as ``ChatError``; an engine that cannot write at the moment (full, locked for too long)
/// throws ``ChatError/Code/busy``. ``ChatDatabase`` is the engine on SQLite. What each method means stands here, once.
public protocol ChatStorage: MessageStorage, HallStorage, PersonStorage, SessionStorage, LogStorage
{
    /// The bounds of what is kept.
    var limits: Limits { get }
    /// How long a transaction waits for another one before it is `busy`.
    var lockPatience: Duration { get }
    /// Tells this chat from others on the same host: eight digits, made with the chat.
    var instance: String { get }

    /// Answers a request from one state, in one transaction.
    func reading<Value>(_ body: (any ChatReading) throws -> Value) throws -> Value

    /// Answers at all?
    func ping() throws

    /// Writes what changes nothing, which an engine that is full or locked does not let through.
    ///
    /// - Throws: ``ChatError/Code/busy``, after a tenth of a second where another has the lock.
    func tryWriting() throws

    /// Brings deleted texts out of what the engine keeps beside its tables.
    ///
    /// - Returns: whether it is done; not, while others are in the way.
    func purgeDeleted() throws -> Bool

    /// Gives back the memory that is kept for speed alone: when nobody has asked for anything for a while.
    func releaseMemory()

    /// Ends the connection.
    func close() throws
}

/// What is said.
public protocol MessageStorage: Sendable {
    /// Does several things with messages in one transaction, in their order. One that is refused does not harm the others; if
    /// the transaction itself fails, it throws, and nothing was done.
    ///
    /// Each may be refused with ``ChatError``: `message_empty`, `message_too_long`, `invalid_request`, `invalid_client_key`,
    /// `not_found`, `not_a_member`, `not_allowed`, `hall_archived`, `client_key_reused`, `message_gone`, `edit_time_over`;
    /// `internal` where the hall is not sound.
    func perform(_ commands: [MessageCommand]) throws -> [Result<WrittenMessage, ChatError>]

    /// The same, and behind it sets marks of how far members have read, in the same transaction; for who has other things
    /// to do while another has the lock.
    ///
    /// A mark only moves forward, and not beyond its hall's position. Who joins a hall has read it; who leaves is forgotten.
    /// What one says oneself is read with it, where all before it was. A mark may be refused with ``ChatError``:
    /// `not_found`, `not_a_member`, `not_allowed`.
    ///
    /// - Parameter milliseconds: how long it waits for the lock; `nil`: as long as ``ChatStorage/lockPatience``.
    /// - Returns: `nil` if nothing was done, because another has the lock and the time was given.
    func perform(
        _ commands: [MessageCommand], marks: [ReadMark], waitingAtMost milliseconds: Int32?
    ) throws -> WrittenBatch?

    /// The newest messages of a hall, or those before one, for a member.
    ///
    /// - Parameters:
    ///   - limit: how many; at least 1, at most ``Limits/pageSizeMax``; `nil`: ``Limits/pageSizeDefault``.
    ///   - before: the id of a message; only older ones are given.
    /// - Throws: ``ChatError``: `not_found`, `not_a_member`.
    func messages(
        of hallID: Int64, as userID: Int64, limit: Int?, before: Int64?
    ) throws -> MessagePage

    /// What happened in a hall since a position, whole or not at all, for a member.
    ///
    /// - Parameter limit: how many messages, and how many that were changed, make a whole answer at most; beyond it the
    ///   newest page is given, and ``MessagesSince/isComplete`` is false. `nil`: ``Limits/pageSizeMax``.
    /// - Throws: ``ChatError``: `not_found`, `not_a_member`.
    func messages(
        of hallID: Int64, as userID: Int64, since position: HallPosition, limit: Int?
    ) throws -> MessagesSince
}

/// Halls, and who is in them.
public protocol HallStorage: Sendable {
    /// The user's halls, by name.
    func halls(of userID: Int64) throws -> [Hall]
    /// The halls that the user may join, by name: open, not archived, and not the user's already, nor such that ban the user.
    func hallsOpen(to userID: Int64) throws -> [Hall]
    /// One hall, as a member sees it.
    ///
    /// - Throws: ``ChatError``: `not_found`, `not_a_member`.
    func hall(_ hallID: Int64, as userID: Int64) throws -> Hall
    /// Makes a hall; who made it owns it.
    ///
    /// - Throws: ``ChatError``: `invalid_hall_name`, `hall_name_taken`, `too_many_halls`.
    func createHall(named name: String, isPrivate: Bool, by userID: Int64) throws -> Hall
    /// Brings a user into an open hall; does nothing if the user is in it.
    ///
    /// - Throws: ``ChatError``: `not_found` (also for a private hall), `hall_archived`, `banned`, `too_many_halls`.
    func join(_ hallID: Int64, as userID: Int64) throws -> Hall
    /// Takes a user out of a hall. When the last owner leaves, the moderator who is longest in the hall becomes its owner;
    /// where there is none, whoever is longest in it.
    ///
    /// - Throws: ``ChatError``: `not_found`, `not_a_member`.
    func leave(_ hallID: Int64, as userID: Int64) throws
    /// Gives a member another role, as the table of ``MemberAct`` permits. Who makes another one the owner hands the hall over,
    /// and is a moderator from then on.
    ///
    /// - Throws: ``ChatError``: `not_found` (also for who is not in the hall), `not_a_member`, `not_allowed`.
    func setRole(
        _ role: Role, of userID: Int64, in hallID: Int64, by actorID: Int64
    ) throws -> Member
    /// Takes a user out of a hall: the operator anybody, a member whom the table of ``MemberAct`` permits. An owner is followed
    /// by another as in ``leave(_:as:)``.
    ///
    /// - Throws: ``ChatError``: `not_found` (also for who is not in the hall), `not_a_member`, `not_allowed`.
    func removeMember(_ userID: Int64, of hallID: Int64, by actor: Actor) throws
    /// Keeps a user out of a hall until that is lifted; who is in it is taken out as in ``removeMember(_:of:by:)``. The operator
    /// bans anybody; a member whom the table of ``MemberAct`` permits, of those who are or were in the hall: others are not seen
    /// there. Does nothing for who is banned already.
    ///
    /// - Throws: ``ChatError``: `not_found`, `not_a_member`, `not_allowed`.
    func ban(_ userID: Int64, from hallID: Int64, by actor: Actor) throws
    /// Lets a user come into a hall again who was banned from it.
    ///
    /// - Throws: ``ChatError``: `not_found` (also for who is not banned), `not_a_member`, `not_allowed`.
    func liftBan(of userID: Int64, from hallID: Int64, by actor: Actor) throws

    /// Says what a hall is about, in one line; an empty text says nothing.
    ///
    /// - Throws: ``ChatError``: `not_found`, `not_a_member`, `not_allowed`, `hall_archived`, `invalid_request`.
    func setTopic(_ topic: String, of hallID: Int64, by userID: Int64) throws -> Hall

    // What the operator does.

    /// A hall's members by id, all of them, whoever asks.
    ///
    /// - Throws: ``ChatError``: `not_found`.
    func everyMember(of hallID: Int64) throws -> [Member]
    /// Who is banned from a hall by id, all of them, whoever asks.
    ///
    /// - Throws: ``ChatError``: `not_found`.
    func everyBan(of hallID: Int64) throws -> [Ban]
    /// All halls by id, with the number of their members.
    func allHalls() throws -> [HallSummary]
    /// Makes a hall without a member.
    func createHall(named name: String, isPrivate: Bool) throws -> Hall
    /// Gives a hall another name.
    ///
    /// - Throws: ``ChatError``: `not_found`, `invalid_hall_name`, `hall_name_taken`.
    func renameHall(_ hallID: Int64, to name: String) throws
    /// Lets a hall only be read, from now on.
    ///
    /// - Throws: ``ChatError``: `not_found`.
    func archiveHall(_ hallID: Int64) throws
    /// Lets a hall that could only be read be written to again. Meanwhile an open hall may have got its name, or one that
    /// looks like it: then that one is renamed first.
    ///
    /// - Throws: ``ChatError``: `not_found`, `hall_name_taken`.
    func unarchiveHall(_ hallID: Int64) throws
    /// Takes a hall away, with all that was said in it. All its members leave it. Neither its id nor those of its messages
    /// are given again. While it runs nobody else writes.
    ///
    /// - Throws: ``ChatError``: `not_found`.
    func deleteHall(_ hallID: Int64) throws
    /// Brings a user into any hall, which lifts a ban, or changes the role of one who is in it.
    ///
    /// - Throws: ``ChatError``: `not_found`, `too_many_halls`; `not_allowed` where that would take the only owner from a hall.
    func setMember(_ userID: Int64, of hallID: Int64, as role: Role) throws
}

/// People, and how they show who they are.
public protocol PersonStorage: Sendable {
    /// Makes an account with a password. Its name must not look like another's; whom the site's own login names is not asked
    /// that, since the site has made sure who is who.
    ///
    /// - Throws: ``ChatError``: `invalid_username`, `invalid_password`, `username_taken`.
    func createUser(named username: String, password: String) throws -> User
    /// The user whom the site's own login means, made on first sight, with what the site says of the person. Nobody comes to
    /// an account by its name: where the username is taken, a number stands behind it.
    ///
    /// - Throws: ``ChatError``: `unauthenticated` for one whom the operator shut out, and, where the site says no handle, for
    ///   an id that differs from a known one only in case or width: that may be another person.
    func siteUser(_ person: SitePerson) throws -> User
    /// Takes over what the site says of a user: the username, as far as it is free, and what is shown.
    ///
    /// - Throws: ``ChatError``: `not_found`.
    func update(_ userID: Int64, as person: SitePerson) throws -> User
    /// Says that a user is whom the site knows by an id. Who was that so far is no longer.
    ///
    /// - Throws: ``ChatError``: `not_found`, `invalid_username`.
    func linkUser(_ userID: Int64, to externalID: String) throws
    /// Refuses a name with which nobody could make an account.
    ///
    /// - Throws: ``ChatError``: `invalid_username`, `username_taken`.
    func requireFree(_ username: String) throws
    /// The user to whom name and password belong. Takes as long for a name that does not exist.
    ///
    /// - Parameter address: where the attempt comes from. Failures are counted for it, and for the account from there;
    ///   logins that succeed are counted for both, too.
    /// - Throws: ``ChatError``: `wrong_credentials`, `rate_limited`; `busy` where there is no memory for the hash.
    func authenticate(username: String, password: String, address: String) throws -> User
    /// What logins to one account are counted under, whether there is such an account or not.
    func accountKey(of username: String) -> String
    /// Counts a registration for an address, so that one cannot fill the chat with accounts.
    ///
    /// - Throws: ``ChatError``: `rate_limited`.
    func countRegistration(from address: String) throws
    /// All users by id.
    func accounts() throws -> [Account]
    /// The user of that name.
    ///
    /// - Throws: ``ChatError``: `not_found`.
    func account(named username: String) throws -> Account
    /// Says what is shown of a user. Nobody may choose a name that looks like another's username; for the operator that is
    /// not asked.
    ///
    /// - Throws: ``ChatError``: `invalid_name`, `invalid_request`, `not_found`.
    func setProfile(_ profile: Profile, of userID: Int64, by actor: Actor) throws -> User
    /// Gives a user another username. Who showed the old one shows the new one; nobody is told apart by it: halls, messages
    /// and sessions stay.
    ///
    /// - Throws: ``ChatError``: `invalid_username`, `username_taken`, `not_found`.
    func renameUser(_ userID: Int64, to username: String) throws -> User
    /// Sets a user's password and ends the user's sessions.
    ///
    /// - Parameter sessionID: the session of who asks for it, which goes on.
    /// - Throws: ``ChatError``: `not_found`, `invalid_password`.
    func setPassword(
        _ password: String, of userID: Int64, by actor: Actor, keeping sessionID: Int64?) throws
    /// Shuts a user out, or lets the user in again. Who is shut out loses every session.
    ///
    /// - Throws: ``ChatError``: `not_found`.
    func setDisabled(_ isDisabled: Bool, user userID: Int64) throws
}

/// Sessions of people.
public protocol SessionStorage: Sendable {
    /// Begins a session.
    ///
    /// - Parameter tokens: those of the sessions that it takes the place of: they end.
    /// - Returns: the session, and its token: the only time that anybody but the client knows it. What is kept is a hash.
    /// - Throws: ``ChatError``: `unauthenticated` for one whom the operator has just shut out.
    func createSession(
        for user: User, replacing tokens: [String]
    ) throws -> (session: LoginSession, token: String)
    /// The session that a token stands for; `nil` if there is none, it has expired, or its user is shut out.
    func session(token: String) throws -> LoginSession?
    /// Lets a session that is used last as long as one that begins now. Written at most once a day.
    ///
    /// - Returns: whether it was.
    func renewSession(_ session: LoginSession) throws -> Bool
    /// Ends a session before its time.
    ///
    /// - Throws: ``ChatError``: `not_found`.
    func endSession(_ sessionID: Int64, by actor: Actor) throws
    /// Ends all sessions of a user.
    ///
    /// - Returns: how many.
    @discardableResult
    func endSessions(of userID: Int64, by actor: Actor) throws -> Int
    /// The sessions that have not expired, of one user or of all.
    func sessions(of userID: Int64?) throws -> [SessionSummary]
}

/// The log: who follows it learns what was written, by whichever process. What happened in a hall comes in the hall's order.
public protocol LogStorage: Sendable {
    /// The position behind everything that is committed.
    func logEnd() throws -> LogPosition
    /// What was written since a position, one thing after the other.
    ///
    /// - Parameter limit: so many things are enough; the rest is left for the next look, as ``LogBatch/hasMore`` says. Of messages
    ///   that are one entry, none is left out.
    func log(after position: LogPosition, limit: Int) throws -> LogBatch
    /// Reads state together with the log, in one transaction: what is read is exactly what the log says up to the batch's
    /// end. Whoever emits the batch first and then uses what was read loses nothing between, and doubles nothing.
    func snapshot<Value>(
        after position: LogPosition, _ body: (any SnapshotReading) throws -> Value
    ) throws -> (log: LogBatch, value: Value)
    /// A hall's name and state with everybody in it, whoever asks; `nil` if there is none.
    func hallSnapshot(_ hallID: Int64) throws -> HallSnapshot?
    /// A user with the halls in which others see the user; `nil` if there is none.
    func userSnapshot(_ userID: Int64) throws -> UserSnapshot?
}

extension ChatStorage {
    /// The user whom the site's own login names, and says nothing more of.
    ///
    /// - Throws: ``ChatError``: `invalid_username`, and what ``PersonStorage/siteUser(_:)`` does.
    public func siteUser(named username: String) throws -> User {
        try siteUser(try SitePerson(id: username, limits))
    }

    /// Sets one mark, in a transaction of its own.
    ///
    /// - Throws: what ``MessageStorage/perform(_:marks:waitingAtMost:)`` refuses it with.
    public func perform(_ mark: ReadMark) throws -> WrittenMark {
        guard let result = try perform([], marks: [mark], waitingAtMost: nil)?.marks.first else {
            throw ChatError(.internalError)
        }
        return try result.get()
    }

    /// Does one thing with messages, in a transaction of its own.
    ///
    /// - Throws: what ``MessageStorage/perform(_:)`` refuses it with.
    public func perform(_ command: MessageCommand) throws -> WrittenMessage {
        // What no hall takes does not cost the lock.
        try command.check(limits)
        guard let result = try perform([command]).first else { throw ChatError(.internalError) }
        return try result.get()
    }
}
