// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ChatOptions
import Sockets

/// What the configuration of a web server in front of the chat is made for. Each value is one that no quoting of any of the
/// servers' can be left with.
struct FrontEnd {
    var prefix = SitePrefix()
    /// With it a whole site of that name is made, without it what a site includes.
    var host: PlainHost?
    var listen: PlainListen?
    /// The folder of the daemons' sockets.
    var sockets = PlainPath(unchecked: "/run/halls")
    /// The folder of chat.html.
    var page = PlainPath(unchecked: "/usr/share/halls/site")
    /// The file that has the front end's secret for the daemons.
    var secretFile = PlainPath(unchecked: "/etc/halls/secret")
    var login = SiteLogin.accounts
    /// Tells several chats of one server from each other.
    var instance = InstanceName()
    var frameAncestors = FrameAncestors()
    /// Whether the browser speaks HTTPS in any case, to a proxy in front of this server.
    var isBehindTLS = false

    /// The folder of the made files, in that of the server's configuration.
    var folder: String { instance.name.isEmpty ? "halls" : "halls-\(instance.name)" }

    /// What the secret is called in a configuration.
    var secretName: String {
        "HALLS_" + (instance.name.isEmpty ? "" : instance.name.uppercased() + "_") + "SECRET"
    }

    /// The prefix as it stands in a pattern.
    var pattern: String { prefix.path.replacing(".", with: "\\.") }
}

/// A file of a web server's configuration.
struct ConfigurationFile {
    /// Below the folder of the server's configuration.
    var path: String
    var text: String
    /// Whose it is.
    var ownership = Ownership.ours

    enum Ownership {
        /// Each version brings it anew.
        case ours
        /// Made once, for the operator to change.
        case theirs
        /// Root's alone, for the secret is in it.
        case secret
    }
}

/// How the site says who a person is.
enum SiteLogin: Equatable, ExpressibleByArgument {
    /// The chat has accounts of its own.
    case accounts
    /// The server asks for a name and a password, and compares it with those of a file.
    case basic(PlainPath)
    /// The server asks the site by a request of its own.
    case check(PlainURL)
    /// Whatever authentication of the server's is set up there already.
    case remoteUser

    init?(argument: String) {
        switch argument {
        case "none": self = .accounts
        case "remote-user": self = .remoteUser
        default:
            guard let colon = argument.firstIndex(of: ":") else { return nil }
            let value = String(argument[argument.index(after: colon)...])
            switch argument[..<colon] {
            case "basic":
                guard let path = PlainPath(argument: value) else { return nil }
                self = .basic(path)
            case "check":
                guard let url = PlainURL(argument: value) else { return nil }
                self = .check(url)
            default: return nil
            }
        }
    }

    var defaultValueDescription: String { "none" }
}

/// A path of letters, digits and what means nothing to any of the servers.
struct PlainPath: Equatable, ExpressibleByArgument {
    let path: String

    init(unchecked path: String) { self.path = path }

    init?(argument: String) {
        guard argument.utf8.first != UInt8(ascii: "-"), argument.consists(of: "._/+@-") else {
            return nil
        }
        path = argument.count > 1 && argument.last == "/" ? String(argument.dropLast()) : argument
    }

    var defaultValueDescription: String { path }
}

/// The name of a host.
struct PlainHost: Equatable, ExpressibleByArgument {
    let name: String

    init?(argument: String) {
        guard argument.utf8.first != UInt8(ascii: "-"), argument.consists(of: ".-") else {
            return nil
        }
        name = argument
    }
}

/// Where a server listens: a port, with an address before it or without.
struct PlainListen: Equatable, ExpressibleByArgument {
    /// With the brackets of IPv6; empty for all addresses.
    let address: String
    let port: UInt16

    init?(argument: String) {
        let colon = argument.lastIndex(of: ":")
        let digits = colon.map { argument[argument.index(after: $0)...] } ?? argument[...]
        let address = colon.map { argument[..<$0] } ?? ""
        guard let port = UInt16(digits), port > 0,
            digits.utf8.allSatisfy({ $0 != UInt8(ascii: "+") })
        else { return nil }
        let isIPv6 = address.hasPrefix("[") && address.hasSuffix("]") && address.count > 2
        let inner = isIPv6 ? address.dropFirst().dropLast() : address
        guard colon == nil || String(inner).consists(of: isIPv6 ? ":" : ".") else { return nil }
        (self.address, self.port) = (String(address), port)
    }

    /// As it stands in nginx and Apache.
    var text: String { address.isEmpty ? "\(port)" : "\(address):\(port)" }
}

/// An address of the site, to be asked by the server.
struct PlainURL: Equatable, ExpressibleByArgument {
    /// `http://127.0.0.1:9000`
    let origin: String
    /// `/check`
    let path: String

    init?(argument: String) {
        guard let scheme = ["http://", "https://"].first(where: argument.hasPrefix) else {
            return nil
        }
        let rest = argument.dropFirst(scheme.count)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let (authority, path) = (String(rest[..<slash]), String(rest[slash...]))
        guard authority.consists(of: ".:[]-"), path.isEmpty || path.consists(of: "._~/-") else {
            return nil
        }
        origin = scheme + authority
        self.path = path.isEmpty ? "/" : path
    }
}

/// What tells several chats of one machine from each other; empty for the only one.
struct InstanceName: Equatable, ExpressibleByArgument {
    let name: String

    init() { name = "" }

    init?(argument: String) {
        guard 1...32 ~= argument.utf8.count, argument.consists(of: ""),
            argument.utf8.allSatisfy({ !(UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0) }),
            argument != "own"
        else { return nil }
        name = argument
    }

    var defaultValueDescription: String { "none" }
}

/// Which pages may show the chat in a frame.
struct FrameAncestors: Equatable, ExpressibleByArgument {
    /// As it stands in a Content-Security-Policy.
    let sources: String

    init() { sources = "'self'" }

    init?(argument: String) {
        switch argument {
        case "none": sources = "'none'"
        case "self": sources = "'self'"
        default:
            let words = argument.split(separator: " ").map(String.init)
            func isOrigin(_ word: String) -> Bool {
                guard let scheme = ["https://", "http://"].first(where: word.hasPrefix) else {
                    return false
                }
                let host = word.dropFirst(scheme.count)
                return String(host.hasPrefix("*.") ? host.dropFirst(2) : host).consists(of: ".:-")
            }
            guard !words.isEmpty, words.allSatisfy({ $0 == "self" || isOrigin($0) }) else {
                return nil
            }
            sources = words.map { $0 == "self" ? "'self'" : $0 }.joined(separator: " ")
        }
    }

    var defaultValueDescription: String { "self" }
}

extension String {
    /// Whether there is something in it, and nothing but ASCII's letters and digits and those signs.
    fileprivate func consists(of signs: String) -> Bool {
        !isEmpty
            && utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: signs.utf8.contains(byte)
                }
            }
    }
}
