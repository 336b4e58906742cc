// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import Testing

@testable import ChatModels

/// What is shown of people: names, pictures, and who sees them.
@Suite struct ProfileTests {
    let database: ChatDatabase
    let ana: User
    let ben: User
    let hall: Hall

    init() throws {
        database = try emptyDatabase()
        ana = try database.makeUser("ana")
        ben = try database.makeUser("ben")
        hall = try database.makeHall(owner: ana, members: [ben])
    }

    private func show(_ name: String?, _ picture: String? = nil, by actor: Actor? = nil) throws
        -> User
    {
        try database.setProfile(
            Profile(name: name, picture: picture), of: ana.id, by: actor ?? .user(ana.id))
    }

    private func seen(_ known: KnownUser..., by user: User) throws -> [User] {
        try database.reading { try $0.users(known, as: user.id) }
    }

    // MARK: Names and pictures

    @Test(arguments: [
        ("Ana García", "Ana García"), ("  Ana \t\n García ", "Ana García"),
        ("Ana Garci\u{301}a", "Ana García"), ("عائشة بنت", "عائشة بنت"),
        (String(repeating: "🍵", count: 64), String(repeating: "🍵", count: 64)),
        ("👩‍👩‍👧 ❤️", "👩‍👩‍👧 ❤️"), ("\u{202E}anA\u{200B}\u{2060}", "anA"), ("می‌خواهم", "می‌خواهم"),
    ])
    func `a name is shown in one line, without what shows nothing`(
        _ said: String, _ shown: String
    ) throws {
        #expect(try show(said).name == shown)
        #expect(try database.account(named: "ana").user.name == shown)
    }

    @Test(arguments: [
        " ", "\u{200B}", "\u{202E}", "\u{301}a", "\u{200D}", String(repeating: "x", count: 101),
        String(repeating: "\u{301}", count: 100_000), "You", "Tú", "ben", "Ben", "b\u{435}n",
        "ben.",
    ])
    func `a name that shows nothing, or somebody else, is refused`(_ name: String) throws {
        #expect(try code { _ = try show(name) } == .invalidName)
        #expect(try database.account(named: "ana").user == ana)
    }

    @Test func `the operator may show anybody as anything`() throws {
        #expect(try show("ben", by: .operator).name == "ben")
        #expect(try show("You", by: .operator).name == "You")
    }

    @Test func `two people may show the same name`() throws {
        #expect(try show("Alex Kim").name == "Alex Kim")
        let other = try database.setProfile(
            Profile(name: "Alex Kim"), of: ben.id, by: .user(ben.id))
        #expect(other.name == "Alex Kim")
    }

    @Test func `one's own colour may be chosen, an address only by the operator`() throws {
        #expect(try show(nil, "hue:007").picture == "hue:7")
        for picture in ["/a.png", "hue:360", "hue:-1", "hue:", "hue:1e2", "javascript:x"] {
            #expect(try code { _ = try show(nil, picture) } == .invalidRequest)
        }
        for picture in [
            "//a", "/\\a", "https://a/b.png", "/a b", "/" + String(repeating: "x", count: 512),
            "a.png",
        ] {
            #expect(try code { _ = try show(nil, picture, by: .operator) } == .invalidRequest)
        }
        #expect(try show(nil, "/media/ana.png?v=2", by: .operator).picture == "/media/ana.png?v=2")
        #expect(try show(nil, "").picture == nil)
    }

