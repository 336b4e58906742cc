// SPDX-License-Identifier: Apache-2.0

import CompactJSON

/// Somebody in a run: what the server was told of them, and what it says.
struct Person {
    /// A username that somebody was to get.
    struct Naming {
        var username: String
        /// Since when it is certain; `nil` while it is not.
        var acknowledged: Int64?
    }

    /// What a version shows.
    struct Shown: Equatable {
        var username: String
        var name: String
    }

    let id: Int64
    /// How findings call the person: by the username of the beginning, for ever.
    let name: String
    /// In their order, the last perhaps only wanted.
    private(set) var namings: [Naming]
    /// What each version was seen to be.
    private var shown: [Int64: Shown]
    /// Since when somebody has known of each version that was the newest then.
    private var sightings: [(version: Int64, at: Int64)] = []
    /// The last version of which the server has said that it is kept.
    private(set) var acknowledgedVersion: Int64 = 0
    /// Whether a change is under way: there is one at a time.
    var isChanging = false
    /// Whether nobody is to change anything any more.
    var isLeftAlone = false
    /// How many names the person has asked for.
    var wishes = 0

    init(id: Int64, name: String) {
        (self.id, self.name) = (id, name)
        namings = [Naming(username: name, acknowledged: .min)]
        shown = [0: Shown(username: name, name: name)]
    }

    // MARK: Usernames

    /// The username that the person has for certain.
    var username: String { namings.last { $0.acknowledged != nil }?.username ?? name }

    func isCalled(_ username: String) -> Bool { namings.contains { $0.username == username } }

    mutating func begin(_ username: String) { namings.append(Naming(username: username)) }

    /// The username that was wanted last is there for certain.
    mutating func acknowledgeUsername(at now: Int64) {
        namings[namings.count - 1].acknowledged = now
    }

    /// It is not there, and nobody will see it.
    mutating func withdrawUsername() { namings.removeLast() }

    /// The username that was there for certain, between two moments, in the place of one.
    func successor(of username: String, after: Int64 = .min, before moment: Int64) -> Naming? {
        guard username != namings[namings.count - 1].username,
            let index = namings.lastIndex(where: { $0.username == username })
        else { return nil }
        return namings[(index + 1)...].last { naming in
            naming.acknowledged.map { after < $0 && $0 < moment } ?? false
        }
    }

    // MARK: Versions

    /// - Returns: what the version was seen to be before, if that was something else.
    mutating func note(_ new: Shown, _ version: Int64, now: Int64) -> Shown? {
        if version > sightings.last?.version ?? 0 { sightings.append((version, now)) }
        let seen = shown.updateValue(new, forKey: version)
        return seen == new ? nil : seen
    }

    mutating func acknowledge(version: Int64) {
        acknowledgedVersion = max(acknowledgedVersion, version)
    }

    /// The newest version that somebody had seen before a moment.
    func newest(before moment: Int64) -> Int64 {
        sightings.last { $0.at < moment }?.version ?? 0
    }
}

/// A person as one copy shows them.
struct Sight {
    /// Who, as an index into the people.
    var person: Int
    var version: Int64
    var username: String
}

/// A change of a person that everybody is to hear of.
struct Announcement {
    var person: Int
    var version: Int64
    /// When it was wanted, and when it was certain.
    var began: Int64
    var acknowledged: Int64
}

extension History {
    /// Finds the person that an object shows, and holds it against what others were shown of the same version.
    func recognize(user: JSONValue, now: Int64) -> Sight? {
        guard let id = user["id"]?.integer, let username = user["username"]?.string,
            let name = user["name"]?.string, let version = user["version"]?.integer
        else {
            breach(.forged, "a user without its members: \(user)")
            return nil
        }
        guard let person = person(id), people[person].isCalled(username) else {
            breach(.forged, "a user whom nobody has made: \(user)")
            return nil
        }
        let shown = Person.Shown(username: username, name: name)
        if let seen = people[person].note(shown, version, now: now) {
            breach(
                .disordered,
                "version \(version) of \(people[person].name) is \(shown), and was \(seen)")
        }
        return Sight(person: person, version: version, username: username)
    }

    /// The server has said that something else is shown of somebody.
    func acknowledge(_ sight: Sight, began: Int64, now: Int64) {
        people[sight.person].acknowledge(version: sight.version)
        announcements.append(
            Announcement(
                person: sight.person, version: sight.version, began: began, acknowledged: now))
    }

    /// Whether a username was an old one at a moment: another had been there for certain, since a moment or later.
    func isOld(
        _ username: String, of person: Int, since after: Int64 = .min, before moment: Int64
    ) -> Bool {
        people[person].successor(of: username, after: after, before: moment) != nil
    }
}
