// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ChatOptions

/// nginx: the shipped files, with what this site wants otherwise put in their places.
enum NginxFiles {
    static func files(for site: FrontEnd) throws -> [ConfigurationFile] {
        guard site.login != .remoteUser else {
            throw ValidationError(
                """
                nginx has no user that was checked in any case: $remote_user is whatever a client sends where no auth_basic asks. \
                Use basic:FILE, check:URL, or none and set $halls_user in \(site.folder)/own/login.conf.
                """)
        }
        let here = Here(site: site)
        var files = [
            here.ours("halls-upstreams", PackageResources.halls_upstreams_conf) {
                $0.replacing("/run/halls/", site.sockets.path + "/")
                    .replacing("\"'self'\"", "\"\(site.frameAncestors.sources)\"")
            },
            here.ours("halls-headers", PackageResources.halls_headers_conf) { $0 },
            here.ours("halls-file", PackageResources.halls_file_conf) {
                $0.replacing("root /usr/share/halls/site;", here.root)
            },
            here.ours("halls", PackageResources.halls_conf) { here.locations(of: $0) },
            here.theirs("chat", PackageResources.own_chat_conf),
            here.theirs("headers", PackageResources.own_headers_conf),
            here.theirs("login", PackageResources.own_login_conf),
            here.theirs("socket.io", PackageResources.own_socket_io_conf),
            here.secret,
        ]
        if let host = site.host { files.append(here.server(host)) }
        return files
    }
}

/// nginx's names for one chat.
private struct Here {
    let site: FrontEnd

    private var prefix: String { site.prefix.path }

    /// The chat's own variables, upstreams and places.
    private func named(_ template: Template) -> Template {
        var template = template
        if !site.instance.name.isEmpty {
            template.text = template.text.replacing("halls_", with: "halls_\(site.instance.name)_")
                .replacing("include halls/", with: "include \(site.folder)/")
        }
        return template
    }

    func ours(_ name: String, _ resource: [UInt8], _ change: (Template) -> Template)
        -> ConfigurationFile
    {
        ConfigurationFile(
            path: "\(site.folder)/\(name).conf", text: named(change(Template(resource))).text)
    }

    func theirs(_ name: String, _ resource: [UInt8]) -> ConfigurationFile {
        ConfigurationFile(
            path: "\(site.folder)/own/\(name).conf", text: named(Template(resource)).text,
            ownership: .theirs)
    }

    var secret: ConfigurationFile {
        let text = Template(PackageResources.own_secret_conf)
            .replacing(
                "# set $halls_secret 0123456789abcdef0123456789abcdef;",
                "set $halls_secret \(ConfigurationFile.secretMark);")
        return ConfigurationFile(
            path: "\(site.folder)/own/secret.conf", text: named(text).text, ownership: .secret)
    }

    /// Where the files lie: there without the prefix.
    var root: String {
        let root = "root \(site.page.path);"
        return prefix.isEmpty ? root : "rewrite ^\(site.pattern)(/.*)$ $1 break;\n" + root
    }

    func locations(of template: Template) -> Template {
        var template =
            template
            .replacing("location = /", "location = \(prefix)/")
            .replacing("location ^~ /", "location ^~ \(prefix)/")
            .replacing("/etc/nginx/halls/", "/etc/nginx/\(site.folder)/")
            .replacing("/usr/share/halls/site/", site.page.path + "/")
        switch site.login {
        case .accounts, .remoteUser: break
        case .basic(let file):
            let ask = "auth_basic \"The site\";\n    auth_basic_user_file \(file.path);"
            template =
                template
                .replacing(
                    "include halls/own/login.conf;", ask + "\n    set $halls_user $remote_user;"
                )
                .replacing(
                    "location = \(prefix)/chat.html {\n",
                    "location = \(prefix)/chat.html {\n    \(ask)\n")
        case .check(let url):
            let place = "\(prefix)/halls-login-check"
            template = template.replacing(
                "include halls/own/login.conf;",
                """
                auth_request \(place);
                    auth_request_set $halls_user $upstream_http_x_user;
                    auth_request_set $halls_handle $upstream_http_x_handle;
                    auth_request_set $halls_name $upstream_http_x_name;
                    auth_request_set $halls_picture $upstream_http_x_picture;
                    auth_request_set $halls_expires $upstream_http_x_expires;
                """)
            template.text += """

                # The site says who asks, by its own cookie alone: 204, and X-User for who is signed in.
                location = \(place) {
                    internal;
                    auth_request off;
                    proxy_pass \(url.origin)\(url.path);
                    proxy_pass_request_body off;
                    proxy_set_header Content-Length "";
                    proxy_set_header Host $http_host;
                }

                """
        }
        if site.isBehindTLS {
            for name in ["fastcgi_pass", "proxy_pass http://halls_push"] {
                template = template.replacing(
                    "    \(name)", "    set $halls_scheme https;\n    \(name)")
            }
        }
        if !prefix.isEmpty {
            template.text += """

                # The folder itself is the page.
                location = \(prefix)/ {
                    absolute_redirect off;
                    return 302 \(prefix)/chat.html;
                }

                """
        }
        return template
    }

    func server(_ host: PlainHost) -> ConfigurationFile {
        let headers = "include \(site.folder)/halls-headers.conf;"
        return ConfigurationFile(
            path: "\(site.folder)/site.conf",
            text: """
                # A site for the chat alone, for nginx's http block. `listen 443 ssl;` and the certificate are all that TLS takes.
                include \(site.folder)/halls-upstreams.conf;

                server {
                    listen \(site.listen?.text ?? "80");
                    server_name \(host.name);
                    \(headers)
                    # Redirects keep the port under which the browser came.
                    absolute_redirect off;

                    include \(site.folder)/halls.conf;

                    location = / {
                        return 302 \(prefix)/chat.html;
                    }
                    location / {
                        return 404;
                    }
                }

                """)
    }
}
