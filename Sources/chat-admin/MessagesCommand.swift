// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ChatModels

/// `chat-admin messages`
struct MessagesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "messages", abstract: "Say something in a hall, and delete what was said.",
        subcommands: [Send.self, Delete.self])

    /// `chat-admin messages send HALL USER`
    struct Send: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say in a hall what comes from standard input, as one of its members.",
            discussion:
                "It reaches open windows at once: echo 'Back at noon.' | chat-admin messages send 1 ana"
        )

        @OptionGroup var options: AdminOptions

        @Argument(help: "The hall's id.")
        var hall: Int64

        @Argument(help: "The username of who says it; a member of the hall.")
        var user: String

        func run() throws {
            let database = try options.open()
            let sender = try database.account(named: user)
            guard !sender.isDisabled else {
                throw ChatError(.notAllowed, "\(sender.user.username) is disabled.")
            }
            guard try database.everyMember(of: hall).contains(where: { $0.user == sender.user })
            else {
                throw ChatError(.notAMember, "\(sender.user.username) is not in hall \(hall).")
            }
            let text = try StandardInput.text(bytesMax: 4 * database.limits.messageLengthMax + 2)
            let new = NewMessage(hallID: hall, senderID: sender.user.id, content: text)
            let created = try options.write { try $0.perform(.say(new)) }
            print("Sent message \(created.message.id).")
        }
    }

    /// `chat-admin messages delete HALL MESSAGE`
    struct Delete: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete a message: its text is gone, its place stays.",
            discussion: """
                Open windows show it so at once. What the database's files still hold of the text is overwritten within \
                a minute, or here at once with --purge.
                """)

        @OptionGroup var options: AdminOptions
        @OptionGroup var purging: PurgeOptions

        @Argument(help: "The hall's id.")
        var hall: Int64

        @Argument(help: "The message's id.")
        var message: Int64

        func run() throws {
            let deletion = MessageDeletion(hallID: hall, messageID: message, by: .operator)
            let done = try options.write { try $0.perform(.delete(deletion)) }
            print(
                done.isRepeat
                    ? "Message \(message) was deleted already." : "Deleted message \(message).")
            try purging.purgeIfWanted(options.open())
        }
    }
}

/// What becomes of deleted texts in the files.
struct PurgeOptions: ParsableArguments {
    @Flag(help: "Overwrite at once what the files hold of deleted texts.")
    var purge = false

    /// Overwrites them, if the operator wants it now.
    func purgeIfWanted(_ database: ChatDatabase) throws {
        if purge, try !database.purgeDeleted() {
            throw ChatError(.busy, "Nothing was overwritten yet: others read or write now.")
        }
    }
}
