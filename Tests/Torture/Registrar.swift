// SPDX-License-Identifier: Apache-2.0

import ChatModels
import CompactJSON
import Glibc

/// People get other usernames and names: from the operator, who runs chat-admin, several at a time; from another program; and
/// by their own wish, over REST.
final class Registrar {
    /// A chat-admin under way, or ended and not yet looked after.
    private struct Job {
        var pid: pid_t?
        var person: Int
        /// The username that is wanted; `nil` where it is only a name.
        var username: String?
        var began: Int64
        /// When it is killed, in the midst of it.
        var killAt: Int64?
    }

    private static let jobsMax = 3
    /// A person may choose ten a day; some attempts have no answer.
    private static let wishesMax = 4

    private let world: World
    private let site: Site
    private let database: ChatDatabase
    private var jobs: [Job] = []
    private var wanted = 0
    private var number = 0
    /// Usernames that others have given up: whoever gets one is not who had it.
    private var free: [String] = []

    init(_ stage: Stage) {
        (world, site, database) = (stage.world, stage.site, stage.database)
    }

    var isIdle: Bool { jobs.isEmpty && wanted == 0 }

    /// Some more people are to change.
    func want(_ count: Int) { wanted += count }

    /// No more than are under way.
    func finish() { wanted = 0 }

    /// - Parameter mayWrite: whether this program itself may wait for the database's lock.
    func turn(_ random: inout Randomness, mayWrite: Bool) {
        jobs.removeAll { job in isOver(job) && isSettled(job) }
        let still = world.movers.filter {
            !world.history.people[$0].isChanging && !world.history.people[$0].isLeftAlone
        }
        guard wanted > 0, jobs.count < Self.jobsMax, !still.isEmpty else { return }
        wanted -= 1
        change(random.pick(still), &random, mayWrite: mayWrite)
    }

    private func change(_ person: Int, _ random: inout Randomness, mayWrite: Bool) {
        number += 1
        world.history.people[person].isChanging = true
        let shown = "Ñ \(number) of \(person)"
        switch random.int(1...8) {
        case 1...2 where world.history.people[person].wishes < Self.wishesMax:
            world.history.people[person].wishes += 1
            world.history.count("names")
            world.clients[person].want(shown)
        case 3:
            world.history.count("names by the operator")
            let name = random.isTrue(oneIn: 3) ? "" : shown
            let username = world.history.people[person].username
            start(["profile", username, "--name", name], person, nil)
        case 4 where mayWrite: renameHere(person, to: username(person, &random), &random)
        default:
            let new = username(person, &random)
            let killAt = random.isTrue(oneIn: 8) ? world.now + random.milliseconds(0...40) : nil
            let old = world.history.people[person].username
            begin(person, new)
            start(["rename", old, new], person, new, killAt: killAt)
        }
    }

    private func username(_ person: Int, _ random: inout Randomness) -> String {
        guard !free.isEmpty, random.isTrue(oneIn: 4) else { return "person\(person)-\(number)" }
        return free.remove(at: random.int(0...free.count - 1))
    }

    private func begin(_ person: Int, _ username: String) {
        world.history.count("renames")
        world.history.people[person].begin(username)
    }

    /// Another program writes, now and then without waking chat-push.
    private func renameHere(_ person: Int, to username: String, _ random: inout Randomness) {
        begin(person, username)
        _ = try? database.renameUser(world.history.people[person].id, to: username)
        if random.isTrue(oneIn: 2) { WakeSocket(path: site.folder + "/wake.sock").wake() }
        let job = Job(pid: nil, person: person, username: username, began: world.now)
        if !isSettled(job) { jobs.append(job) }
    }

    private func start(
        _ arguments: [String], _ person: Int, _ username: String?, killAt: Int64? = nil
    ) {
        // Without one it is settled as what did not happen.
        let pid = try? site.admin(["users"] + arguments)
        jobs.append(
            Job(
                pid: pid, person: person, username: username, began: world.now, killAt: killAt))
    }

    private func isOver(_ job: Job) -> Bool {
        guard let pid = job.pid else { return true }
        if let at = job.killAt, world.now >= at { kill(pid, SIGKILL) }
        return site.adminEnded(pid)
    }

    /// What was done is in the database: also where the one who did it was killed, or says that it could not.
    private func isSettled(_ job: Job) -> Bool {
        guard let user = try? database.userSnapshot(world.history.people[job.person].id)?.user
        else { return false }
        let now = milliseconds()
        if let username = job.username {
            if user.username == username {
                free.append(world.history.people[job.person].username)
                world.history.people[job.person].acknowledgeUsername(at: now)
                world.history.count("renames acknowledged")
            } else {
                world.history.people[job.person].withdrawUsername()
                world.history.count("renames not done")
            }
        }
        world.history.people[job.person].isChanging = false
        var json = JSONWriter()
        user.write(to: &json)
        guard let value = try? JSONValue(parsing: json.bytes),
            let sight = world.history.recognize(user: value, now: now)
        else { return true }
        world.history.acknowledge(sight, began: job.began, now: now)
        return true
    }
}
