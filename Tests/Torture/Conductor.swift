// SPDX-License-Identifier: Apache-2.0

import ChatModels
import Foundation
import GRDB

/// Makes the faults of a plan happen and undoes them, and sees to it that what was killed comes back.
final class Conductor {
    private enum Due {
        case begin(Fault)
        case end(Fault)
    }

    /// How long a daemon may take to end after SIGTERM.
    private static let goodbyeMax: Int64 = 15_000

    private let world: World
    private let site: Site
    private let database: ChatDatabase
    private var due: [(at: Int64, what: Due)] = []
    private var random: Randomness
    private let start: Int64
    /// Parts that are to end, and by when.
    private var ending: [Site.Part: (deadline: Int64, byUs: Int32)] = [:]
    private var launchAt: [Site.Part: Int64] = [:]
    private var ballast: Ballast?
    private var locker: DatabaseQueue?
    private var wantsLock = false
    private var membersWanted = 0
    private let registrar: Registrar
    private(set) var begun: [String: Int] = [:]
    /// Faults that could not be made here, by name and why.
    private(set) var skipped: [String: Int] = [:]

    init(_ stage: Stage, plan: Plan) {
        (world, site, database) = (stage.world, stage.site, stage.database)
        start = world.now
        registrar = Registrar(stage)
        random = Randomness(seed: world.seed, part: "conductor")
        for fault in plan.faults {
            due.append((start + fault.begin, .begin(fault)))
            if fault.end > fault.begin { due.append((start + fault.end, .end(fault))) }
        }
        due.sort { $0.at < $1.at }
    }

    /// Whether everything runs and nothing is hurt.
    var isCalm: Bool {
        due.isEmpty && ending.isEmpty && launchAt.isEmpty && ballast == nil && locker == nil
            && site.running.count == Site.Part.allCases.count && !site.isAnyStopped
            && !site.isWorkerLeaving && registrar.isIdle
    }

    func turn() {
        while let next = due.first, world.now >= next.at {
            due.removeFirst()
            switch next.what {
            case .begin(let fault): begin(fault)
            case .end(let fault): end(fault)
            }
        }
        if wantsLock, locker == nil { takeLock() }
        if membersWanted > 0, mayWrite { changeMembers() }
        registrar.turn(&random, mayWrite: mayWrite)
        for part in Site.Part.allCases { look(after: part) }
        if isHurt { world.membership.disturbed = world.now + 3_000 }
    }

    private var isHurt: Bool {
        !ending.isEmpty || !launchAt.isEmpty || ballast != nil || locker != nil
            || site.isAnyStopped
    }

    /// No further faults; those that last are ended.
    func finish() {
        let left = due
        due = []
        registrar.finish()
        for case (_, .end(let fault)) in left { end(fault) }
        for client in world.clients { client.recover() }
    }

    // MARK: Faults

    private func begin(_ fault: Fault) {
        guard make(fault) else {
            skipped[fault.kind.name, default: 0] += 1
            return
        }
        begun[fault.kind.name, default: 0] += 1
        if fault.kind.hurtsSite { world.membership.disturbed = world.now + 3_000 }
    }

    /// - Returns: whether it could be made.
    private func make(_ fault: Fault) -> Bool {
        switch fault.kind {
        case .killPush: return end(.push, SIGKILL, relaunchAt: start + fault.end)
        case .killFcgi: return end(.fcgi, SIGKILL, relaunchAt: start + fault.end)
        case .killNginx: return end(.nginx, SIGKILL, relaunchAt: start + fault.end)
        case .termPush: return end(.push, SIGTERM, relaunchAt: world.now)
        case .termFcgi: return end(.fcgi, SIGTERM, relaunchAt: world.now)
        case .termNginx: return end(.nginx, SIGTERM, relaunchAt: world.now)
        case .stopPush: return stop(.push)
        case .stopFcgi: return stop(.fcgi)
        case .stopNginx: return stop(.nginx)
        case .reloadNginx:
            guard site.running[.nginx] != nil else { return false }
            site.signal(.nginx, SIGHUP)
            return true
        case .reset, .silence, .sleep, .slow: return hurtClients(fault)
        case .disk:
            guard site.hasSmallDisk else { return false }
            ballast = try? Ballast(filling: site.folder + "/data/ballast")
            return ballast != nil
        case .lock:
            wantsLock = true
            return true
        case .clock:
            guard site.hasClock else { return false }
            site.setClock(seconds: -random.int(60...20_000))
            return true
        case .members:
            membersWanted += 1
            return true
        case .people:
            registrar.want(random.int(1...3))
            return true
        }
    }

    private func end(_ fault: Fault) {
        switch fault.kind {
        case .stopPush: site.signal(.push, SIGCONT, all: true)
        case .stopFcgi: site.signal(.fcgi, SIGCONT, all: true)
        case .stopNginx: site.signal(.nginx, SIGCONT, all: true)
        case .disk:
            ballast?.remove()
            ballast = nil
        case .lock: releaseLock()
        case .clock: site.setClock(seconds: 0)
        default: break
        }
    }

