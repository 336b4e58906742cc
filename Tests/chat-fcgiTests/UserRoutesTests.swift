// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatTesting
import CompactJSON
import Testing

@testable import chat_fcgi

struct UserRoutesTests {
    private let ana: JSONValue = ["username": "ana", "password": "password1"]

    /// What a browser would send back.
    private func cookie(_ response: HTTPResponse) -> String {
        String(response.header("Set-Cookie")?.prefix { $0 != ";" } ?? "")
    }

    @Test func `who registers is signed in`() throws {
        let client = try Client()
        let response = client.post("/chat/register", ana)
        #expect(response.status == .created)
        #expect(
            response.json == ["user": ["id": 1, "username": "ana", "name": "ana", "version": 0]])
        #expect(response.header("Set-Cookie")?.hasSuffix("; Max-Age=2592000") == true)

        client.cookie = cookie(response)
        let me = client.get("/chat/me")
        #expect(me.status == .ok)
        #expect(
            me.json == [
                "user": ["id": 1, "username": "ana", "name": "ana", "version": 0],
                "login": "accounts", "registration": true,
                "limits": ["message_length_max": 4_000],
            ])
    }

    @Test func `the cookie is secure where the request is`() throws {
        let client = try Client()
        var request = client.request(.post, "/chat/register", ana)
        request.isSecure = true
        #expect(client.send(request).header("Set-Cookie")?.hasSuffix("; Secure") == true)
    }

    @Test func `a name is taken once`() throws {
        let client = try Client()
        _ = client.post("/chat/register", ana)
        let response = client.post("/chat/register", ["username": "ANA", "password": "password2"])
        #expect(response.status == .conflict)
        #expect(response.code == "username_taken")
    }

    @Test func `a password has its bounds`() throws {
        let client = try Client()
        let short = client.post("/chat/register", ["username": "ana", "password": "1234567"])
        #expect(short.status == .unprocessableContent)
        #expect(short.code == "invalid_password")
        #expect(short.json["limit"]?.integer == 8)
        let eight = client.post("/chat/register", ["username": "ana", "password": "12345678"])
        #expect(eight.status == .created)
    }

    @Test func `a password is the same whichever keyboard writes it`() throws {
        let client = try Client()
        func body(_ password: String) -> JSONValue {
            ["username": "ana", "password": .string(password)]
        }
        let registered = client.post("/chat/register", body("mi contrase\u{F1}a"))
        #expect(registered.status == .created)
        #expect(client.post("/chat/login", body("mi\u{A0}contrasen\u{303}a")).status == .ok)
        client.cookie = cookie(registered)
        let changed = client.post(
            "/chat/password",
            ["old_password": "mi\u{3000}contraseña", "password": "otra contrasen\u{303}a"])
        #expect(changed.status == .noContent)
        #expect(client.post("/chat/login", body("otra\u{2003}contraseña")).status == .ok)
        let tab = client.post("/chat/register", ["username": "eva", "password": "pass\tword1"])
        #expect(tab.code == "invalid_password")
    }

    @Test(arguments: ["", "a b", "a\nb", String(repeating: "x", count: 65)])
    func `a name that is none is refused`(_ name: String) throws {
        let response = try Client().post(
            "/chat/register", ["username": .string(name), "password": "password1"])
        #expect(response.status == .unprocessableContent)
        #expect(response.code == "invalid_username")
    }

    @Test func `registration may be closed`() throws {
        let client = try Client()
        client.site.isRegistrationOpen = false
        let response = client.post("/chat/register", ana)
        #expect(response.status == .forbidden)
        #expect(response.code == "registration_closed")
        #expect(client.get("/chat/me").json["registration"]?.bool == false)
    }

    @Test func `an address makes only so many accounts`() throws {
        var limits = Limits()
        limits.loginsPerAddressMax = 2
        let client = try Client(limits)
        for name in ["a", "b"] {
            let response = client.post(
                "/chat/register", ["username": .string(name), "password": "password1"])
            #expect(response.status == .created)
        }
        let response = client.post("/chat/register", ["username": "c", "password": "password1"])
        #expect(response.status == .tooManyRequests)
        #expect(response.code == "rate_limited")
        #expect(response.header("Retry-After") == "300")
        #expect(response.json["retry_after"]?.integer == 300)
    }

    @Test func `the right password signs in`() throws {
        let client = try Client()
        _ = try client.database.makeUser()
        let response = client.post("/chat/login", ana)
        #expect(response.status == .ok)
        client.cookie = cookie(response)
        #expect(client.get("/chat/me").status == .ok)
    }

    @Test func `a wrong password and an unknown name look the same`() throws {
        let client = try Client()
        _ = try client.database.makeUser()
        let wrong = client.post("/chat/login", ["username": "ana", "password": "password2"])
        let unknown = client.post("/chat/login", ["username": "eva", "password": "password2"])
        #expect(wrong.status == .unauthorized)
        #expect(wrong.code == "wrong_credentials")
        #expect(wrong.bytes() == unknown.bytes())
    }

    @Test func `an account takes only so many wrong passwords`() throws {
        var limits = Limits()
        limits.loginsPerAccountMax = 2
        let client = try Client(limits)
        _ = try client.database.makeUser()
        let wrong: JSONValue = ["username": "ana", "password": "password2"]
        #expect(client.post("/chat/login", wrong).code == "wrong_credentials")
        #expect(client.post("/chat/login", wrong).code == "wrong_credentials")
        #expect(client.post("/chat/login", ana).code == "rate_limited")
    }

    @Test func `logins do not take all threads`() throws {
        let client = try Client()
        client.site.passwords = PasswordQueue(countMax: 0)
        let response = client.post("/chat/login", ana)
        #expect(response.status == .serviceUnavailable)
        #expect(response.code == "busy")
        #expect(response.header("Retry-After") == "1")
    }

    @Test func `logout ends the session and takes the cookie`() throws {
        let (client, _) = try Client.signedIn()
        let response = client.post("/chat/logout")
        #expect(response.status == .noContent)
        #expect(response.header("Set-Cookie")?.contains("halls_session=; ") == true)
        #expect(client.wakeCount == 1)
        #expect(client.get("/chat/me").status == .unauthorized)
        #expect(client.post("/chat/logout").status == .unauthorized)
    }

    @Test func `logout wants no body`() throws {
        let (client, _) = try Client.signedIn()
        #expect(client.send(client.request(.post, "/chat/logout")).status == .noContent)
    }

    @Test func `a stranger learns how to come in`() throws {
        let response = try Client().get("/chat/me")
        #expect(response.status == .unauthorized)
        #expect(response.code == "unauthenticated")
        #expect(response.json["login"]?.string == "accounts")
        #expect(response.json["registration"]?.bool == true)
    }

    @Test(arguments: ["register", "login", "logout"])
    func `a site with its own login has no accounts here`(_ path: String) throws {
        let (client, _) = try Client.signedIn()
        client.site.hasAccounts = false
        client.remoteUser = "ana"
        #expect(client.post("/chat/\(path)", ana).code == "not_found")
        #expect(client.get("/chat/\(path)").code == "not_found")
    }
}