    @Test func `each change counts and is told once, and what is the same is none`() throws {
        let start = try database.logEnd()
        let first = try show("Ana García", "hue:3")
        #expect(first.version == 1)
        #expect(try show("Ana García") == first)
        #expect(try show(nil, nil) == first)
        #expect(try show("").name == "ana")
        #expect(try show("", "").version == 3)
        let changed = LogEvent.userChanged(userID: ana.id, isRenamed: false)
        #expect(
            try database.log(after: start).events == [changed, changed, changed])
        #expect(
            try code {
                _ = try database.setProfile(Profile(name: "x"), of: 99, by: .operator)
            } == .notFound)
    }

    // MARK: Renames

    @Test func `who is renamed keeps everything, and the old name is free`() throws {
        let said = try database.say("hello", in: hall, as: ana)
        let (_, token) = try database.createSession(for: ana)

        let renamed = try database.renameUser(ana.id, to: "ana.garcia")

        #expect(renamed.username == "ana.garcia" && renamed.name == "ana.garcia")
        #expect(try database.session(token: token)?.user == renamed)
        #expect(
            try database.authenticate(
                username: "Ana.Garcia", password: "password1", address: "x") == renamed)
        #expect(
            try code {
                _ = try database.authenticate(username: "ana", password: "password1", address: "x")
            } == .wrongCredentials)
        #expect(try database.message(said.id, as: ben.id).username == "ana.garcia")
        let another = try database.makeUser("ana")
        #expect(another.id != ana.id)
        #expect(try database.halls(of: another.id).isEmpty)
    }

    @Test func `a name that is another's, or looks like it, is refused`() throws {
        for name in ["ben", "BEN", "b\u{435}n", "You"] {
            let refusal = try code { _ = try database.renameUser(ana.id, to: name) }
            #expect([.usernameTaken, .invalidUsername].contains(refusal), "\(name)")
        }
        #expect(try code { _ = try database.renameUser(ana.id, to: "a b") } == .invalidUsername)
        // Her own look is in nobody's way.
        #expect(try database.renameUser(ana.id, to: "Ana").username == "Ana")
        #expect(try database.renameUser(ana.id, to: "ana.").username == "ana.")
        #expect(try database.problems().isEmpty)
    }

    @Test func `who shows another name than the username goes on showing it`() throws {
        _ = try show("Ana García")
        #expect(try database.renameUser(ana.id, to: "garcia").name == "Ana García")
    }

    @Test func `whom the site knows stays who that is, whatever the username`() throws {
        let cara = try database.siteUser(named: "cara")
        let renamed = try database.renameUser(cara.id, to: "cara.lopez")
        #expect(try database.siteUser(named: "cara") == renamed)
        // The site has somebody of that name, too: it is somebody else, and inherits nothing.
        #expect(try database.siteUser(named: "cara.lopez").username == "cara.lopez2")
    }

    // MARK: The site's people

    private func site(
        _ id: String, _ handle: String = "", _ name: String = "", _ picture: String = ""
    ) throws -> SitePerson {
        try SitePerson(id: id, handle: handle, name: name, picture: picture, database.limits)
    }

    @Test func `whom the site knows by an id keeps it through every other name`() throws {
        let first = try database.siteUser(site("42", "cara", "Cara López", "/media/1.png"))
        #expect(first.username == "cara" && first.name == "Cara López")
        #expect(first.picture == "/media/1.png")
        try database.setMember(first.id, of: hall.id, as: .member)

        let now = try site("42", "cara.m", "Cara Mora")
        #expect(now.differs(from: first))
        #expect(try database.siteUser(now).id == first.id)
        let changed = try database.update(first.id, as: now)
        #expect(changed.username == "cara.m" && changed.name == "Cara Mora")
        #expect(changed.picture == "/media/1.png")
        #expect(!now.differs(from: changed))
        #expect(try database.update(first.id, as: now) == changed)
        #expect(try database.halls(of: first.id).map(\.id) == [hall.id])

        // The handle is used again by somebody else, who gets nothing of hers.
        let other = try database.siteUser(site("43", "cara"))
        #expect(other.id != first.id && other.username == "cara")
        #expect(try database.halls(of: other.id).isEmpty)
        let third = try database.siteUser(site("44", "Cara"))
        #expect(third.username == "Cara2")
        #expect(try !site("44", "Cara").differs(from: third))
    }

    @Test func `nobody comes to an account of the chat's own by its name`() throws {
        let stranger = try database.siteUser(named: "ana")
        #expect(stranger.id != ana.id && stranger.username == "ana2")
        #expect(try database.siteUser(named: "ana") == stranger)
        #expect(try database.siteUser(site("7", "ana")).username == "ana3")

        try database.linkUser(ana.id, to: "ana")
        #expect(try database.siteUser(named: "ana").id == ana.id)
        #expect(
            try database.accounts().map(\.externalID) == ["ana", nil, nil, "7"])
        #expect(try code { _ = try database.linkUser(99, to: "x") } == .notFound)
    }

    @Test func `what the site says that cannot be shown locks nobody out`() throws {
        let user = try database.siteUser(
            site("id with blanks \u{1F375}", "Ana García!", "\u{202E}", "https://x/y"))
        #expect(user.username == "Ana.García" && user.name == "Ana.García")
        #expect(user.picture == nil)
        #expect(try database.siteUser(site("2", "\u{1F375}")).username == "person")
        #expect(try database.siteUser(site("3", "!!")).username == "person2")
        let long = try database.siteUser(site("4", String(repeating: "x", count: 200)))
        #expect(long.username.count == 58)
        #expect(
            try database.siteUser(site("5", String(repeating: "x", count: 64))).username
                == long.username + "2")
        for id in ["", "a\u{0}", String(repeating: "x", count: 256)] {
            #expect(try code { _ = try site(id, "ana") } == .invalidUsername)
        }
        #expect(try code { _ = try site("a b") } == .invalidUsername)
    }

    @Test func `nothing that was kept shows a name that is no longer so`() throws {
        let folder = try TemporaryFolder()
        let (one, other) = (try folder.database(), try folder.database())
        let ana = try one.makeUser("ana")
        let hall = try one.makeHall(owner: ana)
        let said = try one.say("hello", in: hall, as: ana)
        var versions: Set<HistoryVersion> = []
        for (index, database) in [one, other, one, other, other, one].enumerated() {
            let name = "ana\(index)"
            _ = try database.renameUser(ana.id, to: name)
            for reader in [one, other] {
                let edit = MessageEdit(
                    hallID: hall.id, messageID: said.id, userID: ana.id, content: "\(index)")
                let answers = try [
                    reader.reading { reader in
                        let history = try reader.history(of: hall.id, as: ana.id)
                        versions.insert(history.version)
                        return try String(
                            decoding: history.page(limit: nil, before: nil).json(for: ana.id),
                            as: UTF8.self)
                    },
                    reader.reading { reader in
                        try String(
                            decoding: reader.history(of: hall.id, as: ana.id).page(
                                since: HallPosition(rev: 0, change: 0), limit: nil
                            ).json(for: ana.id), as: UTF8.self)
                    },
                    reader.messages(of: hall.id, as: ana.id).messages.map(\.username).joined(),
                    "\(reader.perform(.edit(edit)))", "\(reader.say("x", in: hall, as: ana))",
                    "\(reader.everyMember(of: hall.id))",
                ]
                for answer in answers {
                    #expect(answer.contains(name))
                    for old in (0..<6).map({ "ana\($0)" }) where old != name {
                        #expect(!answer.contains(old), "\(answer)")
                    }
                }
            }
        }
        #expect(versions.count == 12)
    }

    // MARK: Who sees whom

    @Test func `one sees oneself, and who is or was in a hall that one is in`() throws {
        let cara = try database.makeUser("cara")
        let everybody = [ana, ben, cara].map { KnownUser(id: $0.id, version: nil) }
        func names(_ user: User) throws -> [String] {
            try database.reading { try $0.users(everybody, as: user.id) }.map(\.username)
        }
        #expect(try names(ana) == ["ana", "ben"])
        #expect(try names(cara) == ["cara"])

        try database.leave(hall.id, as: ben.id)
        #expect(try names(ana) == ["ana", "ben"])
        #expect(try names(ben) == ["ben"])

        try database.setMember(cara.id, of: hall.id, as: .member)
        #expect(try names(cara) == ["ana", "ben", "cara"])
        try database.leave(hall.id, as: cara.id)
        #expect(try names(cara) == ["cara"])
    }

    @Test func `only what is not known is given`() throws {
        let shown = try show("Ana García")
        #expect(try seen(KnownUser(id: ana.id, version: 0), by: ben) == [shown])
        #expect(try seen(KnownUser(id: ana.id, version: 1), by: ben).isEmpty)
        #expect(try seen(KnownUser(id: 99, version: nil), by: ben).isEmpty)
    }

    @Test func `the halls that see a user are those of now and those of before`() throws {
        try database.leave(hall.id, as: ben.id)
        let other = try database.makeHall("Other", owner: ben)
        #expect(
            try database.userSnapshot(ben.id)
                == UserSnapshot(user: ben, hallIDs: [hall.id, other.id]))
        #expect(try database.userSnapshot(99) == nil)
    }
}
