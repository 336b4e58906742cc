// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatTesting
import Foundation
import Glibc
import Testing

/// The operator's command line, as a process.
@Suite struct AdminTests {
    let site: Site

    init() throws {
        site = try Site()
        try site.admin("migrate")
    }

    // MARK: The database

    @Test func `migrate says what it did, and does nothing twice`() throws {
        let site = try Site()

        #expect(
            try site.admin("migrate").output == """
                Ran migration "1 halls".
                Ran migration "2 messages know the one before".
                Ran migration "3 one entry for many messages".
                Ran migration "4 older versions are refused by a name".
                Ran migration "5 instances are told apart".
                Ran migration "6 names that look the same".
                Ran migration "7 messages change".
                Ran migration "8 halls have topics".
                Ran migration "9 people are not their names".
                Ran migration "10 earlier texts".
                Ran migration "11 how far members have read".
                Ran migration "12 bans".
                The database at \(site.path) is ready.

                """)
        #expect(try site.admin("migrate").output == "The database at \(site.path) is up to date.\n")
    }

    @Test func `what holds password hashes is not for everybody's eyes`() throws {
        try site.admin("backup", site.folder.file("copy.db"))

        for name in ["chat.db", "copy.db"] {
            let attributes = try FileManager.default.attributesOfItem(
                atPath: site.folder.file(name))
            let mode = try #require(attributes[.posixPermissions] as? Int)
            #expect(mode & 0o007 == 0)
        }
    }

    @Test func `a database that is missing, newer or none is one sentence`() throws {
        let empty = try Site()
        #expect(
            try empty.refusal("check")
                == "There is no database at \(empty.path); chat-admin migrate makes one.")
        #expect(
            try site.refusal("check", "--database", "/etc/hostname")
                == "The database at /etc/hostname cannot be used: file is not a database.")
        try site.sql("INSERT INTO grdb_migrations VALUES ('9 later')")
        for command in ["migrate", "check"] {
            #expect(
                try site.refusal(command)
                    == "The database at \(site.path) is of a newer version than this program.")
        }
    }

    @Test func `check finds what is wrong`() throws {
        let sound = try site.admin("check", "--secret-file", site.path).output
        #expect(sound == "The database at \(site.path) is sound.\n")
        let warned = try site.admin("check", "--secret-file", site.path + "-secret").output
        #expect(warned.hasPrefix(sound + "Warning: There is no front end's secret"))
        try site.admin("halls", "add", "General")
        try site.sql("UPDATE halls SET rev = 3")

        #expect(try site.refusal("check") == "Hall 1 is at position 3, its last message at 0.")
    }

    @Test func `a backup is made, and never over a file`() throws {
        let copy = site.folder.file("copy.db")

        #expect(try site.admin("backup", copy).output == "Wrote \(copy).\n")
        #expect(try site.refusal("backup", copy) == "There is a file at \(copy) already.")
        #expect(try ChatDatabase(path: copy).problems().isEmpty)
    }

    // MARK: Users

    @Test func `users are made, listed and shut out`() throws {
        #expect(
            try site.admin("users", "add", "ana", input: "password1\n").output
                == "Added user 1, ana.\n")
        try site.admin("users", "add", "李小龍", "--password-stdin", input: "password2")
        try site.admin("users", "add", "cai", "--no-password")
        try site.admin("users", "disable", "ANA")

        let lines = try site.admin("users", "list").output.split(separator: "\n")
        #expect(
            lines[0].split(separator: " ").joined(separator: " ")
                == "ID USERNAME PASSWORD DISABLED CREATED AT NAME PICTURE EXTERNAL ID")
        #expect(lines[1].hasPrefix("1   ana       yes       yes       20"))
        #expect(lines[2].hasPrefix("2   李小龍    yes       no        20"))
        #expect(lines[3].hasPrefix("3   cai       no        no        20"))
        let list = try site.list("users", "list")
        #expect(list.map { $0["username"] as? String } == ["ana", "李小龍", "cai"])
        #expect(list.map { $0["disabled"] as? Bool } == [true, false, false])
        #expect(
            Set(list[0].keys) == [
                "id", "username", "password", "disabled", "created_at", "name", "picture",
                "external_id",
            ])
        #expect(list.map { $0["external_id"] as? String } == [nil, nil, "cai"])
        try site.admin("users", "enable", "ana")
        #expect(try site.list("users", "list")[0]["disabled"] as? Bool == false)
        #expect(try site.refusal("users", "disable", "nobody") == "There is no user called nobody.")
    }

    @Test func `a user gets another username, and another name to be shown`() throws {
        try site.admin("users", "add", "ana", input: "password1\n")
        try site.admin("users", "add", "ben", "--no-password")

        #expect(
            try site.admin("users", "rename", "ANA", "ana.garcia").output
                == "User 1 is now ana.garcia.\n")
        #expect(
            try site.admin("users", "profile", "ana.garcia", "--name", "Ana García").output
                == "ana.garcia is shown as Ana García.\n")
        try site.admin("users", "profile", "ben", "--picture", "/media/ben.png")

        let list = try site.list("users", "list")
        #expect(list.map { $0["username"] as? String } == ["ana.garcia", "ben"])
        #expect(list.map { $0["name"] as? String } == ["Ana García", "ben"])
        #expect(list.map { $0["picture"] as? String } == [nil, "/media/ben.png"])
        #expect(
            try site.refusal("users", "rename", "ben", "Ana.Garcia") == "The username is taken.")
        #expect(
            try site.refusal("users", "profile", "ben", "--picture", "//elsewhere/x.png")
                == "A picture is a path on this site, or hue: and a number from 0 to 359.")
        #expect(try site.refusal("users", "rename", "ana", "x") == "There is no user called ana.")
        #expect(try site.database().siteUser(named: "ben").id == 2)
    }

    @Test func `a password from standard input is the same however it is written`() throws {
        try site.admin("users", "add", "ana", "--password-stdin", input: "mi contrasen\u{303}a\r\n")
        let (database, typed) = (try site.database(), "mi\u{A0}contraseña")
        #expect(
            try database.authenticate(username: "ana", password: typed, address: "x").id == 1)

        try site.admin("users", "password", "ana", input: "otra\u{3000}contrasen\u{303}a")
        #expect(
            try database.authenticate(
                username: "ana", password: "otra contraseña", address: "x"
            ).id == 1)
        #expect(
            try site.refusal("users", "password", "ana", input: "pass\tword1")
                == "A password has no control characters.")
    }

    @Test func `a user that is refused is refused with its reason`() throws {
        try site.admin("users", "add", "ana", input: "password1")

        #expect(
            try site.refusal("users", "add", "Ana", input: "password1") == "The username is taken.")
        #expect(
            try site.refusal("users", "add", "Ana", "--no-password") == "The username is taken.")
        #expect(
            try site.refusal("users", "add", "ben", input: "short\n")
                == "A password has at least 8 characters.")
        #expect(
            try site.refusal("users", "add", "ben", input: "password1\nx\n")
                == "A password is one line.")
        #expect(
            try site.refusal("users", "add", "ben", input: String(repeating: "x", count: 5_000))
                == "Standard input has more than 4096 bytes.")
        #expect(
            try site.refusal("users", "add", "a b", input: "password1").hasPrefix("A username has"))
        #expect(try site.list("users", "list").count == 1)
    }

    @Test func `a password is set, and the old sessions are over`() throws {
        try site.admin("users", "add", "ana", input: "password1")
        let database = try site.database()
        let user = try database.authenticate(username: "ana", password: "password1", address: "x")
        let token = try database.createSession(for: user).token

        try site.admin("users", "password", "ana", input: "password2\n")

        #expect(try database.session(token: token) == nil)
        #expect(
            try database.authenticate(username: "ana", password: "password2", address: "x") == user)
    }

    @Test func `a script makes what is missing, and hears what it made`() throws {
        let made = try site.admin(
            "users", "add", "ana", "--if-missing", "--json", input: "password1")
        let again = try site.admin("users", "add", "ANA", "--if-missing", "--json")

        #expect(
            made.output.hasPrefix(#"{"id":1,"username":"ana","password":true,"disabled":false,"#))
        #expect(again.output == made.output)
        #expect(
            try site.admin("users", "add", "ana", "--if-missing", "--no-password").output
                == "User 1, ana, is there already.\n")
        #expect(
            try site.database().authenticate(username: "ana", password: "password1", address: "x")
                .id
                == 1)
        #expect(
            try site.admin("halls", "add", "General", "--owner", "ana", "--json").output == """
                {"id":1,"name":"General","private":false,"archived":false,"members":1,"rev":0}

                """)
        #expect(
            try site.admin("halls", "add", "Secret", "--private", "--json").output == """
                {"id":2,"name":"Secret","private":true,"archived":false,"members":0,"rev":0}

                """)
        #expect(try site.list("halls", "list").count == 2)
    }

    @Test func `a name that passes for another's is refused before a password is asked for`() throws
    {
        try site.admin("users", "add", "ana", input: "password1")

        #expect(try site.refusal("users", "add", "аna").hasPrefix("The username looks like one"))
        #expect(
            try site.refusal("users", "add", "System").hasPrefix("The chat itself has the word"))
    }

    // MARK: Halls

    @Test func `halls are made, renamed, archived and listed`() throws {
        try site.admin("users", "add", "ana", input: "password1")
        #expect(
            try site.admin("halls", "add", "General", "--owner", "ana").output
                == "Added hall 1, General.\n")
        try site.admin("halls", "add", "Secret", "--private")
        try site.admin("halls", "rename", "1", "Allgemein")
        try site.admin("halls", "archive", "2")

        #expect(
            try site.admin("halls", "list").output == """
                ID  NAME       PRIVATE  ARCHIVED  MEMBERS  REV
                1   Allgemein  no       no        1        0
                2   Secret     yes      yes       0        0

                """)
        #expect(
            try site.admin("halls", "list", "--json").output == """
                [
                {"id":1,"name":"Allgemein","private":false,"archived":false,"members":1,"rev":0},
                {"id":2,"name":"Secret","private":true,"archived":true,"members":0,"rev":0}
                ]

                """)
        #expect(try site.refusal("halls", "add", "allgemein") == "An open hall has that name.")
        #expect(try site.refusal("halls", "rename", "9", "x") == "There is no hall with id 9.")
        #expect(
            try site.refusal("halls", "add", "x", "--owner", "ben")
                == "There is no user called ben.")
    }

    @Test func `a hall comes back from the archive, and one is deleted for good`() throws {
        try site.admin("users", "add", "ana", input: "password1")
        try site.admin("halls", "add", "General", "--owner", "ana")
        try site.admin("messages", "send", "1", "ana", input: "findme")
        try site.admin("halls", "archive", "1")
        try site.admin("halls", "add", "General")
        #expect(try site.refusal("halls", "unarchive", "1") == "An open hall has that name.")
        let listener = try WakeSocket(path: site.path + "-wake").listen()
        defer { close(listener) }
        var byte: UInt8 = 0

        #expect(
            try site.refusal("halls", "delete", "2", input: "General\n") == """
                Hall 2, General, goes for good, with 0 members and 0 messages. Nothing was changed; --yes does it.
                """)
        #expect(unsafe recv(listener, &byte, 1, Int32(MSG_DONTWAIT)) == -1)
        #expect(
            try site.admin("halls", "delete", "2", "--yes").output == "Deleted hall 2, General.\n")
        #expect(unsafe recv(listener, &byte, 1, Int32(MSG_DONTWAIT)) == 0)
        #expect(
            try site.admin("halls", "unarchive", "1").output == "Hall 1 can be written to.\n")
        try site.admin("messages", "send", "1", "ana", input: "findme, too")
        #expect(
            try site.admin("halls", "delete", "1", "--yes", "--purge").output
                == "Deleted hall 1, General.\n")

        let file = try Data(contentsOf: URL(filePath: site.path))
        #expect(file.range(of: Data("findme".utf8)) == nil)
        #expect(try site.list("halls", "list").isEmpty)
        #expect(
            try site.refusal("halls", "delete", "1", "--yes") == "There is no hall with id 1.")
        #expect(try site.refusal("halls", "unarchive", "1") == "There is no hall with id 1.")
        try site.admin("check")
    }

    @Test func `members come, change and go`() throws {
        try site.admin("users", "add", "ana", input: "password1")
        try site.admin("users", "add", "ben", input: "password1")
        try site.admin("halls", "add", "General")
        try site.admin("members", "add", "1", "ana", "--owner")
        try site.admin("members", "add", "1", "ben")

        #expect(
            try site.admin("members", "list", "1").output == """
                ID  USERNAME  ROLE
                1   ana       owner
                2   ben       member

                """)
        #expect(
            try site.refusal("members", "add", "1", "ana")
                == "Hall 1 has no other owner; make another member one first.")
        try site.admin("members", "remove", "1", "ana")
        #expect(try site.list("members", "list", "1").map { $0["role"] as? String } == ["owner"])
        try site.admin("members", "remove", "1", "ben")
        #expect(try site.admin("members", "list", "1", "--json").output == "[]\n")
        #expect(try site.refusal("members", "list", "9") == "There is no hall with id 9.")
    }

    @Test func `who is banned is out, until that is lifted`() throws {
        try site.admin("users", "add", "ana", input: "password1")
        try site.admin("halls", "add", "General", "--owner", "ana")
        #expect(
            try site.admin("members", "ban", "1", "ana").output
                == "ana is banned from hall 1.\n")
        #expect(try site.list("members", "list", "1").isEmpty)
        let bans = try site.list("members", "bans", "1")
        #expect(bans.map { $0["username"] as? String } == ["ana"])
        #expect(bans.map { $0["by"] is NSNull } == [true])
        #expect(
            try site.admin("members", "unban", "1", "ana").output
                == "ana may come into hall 1 again.\n")
        #expect(try site.list("members", "bans", "1").isEmpty)
        #expect(
            try site.refusal("members", "unban", "1", "ana")
                == "User 1 is not banned from hall 1.")
        #expect(try site.refusal("members", "bans", "9") == "There is no hall with id 9.")
    }

    @Test func `who has not come yet is a member before the first visit`() throws {
        try site.admin("halls", "add", "General")

        #expect(
            try site.refusal("members", "add", "1", "cai") == """
                There is no user called cai. Who comes by the site's own login has an account from the first visit on; \
                --new-user makes it now.
                """)
        #expect(
            try site.refusal("members", "add", "9", "cai", "--new-user")
                == "There is no hall with id 9.")
        #expect(try site.list("users", "list").isEmpty)
        for _ in 0..<2 {
            #expect(
                try site.admin("members", "add", "1", "cai", "--new-user").output
                    == "cai is in hall 1 now, as member.\n")
        }
        #expect(try site.database().siteUser(named: "cai").id == 1)
        #expect(try site.list("users", "list").count == 1)
    }

    @Test func `a message from standard input is said, and wakes who listens`() throws {
        try site.admin("users", "add", "ana", input: "password1")
        try site.admin("users", "add", "ben", input: "password1")
        try site.admin("halls", "add", "General", "--owner", "ana")
        let listener = try WakeSocket(path: site.path + "-wake").listen()
        defer { close(listener) }

        #expect(
            try site.admin("messages", "send", "1", "ana", input: "Hello\nworld\n").output
                == "Sent message 1.\n")

        var byte: UInt8 = 0
        #expect(unsafe recv(listener, &byte, 1, Int32(MSG_DONTWAIT)) == 0)
        #expect(
            try site.database().messages(of: 1, as: 1).messages.map(\.content) == ["Hello\nworld"])
        #expect(
            try site.refusal("messages", "send", "1", "ben", input: "x") == "ben is not in hall 1.")
        #expect(
            try site.refusal("messages", "send", "1", "ana", input: " \n")
                == "The message is empty.")
        #expect(
            try site.refusal("messages", "send", "9", "ana", input: "x")
                == "There is no hall with id 9.")
        try site.admin("users", "disable", "ana")
        #expect(try site.refusal("messages", "send", "1", "ana", input: "x") == "ana is disabled.")
    }

    @Test func `a message is deleted by the operator, once, and tells who listens`() throws {
        try site.admin("users", "add", "ana", input: "password1")
        try site.admin("halls", "add", "General", "--owner", "ana")
        try site.admin("messages", "send", "1", "ana", input: "findme")
        let listener = try WakeSocket(path: site.path + "-wake").listen()
        defer { close(listener) }

        #expect(
            try site.admin("messages", "delete", "1", "1", "--purge").output
                == "Deleted message 1.\n")

        var byte: UInt8 = 0
        #expect(unsafe recv(listener, &byte, 1, Int32(MSG_DONTWAIT)) == 0)
        let message = try site.database().messages(of: 1, as: 1).messages.first
        #expect(message?.content == "" && message?.change?.deleted == .operator)
        let file = try Data(contentsOf: URL(filePath: site.path))
        #expect(file.range(of: Data("findme".utf8)) == nil)
        #expect(
            try site.admin("messages", "delete", "1", "1").output
                == "Message 1 was deleted already.\n")
        #expect(
            try site.refusal("messages", "delete", "1", "2")
                == "There is no such message in this hall.")
        #expect(
            try site.refusal("messages", "delete", "9", "1")
                == "There is no such message in this hall.")
    }

    // MARK: Sessions

    @Test func `sessions are listed and ended`() throws {
        try site.admin("users", "add", "ana", input: "password1")
        try site.admin("users", "add", "ben", input: "password1")
        let database = try site.database()
        for name in ["ana", "ana", "ben"] {
            _ = try database.createSession(for: database.account(named: name).user)
        }

        #expect(try site.list("sessions", "list").count == 3)
        #expect(try site.list("sessions", "list", "ana").map { $0["id"] as? Int } == [1, 2])
        #expect(try site.admin("sessions", "revoke", "1").output == "Ended 1 session.\n")
        #expect(try site.refusal("sessions", "revoke", "1") == "There is no session 1.")
        #expect(
            try site.admin("sessions", "revoke", "--user", "ana").output == "Ended 1 session.\n")
        #expect(try site.list("sessions", "list").map { $0["username"] as? String } == ["ben"])
        #expect(try site.run(["sessions", "revoke"]).status == 64)
        #expect(try site.run(["sessions", "revoke", "3", "--user", "ben"]).status == 64)
    }

    @Test func `where the site says who is who, it is said why no session ends`() throws {
        try site.admin("users", "add", "ana", input: "password1")
        try site.admin("users", "add", "cai", "--no-password")
        let sentence = """
            cai has no session here: the site's own login says who it is. End it there; 'chat-admin users disable cai' \
            shuts cai out of the chat.
            """

        #expect(try site.refusal("sessions", "revoke", "--user", "cai") == sentence)
        #expect(
            try site.admin("sessions", "revoke", "--user", "ana").output == "Ended 0 sessions.\n")
        let environment = ["HALLS_DATABASE": site.path, "HALLS_AUTH": "site"]
        let done = try site.run(["sessions", "revoke", "--user", "ana"], environment: environment)
        #expect(done.status == 1)
        #expect(done.errors.hasPrefix("chat-admin: ana has no session here"))
        let database = try site.database()
        _ = try database.createSession(for: database.account(named: "ana").user)
        #expect(
            try site.run(["sessions", "revoke", "--user", "ana"], environment: environment).output
                == "Ended 1 session.\n")
    }

    // MARK: The command line

    @Test func `help is help, and words that are off are 64`() throws {
        for arguments in [["--help"], ["users", "add", "--help"], ["help", "halls"]] {
            let done = try site.run(arguments)
            #expect(done.status == 0)
            #expect(done.output.contains("USAGE: chat-admin"))
        }
        #expect(try site.run(["nonsense"]).status == 64)
        #expect(try site.run(["halls", "rename", "x", "y"]).status == 64)
        #expect(try site.run(["check"], environment: [:]).status == 64)
        #expect(try site.run(["users", "add", "ana", "--password", "x"]).status == 64)
    }

    @Test func `the daemons' bounds hold here, too, and their other variables do not matter`()
        throws
    {
        let environment = [
            "HALLS_DATABASE": site.path, "HALLS_PASSWORD_LENGTH_MIN": "12", "HALLS_LISTEN": "x",
            "HALLS_OWNER": "nobody", "HALLS_USER": "nobody", "HALLS_JSON": "1",
        ]

        let refused = try site.run(
            ["users", "add", "ana"], input: "password1", environment: environment)
        #expect(refused.errors == "chat-admin: A password has at least 12 characters.\n")
        #expect(try site.run(["halls", "add", "General"], environment: environment).status == 0)
        #expect(try site.run(["halls", "list"], environment: environment).output.hasPrefix("ID"))
    }

    // MARK: Several processes

    @Test func `processes that write at the same time leave no hole and are never locked out`()
        throws
    {
        try site.admin("users", "add", "ana", input: "password1")
        try site.admin("halls", "add", "General", "--owner", "ana")
        let connections = try (0..<2).map { _ in try site.database() }

        DispatchQueue.concurrentPerform(iterations: 4) { index in
            #expect(throws: Never.self) {
                if index < 2 {
                    for _ in 0..<200 {
                        _ = try connections[index].createMessage(
                            NewMessage(hallID: 1, senderID: 1, content: "thread"))
                    }
                } else {
                    for _ in 0..<20 {
                        try site.admin("messages", "send", "1", "ana", input: "process\n")
                    }
                }
            }
        }

        var revs: [Int64] = []
        var before: Int64?
        while true {
            let page = try connections[0].messages(of: 1, as: 1, limit: 200, before: before)
            revs = page.messages.map(\.rev) + revs
            before = page.messages.first?.id
            guard page.hasMore else { break }
        }
        #expect(revs == Array(1...440))
        #expect(try site.admin("check").status == 0)
    }
}
