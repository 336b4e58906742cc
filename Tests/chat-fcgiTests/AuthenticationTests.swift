// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatTesting
import CompactJSON
import Sockets
import Testing

@testable import chat_fcgi

struct SessionCookieTests {
    @Test func `a token goes only where scripts cannot read it`() {
        #expect(
            SessionCookie().header(token: "abc", lifetimeSeconds: 60, isSecure: false).value
                == "halls_session=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=60")
        #expect(
            SessionCookie().removals(from: "", isSecure: true).first?.value
                == "__Host-halls_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Secure")
    }
}

struct OriginPolicyTests {
    private func allows(
        _ origin: String, host: String, isSecure: Bool = false, fetchSite: String = "",
        others: [String] = []
    ) -> Bool {
        var request = HTTPRequest()
        request.origin = origin
        request.host = host
        request.isSecure = isSecure
        request.fetchSite = fetchSite
        return OriginPolicy(others: Set(others.compactMap { Origin($0) })).allows(request)
    }

    @Test(arguments: [
        ("http://a.example", "a.example"), ("http://A.example", "a.EXAMPLE"),
        ("http://a.example:80", "a.example"), ("http://a.example", "a.example:80"),
        ("http://a.example:8080", "a.example:8080"), ("https://a.example", "a.example"),
        ("https://a.example", "a.example:443"), ("http://[::1]:8080", "[::1]:8080"),
    ])
    func `the site's own pages may`(_ origin: String, host: String) {
        #expect(allows(origin, host: host))
    }

    @Test(arguments: [
        ("http://b.example", "a.example"), ("http://a.example.b.example", "a.example"),
        ("http://b.a.example", "a.example"), ("http://a.example:8080", "a.example"),
        ("http://a.example:443", "a.example"), ("http://a.example", "a.example:443"),
        ("null", "a.example"), ("null", "null"), ("a.example", "a.example"), ("http://", ""),
        ("http://a.example/", "a.example/"), ("http://x@a.example", "x@a.example"),
        ("file://a.example", "a.example"), ("http://a.example http://b.example", "a.example"),
    ])
    func `other pages may not`(_ origin: String, host: String) {
        #expect(!allows(origin, host: host))
    }

    @Test func `an origin is as long as its bound, and not one longer`() {
        let host = String(repeating: "a", count: 253) + ":65535"
        #expect(allows("https://\(host)", host: host))
        #expect(!allows("https://a\(host)", host: "a\(host)"))
    }

    @Test func `a plain page never speaks for a secure one`() {
        #expect(allows("https://a.example", host: "a.example", isSecure: true))
        #expect(!allows("http://a.example", host: "a.example", isSecure: true))
    }

    @Test func `origins that the operator names may`() {
        let others = ["https://www.example:443"]
        #expect(allows("https://www.example", host: "a.example", others: others))
        #expect(!allows("http://www.example", host: "a.example", others: others))
    }

    @Test(arguments: [
        ("", true), ("same-origin", true), ("none", true), ("same-site", false),
        ("cross-site", false), ("whatever", false),
    ])
    func `without an origin the browser's word counts`(_ fetchSite: String, isAllowed: Bool) {
        #expect(allows("", host: "a.example", fetchSite: fetchSite) == isAllowed)
    }
}

struct VisitorTests {
    @Test func `the first token that is valid says who it is`() throws {
        let (client, _) = try Client.signedIn()
        let valid = client.cookie
        let strange = "halls_session=" + String(repeating: "A", count: 43)

        client.cookie = "halls_session=short; \(strange); \(valid)"
        #expect(client.get("/chat/me").status == .ok)

        client.cookie = "\(strange); \(strange); \(strange); \(strange); \(valid)"
        #expect(client.get("/chat/me").status == .unauthorized)
    }

    @Test func `an expired session is none`() throws {
        let clock = TestClock()
        let client = try Client(clock: clock)
        try client.signIn(client.database.makeUser())
        #expect(client.get("/chat/halls").status == .ok)

        clock.advance(seconds: Limits().sessionLifetimeSeconds)
        #expect(client.get("/chat/halls").code == "unauthenticated")
    }

    @Test func `the site's own login makes users on first sight`() throws {
        let client = try Client()
        client.site.hasAccounts = false
        #expect(client.get("/chat/halls").code == "unauthenticated")

        client.remoteUser = "Ana"
        let me = client.get("/chat/me")
        #expect(me.json["user"]?["username"]?.string == "Ana")
        #expect(me.json["login"]?.string == "site")
        #expect(me.json["registration"]?.bool == false)
        #expect(try client.database.account(named: "ana").hasPassword == false)
    }

    @Test func `where the site signs in is told only with the site's own login`() throws {
        let client = try Client()
        client.site.loginURL = LoginURL(argument: "/login?next=/chat.html")
        #expect(client.get("/chat/session").json["login_url"] == nil)

        client.site.hasAccounts = false
        #expect(client.get("/chat/session").json["login_url"]?.string == "/login?next=/chat.html")
        #expect(client.get("/chat/me").json["login_url"]?.string == "/login?next=/chat.html")

        client.site.loginURL = nil
        #expect(client.get("/chat/session").json["login_url"] == nil)
    }

    @Test func `with the site's own login a cookie is nothing, and without it the user's name`()
        throws
    {
        let (client, _) = try Client.signedIn()
        client.site.hasAccounts = false
        #expect(client.get("/chat/me").status == .unauthorized)

        client.site.hasAccounts = true
        client.cookie = ""
        client.remoteUser = "ana"
        #expect(client.get("/chat/me").status == .unauthorized)
    }

    @Test func `a page may ask who it is without an error`() throws {
        let client = try Client()
        #expect(client.get("/chat/session").status == .ok)
        #expect(client.get("/chat/session").json["user"]?.isNull == true)
        #expect(client.get("/chat/session").json["login"]?.string == "accounts")

        try client.signIn(client.database.makeUser())
        #expect(client.get("/chat/session").json["user"]?["username"]?.string != nil)
    }

    @Test func `whom the operator shut out is nobody`() throws {
        let client = try Client()
        client.site.hasAccounts = false
        client.remoteUser = "ana"
        _ = client.get("/chat/me")
        try client.database.setDisabled(true, user: client.database.account(named: "ana").user.id)

        let me = client.get("/chat/me")
        #expect(me.status == .unauthorized)
        #expect(me.json["login"]?.string == "site")
        #expect(client.get("/chat/halls").code == "unauthenticated")
    }
}
