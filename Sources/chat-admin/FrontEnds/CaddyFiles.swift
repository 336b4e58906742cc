// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ChatOptions

/// Caddy: what a site's block imports, the secret as a file of the environment, and the site if it is the chat's own.
enum CaddyFiles {
    static func files(for site: FrontEnd) throws -> [ConfigurationFile] {
        let prefix = site.prefix.path
        var text = Template(PackageResources.Caddyfile)
        if prefix.isEmpty { text = text.replacing("        uri strip_prefix \"@PREFIX@\"\n", "") }
        let login = try Login(site.login)
        var files = [
            ConfigurationFile(
                path: "\(site.folder)/halls.caddy",
                text: text.filled([
                    "HEADERS": AnswerHeaders.lines(for: site, indent: 12) { "\($0) \"\($1)\"" },
                    "PAGELOGIN": login.page, "LOGIN": login.rest,
                    "PERSON": login.parameters, "USERHEADER": login.header,
                    "EXPIRESHEADER": login.expires,
                    "FORWARDED": site.isBehindTLS ? "header_up X-Forwarded-Proto https" : "",
                    "REDIRECT": prefix.isEmpty ? "" : "redir \(prefix)/ \(prefix)/chat.html",
                    "TOOLARGE": Problem.tooLarge.json, "BUSY": Problem.busy.json,
                    "SECRETNAME": site.secretName, "FOLDER": site.folder, "PREFIX": prefix,
                    "PAGE": site.page.path, "SOCKETS": site.sockets.path,
                ])),
            ConfigurationFile(
                path: "\(site.folder)/secret.env",
                text: "\(site.secretName)=\(ConfigurationFile.secretMark)\n",
                ownership: .secret),
        ]
        if let host = site.host { files.append(whole(host, of: site)) }
        return files
    }

    private static func whole(_ host: PlainHost, of site: FrontEnd) -> ConfigurationFile {
        // Without a port of its own, Caddy gets the site a certificate.
        let address = site.listen.map { "http://\(host.name):\($0.port)" } ?? host.name
        let bind = site.listen.map { $0.address.isEmpty ? "" : "    bind \($0.address)\n" } ?? ""
        return ConfigurationFile(
            path: "\(site.folder)/site.caddy",
            text: """
                # A site for the chat alone.
                \(address) {
                \(bind)    redir / \(site.prefix.path)/chat.html
                    import halls.caddy
                    respond 404
                }

                """)
    }

    /// What stands in the places of a login.
    private struct Login {
        /// What chat-fcgi is told of a person.
        private static let names = ["REMOTE_USER", "HALLS_HANDLE", "HALLS_NAME", "HALLS_PICTURE"]

        /// In front of the page, and of the rest.
        var page = ""
        var rest = ""
        /// For chat-fcgi.
        var parameters = Self.names.map { "env \($0) \"\"" }
            .joined(separator: "\n                ")
        /// For chat-push.
        var header = "header_up -X-Remote-User"
        var expires = "header_up -X-Halls-Expires"

        init(_ login: SiteLogin) throws {
            switch login {
            case .accounts: break
            case .basic(let file):
                // Its lines are NAME HASH, the hash as `caddy hash-password` says it.
                page = "basicauth {\n            import \(file.path)\n        }"
                rest = page
                parameters = parameters.replacing(
                    "REMOTE_USER \"\"", with: "REMOTE_USER {http.auth.user.id}")
                header = "header_up X-Remote-User {http.auth.user.id}"
            case .remoteUser:
                throw ValidationError(
                    """
                    Caddy says a word of its own for a user that it asked nobody for, and the chat would take that for somebody. \
                    Use basic:FILE or check:URL.
                    """)
            case .check(let url):
                let headers = [
                    ("User", "Remote-User"), ("Handle", "Remote-Handle"), ("Name", "Remote-Name"),
                    ("Picture", "Remote-Picture"), ("Expires", "Halls-Expires"),
                ]
                // The site says who asks, by its own cookie alone: 204, and X-User for who is signed in. What a client says
                // by these names goes first.
                let forget =
                    headers.map { "request_header -X-\($1)" } + ["request_header -*_*"]
                let ask = [
                    "forward_auth \(url.origin) {", "    uri \(url.path)", "    header_up -Upgrade",
                    "    header_up -Connection",
                    "    copy_headers "
                        + headers.map { "X-\($0)>X-\($1)" }.joined(separator: " "), "}",
                ]
                // Of what the site did not say, Caddy makes the name of the place where it would have been.
                let clear = headers.flatMap {
                    [
                        "@no-\($0) header_regexp X-\($1) ^.http\\.reverse_proxy\\.",
                        "request_header @no-\($0) -X-\($1)",
                    ]
                }
                rest = (forget + ask + clear).joined(separator: "\n        ")
                parameters = zip(Self.names, headers)
                    .map { "env \($0) {http.request.header.X-\($1.1)}" }
                    .joined(separator: "\n                ")
                (header, expires) = ("", "")
            }
        }
    }
}
