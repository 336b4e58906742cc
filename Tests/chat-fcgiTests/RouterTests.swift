// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatTesting
import CompactJSON
import Foundation
import Sockets
import Testing

@testable import chat_fcgi

struct RouterTests {
    @Test func `health says ok`() throws {
        let response = try Client().get("/chat/health")
        #expect(response.status == .ok)
        #expect(response.json == ["status": "ok"])
    }

    @Test(arguments: [
        "", "/", "/chat", "/chat/", "/chat/nothing", "/chat/health/", "/chat//health", "/health",
        "/chatter/health", "/chat/../chat/health", "/chat/messages", "/chat/messages/",
        "/chat/messages/0", "/chat/messages/-1", "/chat/messages/x", "/chat/messages/1/x",
        "/chat/messages/1/2/3",
        "/chat/messages/9007199254740992", "/chat/halls/members", "/chat/halls/x/members", "/%",
        "/chat%2Fhealth", "/chat/HEALTH",
    ])
    func `what is not in the table is not there`(_ target: String) throws {
        let (client, _) = try Client.signedIn()
        #expect(client.get(target).status == .notFound)
        #expect(client.get(target).code == "not_found")
    }

    @Test(arguments: [
        ("POST", "/chat/health", "GET, HEAD"), ("GET", "/chat/register", "POST"),
        ("HEAD", "/chat/login", "POST"), ("PUT", "/chat/halls", "GET, HEAD, POST"),
        ("DELETE", "/chat/messages/1", "GET, HEAD, POST"),
        ("OPTIONS", "/chat/me", "GET, HEAD, PATCH"),
        ("get", "/chat/me", "GET, HEAD, PATCH"), ("GET", "/chat/halls/join", "POST"),
    ])
    func `another method is told which there are`(
        _ method: String, _ target: String, _ allowed: String
    ) throws {
        let client = try Client()
        let response = client.send(client.request(HTTPRequest.Method(method), target))
        #expect(response.status == .methodNotAllowed)
        #expect(response.code == "method_not_allowed")
        #expect(response.header("Allow") == allowed)
    }

    @Test func `HEAD is answered as GET is`() throws {
        let client = try Client()
        #expect(client.send(client.request(.head, "/chat/health")).status == .ok)
    }

    @Test func `the base path is the operator's choice`() throws {
        let client = try Client()
        client.site.basePath = ["apps", "talk"]
        #expect(client.get("/apps/talk/health").status == .ok)
        #expect(client.get("/chat/health").status == .notFound)
        client.site.basePath = []
        #expect(client.get("/health").status == .ok)
    }

    @Test(arguments: [
        (HTTPRequest.Method.get, "/chat/halls"), (.post, "/chat/halls"),
        (.post, "/chat/halls/join"),
        (.post, "/chat/halls/leave"), (.get, "/chat/halls/1/members"), (.get, "/chat/messages/1"),
        (.post, "/chat/messages/1"), (.get, "/chat/me"), (.post, "/chat/logout"),
    ])
    func `a stranger is asked to sign in`(_ method: HTTPRequest.Method, _ target: String) throws {
        let client = try Client()
        let response = client.send(client.request(method, target, [:]))
        #expect(response.status == .unauthorized)
        #expect(response.code == "unauthenticated")
    }

    @Test(arguments: [
        "/chat/register", "/chat/login", "/chat/logout", "/chat/halls", "/chat/halls/join",
        "/chat/halls/leave", "/chat/messages/1",
    ])
    func `a page of another site changes nothing`(_ target: String) throws {
        let (client, _) = try Client.signedIn()
        var request = client.request(.post, target, [:])
        request.origin = "http://evil.example"
        #expect(client.send(request).status == .forbidden)
        #expect(client.send(request).code == "origin_refused")

        request.origin = "http://chat.example"
        #expect(client.send(request).code != "origin_refused")
    }

    @Test func `who is not the front end is refused whatever it asks for`() throws {
        let text = String(repeating: "s", count: 32)
        let secret: FrontEndSecret = try #require(FrontEndSecret(text))
        let (client, _) = try Client.signedIn()
        client.site.frontEnd = FrontEndPolicy(secret: secret)
        for target in ["/chat/me", "/chat/health", "/elsewhere"] {
            var request = client.request(.get, target)
            for said in ["", "x", text + "s"] {
                request.secret = said
                #expect(client.send(request).code == "front_end_refused")
                #expect(client.send(request).status == .forbidden)
            }
            request.secret = text
            #expect(client.send(request).code != "front_end_refused")
        }
    }

    @Test func `reading is not bound to an origin`() throws {
        let (client, _) = try Client.signedIn()
        var request = client.request(.get, "/chat/halls")
        request.origin = "http://evil.example"
        #expect(client.send(request).status == .ok)
    }