    private func hurtClients(_ fault: Fault) -> Bool {
        let count = max(1, world.clients.count * fault.percent / 100)
        for index in random.picks(count, of: world.clients.count) {
            let client = world.clients[index]
            switch fault.kind {
            case .reset: client.cut(silently: false)
            case .silence: client.cut(silently: true)
            case .sleep: client.sleep(milliseconds: fault.end - fault.begin)
            default: client.slowDown(milliseconds: fault.end - fault.begin)
            }
        }
        return true
    }

    // MARK: Processes

    private func end(_ part: Site.Part, _ number: Int32, relaunchAt: Int64) -> Bool {
        guard site.running[part] != nil, ending[part] == nil else { return false }
        ending[part] = (world.now + Self.goodbyeMax, number)
        launchAt[part] = relaunchAt
        site.signal(part, number, all: number == SIGKILL)
        return true
    }

    private func stop(_ part: Site.Part) -> Bool {
        guard site.running[part] != nil, ending[part] == nil else { return false }
        site.signal(part, SIGSTOP, all: true)
        return true
    }

    private func look(after part: Site.Part) {
        if let ended = site.reap(part) { judge(part, ended) }
        if let entry = ending[part], world.now > entry.deadline {
            world.history.breach(.crash, "\(part.rawValue) did not end after SIGTERM")
            site.signal(part, SIGKILL, all: true)
            ending[part]?.deadline = .max
        }
        if let at = launchAt[part], world.now >= at, site.running[part] == nil {
            launchAt[part] = nil
            do {
                try site.launch(part)
            } catch {
                world.history.breach(.crash, "\(part.rawValue) cannot be started: \(error)")
            }
        }
    }

    /// A part ended: as it was told, as it must not, or because it could not start just now.
    private func judge(_ part: Site.Part, _ ended: Unix.Ending) {
        let told = ending.removeValue(forKey: part)
        switch (told?.byUs, ended) {
        case (SIGKILL?, .killed(SIGKILL)): return
        case (SIGTERM?, .exited(0)): return
        case (nil, .exited(let status)) where status != 0 && mayFailToStart(part):
            world.history.count("failed starts of \(part.rawValue)")
        default:
            world.history.breach(
                .crash, "\(part.rawValue) ended: \(ended). \(site.lastWords(part))")
        }
        if launchAt[part] == nil { launchAt[part] = world.now + 300 }
    }

    /// A full or locked database, or a port that is still held, is a reason not to start.
    private func mayFailToStart(_ part: Site.Part) -> Bool {
        part == .nginx || world.membership.disturbed > world.now
    }

    // MARK: The database

    /// Another program that writes for long, as an open transaction in a shell.
    private func takeLock() {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        configuration.busyMode = .immediateError
        do {
            let queue = try DatabaseQueue(path: site.databasePath, configuration: configuration)
            try queue.inDatabase { db in try db.execute(sql: "BEGIN IMMEDIATE") }
            locker = queue
            wantsLock = false
        } catch {
            // Somebody else has it just now; the next turn tries again.
        }
    }

    private func releaseLock() {
        wantsLock = false
        try? locker?.inDatabase { db in try db.execute(sql: "ROLLBACK") }
        try? locker?.close()
        locker = nil
    }

    /// While somebody may hold the database's lock for long this thread must not wait for it.
    private var mayWrite: Bool {
        ballast == nil && locker == nil && !wantsLock && world.halls.count > 1
            && !site.isStopped(.push) && !site.isStopped(.fcgi)
    }

    /// Takes some people out of halls, and brings others in.
    private func changeMembers() {
        membersWanted -= 1
        for _ in 0..<random.int(1...4) {
            let hallID = world.halls[random.int(1...world.halls.count - 1)]
            let members = world.membership.people(in: hallID)
            if members.count > 3, random.isTrue(oneIn: 2) {
                takeOut(random.pick(members), of: hallID)
            } else {
                bringIn(random.int(0...world.clients.count - 1), to: hallID)
            }
        }
        // Now and then the datagram is lost.
        if !random.isTrue(oneIn: 3) { WakeSocket(path: site.folder + "/wake.sock").wake() }
    }

    private func takeOut(_ person: Int, of hallID: Int64) {
        do {
            try database.removeMember(id(person), of: hallID, by: .operator)
            world.membership.set(person, in: hallID, false, at: milliseconds())
            world.history.count("members taken out")
        } catch {
            world.history.breach(.database, "a member cannot be taken out: \(error)")
        }
    }

    private func bringIn(_ person: Int, to hallID: Int64) {
        guard !world.membership.isIn(person, hallID) else { return }
        do {
            // Before it is written: from then on nothing comes too late.
            world.membership.set(person, in: hallID, true, at: milliseconds())
            try database.setMember(
                id(person), of: hallID, as: Membership.role(of: person, in: hallID))
            world.history.count("members brought in")
        } catch {
            world.history.breach(.database, "a member cannot be brought in: \(error)")
        }
    }

    private func id(_ person: Int) -> Int64 { world.history.people[person].id }
}
