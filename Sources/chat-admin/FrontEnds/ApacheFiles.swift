// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ChatOptions

/// Apache: what a VirtualHost includes, the secret, and the VirtualHost if it is the chat's own.
enum ApacheFiles {
    static func files(for site: FrontEnd) throws -> [ConfigurationFile] {
        let prefix = site.prefix.path
        let secret = site.secretName
        let text = Template(PackageResources.apache_conf).filled([
            "MODULES": try modules(for: site.login),
            "REDIRECT": prefix.isEmpty
                ? "" : "RedirectMatch temp \"^\(site.pattern)/$\" \"\(prefix)/chat.html\"",
            "HEADERS": AnswerHeaders.lines(for: site, indent: 4) {
                "Header onsuccess unset \($0)\n    Header always set \($0) \"\($1)\""
            },
            "SCHEME": site.isBehindTLS ? "https" : "expr=%{REQUEST_SCHEME}",
            "USERHEADER": site.login == .accounts
                ? "RequestHeader unset X-Remote-User"
                : "RequestHeader set X-Remote-User \"expr=%{REMOTE_USER}\"",
            "EXPIRESHEADER": site.login == .remoteUser
                ? "RequestHeader set X-Halls-Expires \"expr=%{reqenv:HALLS_EXPIRES}\""
                : "RequestHeader unset X-Halls-Expires",
            "LOGIN": ask(for: site.login),
            // Of a server's own authentication, SetEnv may say what else the site knows of a person.
            "PERSON":
                (site.login == .remoteUser ? [] : ["HALLS_HANDLE", "HALLS_NAME", "HALLS_PICTURE"])
                .map { "ProxyFCGISetEnvIf \"true\" !\($0)" }
                .joined(separator: "\n    ")
                + (site.login == .accounts ? "\n    ProxyFCGISetEnvIf \"true\" !REMOTE_USER" : ""),
            "TOOLARGE": Problem.tooLarge.json, "BUSY": Problem.busy.json,
            "SECRETNAME": secret, "PREFIX": prefix, "PATTERN": site.pattern, "FOLDER": site.folder,
            "PAGE": site.page.path, "SOCKETS": site.sockets.path,
        ])
        var files = [
            ConfigurationFile(path: "\(site.folder)/halls.conf", text: text),
            ConfigurationFile(
                path: "\(site.folder)/secret.conf",
                text: "Define \(secret) \(ConfigurationFile.secretMark)\n",
                ownership: .secret),
        ]
        if let host = site.host { files.append(virtualHost(host, of: site)) }
        return files
    }

    private static func modules(for login: SiteLogin) throws -> String {
        switch login {
        case .accounts, .remoteUser: ""
        case .basic: "auth_basic authn_file authz_user"
        case .check:
            throw ValidationError(
                """
                Apache cannot ask the site by a request of its own. Use basic:FILE, or remote-user where the site signs people \
                in with a module of Apache's that sets REMOTE_USER (mod_auth_form, OpenID Connect, LDAP, certificates).
                """)
        }
    }

    private static func ask(for login: SiteLogin) -> String {
        guard case .basic(let file) = login else { return "" }
        return """
            AuthType Basic
                AuthName "The site"
                AuthUserFile "\(file.path)"
                Require valid-user
            """
    }

    private static func virtualHost(_ host: PlainHost, of site: FrontEnd) -> ConfigurationFile {
        let address = site.listen?.address ?? ""
        return ConfigurationFile(
            path: "\(site.folder)/site.conf",
            text: """
                # A site for the chat alone. For TLS: port 443, SSLEngine on, and the certificate.
                <VirtualHost \(address.isEmpty ? "*" : address):\(site.listen?.port ?? 80)>
                    ServerName \(host.name)
                    DocumentRoot "\(site.page.path)"
                    <Location "/">
                        Require all denied
                    </Location>
                    <LocationMatch "^\(site.pattern)/(chat\\.html$|static/halls/|chat/|socket\\.io/)">
                        Require all granted
                    </LocationMatch>
                    RedirectMatch temp "^/$" "\(site.prefix.path)/chat.html"
                    Include \(site.folder)/halls.conf
                </VirtualHost>

                """)
    }
}
