// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ChatOptions
import Foundation
import Sockets

/// `chat-admin site SERVER`
struct SiteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "site",
        abstract: "Print the configuration of the web server in front of the chat.",
        discussion: """
            Without --host it is what a site's own block includes, with it a whole site. The database is not touched.
            """)

    @Argument(help: "The web server.")
    var server: Server

    @OptionGroup var prefix: PrefixOptions
    @OptionGroup var secret: FrontEndSecretOptions

    @Option(help: "The name of a site for the chat alone.")
    var host: PlainHost?

    @Option(help: "With --host, where it listens: a port, or ADDRESS:PORT.")
    var listen: PlainListen?

    @Option(
        help: "The folder of the daemons' sockets; /run/halls, and /run/halls/NAME of an instance.")
    var sockets: PlainPath?

    @Option(help: "The folder of chat.html.")
    var page = FrontEnd().page

    @Option(
        help: """
            How the site says who a person is: none (the chat has accounts), basic:FILE of passwords, check:URL that the server \
            asks, or remote-user, whom the server's own authentication means.
            """)
    var login = SiteLogin.accounts

    @Option(help: "Tells several chats of one server from each other: small letters and digits.")
    var instance = InstanceName()

    @Option(
        help:
            "Which pages may show the chat in a frame: none, self, or origins with spaces between them."
    )
    var frameAncestors = FrameAncestors()

    @Flag(help: "The browser speaks HTTPS in any case, to a proxy in front of this server.")
    var behindTLS = false

    @Option(
        help:
            "The folder of the server's configuration, where the files are written instead of printed."
    )
    var into: String?

    func run() throws {
        let site = try site
        let files = try server.files(for: site, in: into)
        if let into {
            try ConfigurationFolder(path: into).write(files, secret: try secret.value)
        } else {
            for file in files { print(file.printed(for: site)) }
        }
        print(server.use(of: site))
    }

    private var site: FrontEnd {
        get throws {
            guard listen == nil || host != nil else {
                throw ValidationError(
                    "--listen belongs to a site of the chat's own: name it with --host.")
            }
            var site = FrontEnd()
            (site.prefix, site.host, site.listen, site.page) = (prefix.prefix, host, listen, page)
            site.sockets =
                sockets
                ?? PlainPath(
                    unchecked: instance.name.isEmpty ? "/run/halls" : "/run/halls/\(instance.name)")
            (site.login, site.instance, site.frameAncestors) = (login, instance, frameAncestors)
            (site.isBehindTLS, site.secretFile) = (behindTLS, try secret.path)
            return site
        }
    }
}

/// The secret by which the daemons know the web server.
struct FrontEndSecretOptions: ParsableArguments {
    @Option(help: "The file with the front end's secret. It may be readable by root alone.")
    var secretFile = "/etc/halls/secret"

    /// Of what may stand in a configuration.
    var path: PlainPath {
        get throws {
            guard let path = PlainPath(argument: secretFile) else {
                throw ValidationError(
                    "--secret-file: '\(secretFile)' has a sign that no configuration takes.")
            }
            return path
        }
    }

    /// What is in it.
    var value: FrontEndSecret? {
        get throws {
            do {
                return try FrontEndSecret.read(secretFile)
            } catch {
                throw ValidationError("--secret-file: \(error)")
            }
        }
    }
}

/// The web servers that can be in front.
enum Server: String, CaseIterable, ExpressibleByArgument {
    case nginx, apache, lighttpd, caddy

    /// - Parameter folder: of the server's configuration, for what has to say it in full.
    func files(for site: FrontEnd, in folder: String? = nil) throws -> [ConfigurationFile] {
        switch self {
        case .nginx: try NginxFiles.files(for: site)
        case .apache: try ApacheFiles.files(for: site)
        case .lighttpd: try LighttpdFiles.files(for: site, folder: folder ?? self.folder)
        case .caddy: try CaddyFiles.files(for: site)
        }
    }

    /// Where Debian keeps its configuration.
    var folder: String { self == .apache ? "/etc/apache2" : "/etc/\(rawValue)" }

    /// What includes the files, as a comment.
    func use(of site: FrontEnd) -> String {
        let folder = site.folder
        let part =
            switch self {
            case .nginx:
                "`include \(folder)/halls-upstreams.conf;` in the http block, `include \(folder)/halls.conf;` in the server block"
            case .apache: "`Include \(folder)/halls.conf` in the VirtualHost"
            case .lighttpd:
                "`include \"\(folder)/halls-modules.conf\"`, and \"\(folder)/halls.conf\" there or in the condition of a host"
            case .caddy:
                "`import \(folder)/halls.caddy` in the site's block; EnvironmentFile=\(self.folder)/\(folder)/secret.env for Caddy"
            }
        let whole =
            switch self {
            case .nginx: "`include \(folder)/site.conf;` in the http block"
            case .apache: "`Include \(folder)/site.conf`"
            case .lighttpd: "`include \"\(folder)/site.conf\"`"
            case .caddy:
                "`import \(folder)/site.caddy`; EnvironmentFile=\(self.folder)/\(folder)/secret.env for Caddy"
            }
        return "# In \(self.folder): \(site.host == nil ? part : whole)."
    }
}
