// SPDX-License-Identifier: Apache-2.0

/// An error that a person may see: a code for machines, a sentence for people. Every other error is "internal" outside
/// and a line in the log inside.
public struct ChatError: Error, Sendable, Equatable {
    /// The stable codes of docs/protocol.md, the same in REST and on the socket.
    public enum Code: String, Sendable, CaseIterable {
        case invalidRequest = "invalid_request"
        case unauthenticated
        case wrongCredentials = "wrong_credentials"
        case originRefused = "origin_refused"
        case frontEndRefused = "front_end_refused"
        case notAMember = "not_a_member"
        case notAllowed = "not_allowed"
        case banned
        case registrationClosed = "registration_closed"
        case notFound = "not_found"
        case methodNotAllowed = "method_not_allowed"
        case usernameTaken = "username_taken"
        case hallNameTaken = "hall_name_taken"
        case clientKeyReused = "client_key_reused"
        case hallArchived = "hall_archived"
        case messageGone = "message_gone"
        case editTimeOver = "edit_time_over"
        case tooManyHalls = "too_many_halls"
        case tooLarge = "too_large"
        case unsupportedMediaType = "unsupported_media_type"
        case invalidUsername = "invalid_username"
        case invalidName = "invalid_name"
        case invalidPassword = "invalid_password"
        case invalidHallName = "invalid_hall_name"
        case invalidClientKey = "invalid_client_key"
        case messageEmpty = "message_empty"
        case messageTooLong = "message_too_long"
        case rateLimited = "rate_limited"
        case internalError = "internal"
        case busy
    }

    /// What happened, for machines.
    public var code: Code
    /// What happened, for people: one sentence, in English.
    public var message: String
    /// The bound that was passed, where there is one.
    public var limit: Int?
    /// In how many seconds a retry may succeed, where that is known.
    public var retryAfter: Int?

    /// Makes an error; the sentence is the code's own unless another one is given.
    public init(
        _ code: Code, _ message: String? = nil, limit: Int? = nil, retryAfter: Int? = nil
    ) {
        self.code = code
        self.message = message ?? code.sentence
        self.limit = limit
        self.retryAfter = retryAfter
    }
}

extension ChatError.Code {
    /// What the code says when nothing more is known.
    fileprivate var sentence: String {
        switch self {
        case .invalidRequest: "The request is malformed."
        case .unauthenticated: "Sign in first."
        case .wrongCredentials: "Username and password do not belong together."
        case .originRefused: "The request comes from another site."
        case .frontEndRefused: "The web server in front does not say the chat's secret."
        case .notAMember: "You are not a member of this hall."
        case .notAllowed: "Your role does not allow this."
        case .banned: "You were banned from this hall."
        case .registrationClosed: "New accounts are made by the operator."
        case .notFound: "There is no such thing."
        case .methodNotAllowed: "The method is not allowed here."
        case .usernameTaken: "The username is taken."
        case .hallNameTaken: "An open hall has that name."
        case .clientKeyReused: "The client key belongs to another message."
        case .hallArchived: "The hall is archived; it can only be read."
        case .messageGone: "The message was deleted."
        case .editTimeOver: "The time in which the message could be edited is over."
        case .tooManyHalls: "You are in as many halls as one may be."
        case .tooLarge: "The request is too large."
        case .unsupportedMediaType: "The body must be application/json."
        case .invalidUsername: "The username is not allowed."
        case .invalidName: "The name is not allowed."
        case .invalidPassword: "The password is not allowed."
        case .invalidHallName: "The name of the hall is not allowed."
        case .invalidClientKey: "The client key is not allowed."
        case .messageEmpty: "The message is empty."
        case .messageTooLong: "The message is too long."
        case .rateLimited: "Too many requests; wait a moment."
        case .internalError: "Something went wrong on the server."
        case .busy: "The server has too much to do; try again."
        }
    }
}
