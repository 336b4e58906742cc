// SPDX-License-Identifier: Apache-2.0

import ChatModels
import Foundation
import Synchronization

/// A site and everybody on it, from the first process to the verdict: what all kinds of runs share. Each phase has an end,
/// whatever the site does.
final class Stage {
    /// How long everybody may take to be there, in the beginning and in the end.
    private static let returnMax: Int64 = 60_000
    private static let quiet: Int64 = 2_000
    static let readerName = "reader"

    let site: Site
    let world: World
    let database: ChatDatabase
    /// Whoever is in all halls and reads them for the judge.
    private let reader: Int64
    private let cookies: [String]

    /// Puts people and halls into a new database.
    init(_ site: Site, _ world: World, clients: Int, halls: Int) throws {
        (self.site, self.world) = (site, world)
        world.history.onBreach = { Self.say("  ! \($0)") }
        (cookies, reader) = try Self.makeDatabase(at: site.databasePath) { database in
            let cookies = try world.settle(database, people: clients, halls: halls)
            let reader = try database.siteUser(named: Self.readerName).id
            for hall in world.halls { try database.setMember(reader, of: hall, as: .owner) }
            return (cookies, reader)
        }
        database = try ChatDatabase(path: site.databasePath)
    }

    /// Fills a new database in memory, where thousands of transactions wait for no disk, and puts it into its place.
    private static func makeDatabase<Value>(
        at path: String, _ fill: (ChatDatabase) throws -> Value
    ) throws -> Value {
        let files = FileManager.default
        let isMemoryThere = files.isWritableFile(atPath: "/dev/shm")
        let draft = isMemoryThere ? "/dev/shm/halls-torture-\(getpid()).db" : path
        defer { if isMemoryThere { try? files.removeItem(atPath: draft) } }
        let database = try ChatDatabase(path: draft, schema: .migrate)
        let value = try fill(database)
        try database.close()
        if isMemoryThere { try files.copyItem(atPath: draft, toPath: path) }
        return value
    }

    static func say(_ line: String) {
        FileHandle.standardError.write(Data((line + "\n").utf8))
    }

    /// The folder of the script `chat`: where one stands, or where this was built.
    static var root: String {
        let here = FileManager.default.currentDirectoryPath
        if FileManager.default.fileExists(atPath: here + "/chat") { return here }
        return URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().path
    }

    static var programs: String { Unix.variable("HALLS_BIN") ?? root + "/.build/release" }

    // MARK: Phases

    /// Starts the site and lets the people in.
    func open(part: (Int) -> Client.Part) throws {
        try site.start()
        try waitUntilReady()
        world.populate(cookies, nginx: site.nginxPort, push: site.pushPort, part: part)
    }

    private func waitUntilReady() throws {
        let wire = HTTPWire(Door(poller: world.poller, port: site.nginxPort, cookie: ""))
        defer { wire.close() }
        let deadline = milliseconds() + 20_000
        for path in ["/chat/health", "/socket.io/?EIO=4&transport=polling"] {
            var isReady = false
            while !isReady {
                guard milliseconds() < deadline else {
                    let words = Site.Part.allCases.map(site.lastWords).joined(separator: "\n")
                    throw UnixError(what: "the site does not answer: \(words)", number: ETIMEDOUT)
                }
                if !wire.isBusy {
                    wire.request("GET", path) { isReady = $0?.status == 200 }
                }
                world.turn()
            }
        }
    }

    /// Lets time pass, for as long as the condition holds; it is told when that began.
    func turn(_ conductor: Conductor, while goesOn: (Int64) -> Bool) throws {
        let began = world.now
        repeat {
            if isInterrupted.load(ordering: .relaxed) {
                throw UnixError(what: "stopped", number: EINTR)
            }
            world.turn()
            conductor.turn()
        } while goesOn(began)
    }

    /// Waits until everybody is there and has everything, but not for ever.
    func gather(_ conductor: Conductor) throws {
        let isSettled = { self.world.clients.allSatisfy(\.isSettled) && conductor.isCalm }
        try turn(conductor) { world.now < $0 + Self.returnMax && !isSettled() }
    }

    /// Nothing goes wrong any more: everybody comes back, says what is left to say, and then it is quiet.
    func settleDown(_ conductor: Conductor) throws {
        world.isSpeaking = false
        conductor.finish()
        try gather(conductor)
        try turn(conductor) { world.now < $0 + Self.quiet }
        for client in world.clients {
            guard let word = client.restlessness else { continue }
            world.history.breach(.away, "in the end \(client.name) (\(client.kind)) \(word)")
        }
        let audit = Audit(world)
        try turn(conductor) {
            audit.turn()
            return !audit.isDone && world.now < $0 + Self.returnMax
        }
        if !audit.isDone { world.history.breach(.away, "not all halls can be loaded in the end") }
        if let plant = world.plant, !plant.isDone {
            world.history.count("plants that found no place")
        }
    }

    /// Holds what everybody has against what is in the database, and ends each part by itself.
    func judge() throws {
        try Judge(world: world, database: database, reader: reader).judge()
        try database.close()
        sayGoodbye()
    }

    /// SIGTERM ends each part by itself, with status 0.
    private func sayGoodbye() {
        for part in Site.Part.allCases { site.signal(part, SIGTERM) }
        let deadline = milliseconds() + 15_000
        while !site.running.isEmpty, milliseconds() < deadline {
            for part in Site.Part.allCases {
                guard let ending = site.reap(part), ending != .exited(0) else { continue }
                world.history.breach(
                    .crash, "\(part.rawValue) ended with \(ending) after SIGTERM")
            }
            usleep(10_000)
        }
        for part in site.running.keys {
            world.history.breach(.crash, "\(part.rawValue) did not end after SIGTERM")
        }
    }
}
