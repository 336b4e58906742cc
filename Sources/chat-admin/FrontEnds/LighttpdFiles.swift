// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ChatOptions

/// lighttpd: what stands outside of all conditions, what stands in those of the site, and two scripts.
enum LighttpdFiles {
    static func files(for site: FrontEnd, folder: String) throws -> [ConfigurationFile] {
        guard let folder = PlainPath(argument: folder)?.path else {
            throw ValidationError("--into: '\(folder)' has a sign that no configuration takes.")
        }
        let prefix = site.prefix.path
        var modules = [
            "mod_alias", "mod_redirect", "mod_setenv", "mod_expire", "mod_magnet", "mod_fastcgi",
            "mod_proxy",
            "mod_deflate",
        ]
        var ask = ""
        switch site.login {
        case .accounts, .remoteUser: break
        case .basic(let file):
            modules = ["mod_auth", "mod_authn_file"] + modules
            ask = question(file, below: prefix)
        case .check:
            throw ValidationError(
                """
                lighttpd cannot ask the site by a request of its own. Use basic:FILE, or remote-user with any auth.backend \
                of mod_auth (LDAP, PAM, SQL) that the site has.
                """)
        }
        let secret = site.secretName.lowercased()
        func filled(_ resource: [UInt8]) -> String {
            Template(resource).filled([
                "MODULES": modules.map { "\"\($0)\"" }.joined(separator: ", "),
                "HEADERS": AnswerHeaders.lines(for: site, indent: 8) { "\"\($0)\" => \"\($1)\"," },
                "LOGIN": ask,
                "REDIRECT": prefix.isEmpty
                    ? ""
                    : """
                    $HTTP["url"] == "\(prefix)/" {
                        url.redirect = ( "" => "\(prefix)/chat.html" )
                        url.redirect-code = 302
                    }
                    """,
                "SCHEME": site.isBehindTLS ? "\"https\"" : "lighty.r.req_attr[\"uri.scheme\"]",
                "LUA": "\(folder)/\(site.folder)", "FOLDER": site.folder, "SECRETNAME": secret,
                "PREFIX": prefix,
                "PATTERN": site.pattern, "PAGE": site.page.path, "SOCKETS": site.sockets.path,
            ])
        }
        var files = [
            ConfigurationFile(
                path: "\(site.folder)/halls-modules.conf",
                text: filled(PackageResources.lighttpd_modules_conf)),
            ConfigurationFile(
                path: "\(site.folder)/halls.conf", text: filled(PackageResources.lighttpd_conf)),
            ConfigurationFile(
                path: "\(site.folder)/halls-request.lua",
                text: filled(PackageResources.lighttpd_request_lua)),
            ConfigurationFile(
                path: "\(site.folder)/halls-answer.lua",
                text: filled(PackageResources.lighttpd_answer_lua)),
            ConfigurationFile(
                path: "\(site.folder)/secret.conf",
                text: "var.\(secret) = \"\(ConfigurationFile.secretMark)\"\n", ownership: .secret),
        ]
        if let host = site.host { files.append(whole(host, of: site)) }
        return files
    }

    private static func question(_ file: PlainPath, below prefix: String) -> String {
        let places = ["chat.html", "chat/", "socket.io/"].map {
            "        \"\(prefix)/\($0)\" => ( \"method\" => \"basic\", \"realm\" => \"The site\", \"require\" => \"valid-user\" ),"
        }
        return """
            auth.backend = "htpasswd"
                auth.backend.htpasswd.userfile = "\(file.path)"
                auth.require = (
            \(places.joined(separator: "\n"))
                )
            """
    }

    private static func whole(_ host: PlainHost, of site: FrontEnd) -> ConfigurationFile {
        let listen = site.listen.map { listen in
            """
            $SERVER["socket"] == "\(listen.address):\(listen.port)" { }

            """
        }
        let name = host.name.replacing(".", with: "\\.")
        return ConfigurationFile(
            path: "\(site.folder)/site.conf",
            text: """
                # A site for the chat alone.
                include "\(site.folder)/halls-modules.conf"
                server.modules += ( "mod_access" )
                \(listen ?? "")$HTTP["host"] =~ "^\(name)(:[0-9]+)?$" {
                    server.document-root = "\(site.page.path)"
                    # Nothing else of the folder.
                    url.access-deny = ( "" )
                    $HTTP["url"] =~ "^(/$|\(site.pattern)/($|chat\\.html$|static/halls/|chat/|socket\\.io/))" {
                        url.access-deny = ()
                    }
                    $HTTP["url"] == "/" {
                        url.redirect = ( "" => "\(site.prefix.path)/chat.html" )
                        url.redirect-code = 302
                    }
                    include "\(site.folder)/halls.conf"
                }

                """)
    }
}