    @Test(arguments: [
        "/chat/register", "/chat/login", "/chat/halls", "/chat/halls/join", "/chat/halls/leave",
        "/chat/messages/1",
    ])
    func `a body that is not what it must be is refused`(_ target: String) throws {
        let (client, _) = try Client.signedIn()
        var request = client.request(.post, target, [:])
        #expect(client.send(request).status == .badRequest)
        for text in ["", "{", "[]", "null", "\"x\"", "{}x", "{\"name\":1,\"content\":1}"] {
            request.body = .whole(Array(text.utf8))
            #expect(client.send(request).code == "invalid_request", "\(text)")
        }
        request.body = .cutShort
        #expect(client.send(request).code == "invalid_request")
        request.body = .tooLarge
        #expect(client.send(request).status == .contentTooLarge)
        #expect(client.send(request).code == "too_large")
        request.contentType = "text/plain"
        request.body = .whole(Array("{}".utf8))
        #expect(client.send(request).status == .unsupportedMediaType)
        #expect(client.send(request).code == "unsupported_media_type")
    }

    @Test func `a body is nested eight deep and no deeper`() throws {
        let (client, user) = try Client.signedIn()
        let hall = try client.database.makeHall(owner: user)
        func status(depth: Int) -> HTTPResponse.Status {
            var request = client.request(.post, "/chat/messages/\(hall.id)", [:])
            let nested =
                String(repeating: "[", count: depth - 1) + String(repeating: "]", count: depth - 1)
            request.body = .whole(Array("{\"content\":\"x\",\"more\":\(nested)}".utf8))
            return client.send(request).status
        }
        #expect(status(depth: 8) == .created)
        #expect(status(depth: 9) == .badRequest)
    }

    @Test func `a part with endless marks costs no more than another`() throws {
        let (client, _) = try Client.signedIn()
        let login = ["REQUEST_METHOD": "POST", "REQUEST_URI": "/chat/login"]
        let halls = ["REQUEST_METHOD": "GET", "HTTP_COOKIE": client.cookie]
        let requests = [
            login.merging(["HTTP_ORIGIN": "http://\(endless)"]) { $1 },
            login.merging(["HTTP_ORIGIN": "http://a.example", "HTTP_HOST": endless]) { $1 },
            login.merging(["HTTP_SEC_FETCH_SITE": endless]) { $1 },
            login.merging(["CONTENT_TYPE": endless]) { $1 },
            login.merging(["CONTENT_TYPE": "application/json; charset=\(endless)"]) { $1 },
            login.merging(["HTTP_X_FORWARDED_PROTO": endless]) { $1 },
            login.merging(["REQUEST_METHOD": endless]) { $1 },
            login.merging(["REQUEST_URI": "/\(endless)"]) { $1 },
            login.merging(["REQUEST_URI": "/chat/\(endless)"]) { $1 },
            login.merging(["REQUEST_URI": "http\(endless)://a.example/chat/login"]) { $1 },
            halls.merging(["REQUEST_URI": "/chat/halls?\(endless)=1"]) { $1 },
            halls.merging(["REQUEST_URI": "/chat/halls?scope=\(endless)"]) { $1 },
            halls.merging(["REQUEST_URI": "/chat/halls", "HTTP_IF_NONE_MATCH": endless]) { $1 },
            ["REQUEST_METHOD": "GET", "REQUEST_URI": "/chat/halls", "HTTP_COOKIE": endless],
        ]

        for parameters in requests {
            let duration = ContinuousClock().measure {
                _ = client.send(
                    HTTPRequest(body: .whole([])) { [parameters["\($0)"]].compactMap(\.self) })
            }
            let part = parameters.first { $0.value.contains("x\u{301}") }?.key
            #expect(duration < .seconds(1), "\(part ?? "")")
        }
    }

    @Test func `a missing member is named`() throws {
        let (client, _) = try Client.signedIn()
        let detail = client.post("/chat/halls/join", ["hall": 1]).json["detail"]?.string
        #expect(detail == "\"hall_id\" is missing or malformed.")
    }

    @Test func `what breaks inside is a bare sentence outside`() throws {
        let client = try Client()
        let folder = try TemporaryFolder()
        let database = try folder.database()
        client.cookie =
            "halls_session=\(try database.createSession(for: database.makeUser()).token)"
        // A second connection has nothing of the file in its cache yet when the file breaks.
        let router = Router(database: try folder.database(), site: client.site)
        try overwrite(folder.file("chat.db"))

        let response = router.respond(to: client.request(.get, "/chat/halls"))
        #expect(response.status == .internalServerError)
        #expect(response.code == "internal")
        #expect(response.json["detail"]?.string == "Something went wrong on the server.")
        let health = router.respond(to: client.request(.get, "/chat/health"))
        #expect(health.status == .serviceUnavailable)
        #expect(health.code == "busy")
    }

    private func overwrite(_ path: String) throws {
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.write(contentsOf: Data(repeating: 0x55, count: 4_096))
        try file.truncate(atOffset: 4_096)
        // Without the log the file is all there is.
        try? FileHandle(forWritingAtPath: path + "-wal")?.truncate(atOffset: 0)
    }
}
