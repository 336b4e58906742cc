// SPDX-License-Identifier: Apache-2.0

import ChatOptions
import ChatTesting
import CompactJSON
import SocketIOServer
import Testing

@testable import ChatModels
@testable import chat_push

/// What the site's own login says of a client, and for how long.
@Suite struct SiteLoginTests {
    private let now = Timestamp(milliseconds: 1_764_487_345_250)

    private func read(
        _ user: String?, _ expires: String?, recheck: Int64 = 0, share: Double = 0
    ) -> (credentials: Credentials, deadline: Timestamp?) {
        SiteLogin(recheckSeconds: recheck)
            .read(
                Handshake(address: "", remoteUser: user, expires: expires), at: now, share: share)
    }

    @Test(
        arguments: [
            (nil, nil), ("", nil), ("1764487346", 1_764_487_346_000),
            ("9999999999", 9_999_999_999_000),
        ] as [(String?, Int64?)])
    func `a login holds until the end that the site says, or for ever`(
        _ expires: String?, _ deadline: Int64?
    ) {
        let (credentials, until) = read("ana", expires)
        #expect(credentials.remoteUser == "ana" && until?.milliseconds == deadline)
    }

    @Test(arguments: ["0", "1764487345", "0000000001"])
    func `whose login is over is nobody`(_ expires: String) {
        let (credentials, deadline) = read("ana", expires, recheck: 10)
        #expect(credentials.remoteUser == nil && credentials !== Credentials.untimely)
        #expect(deadline == nil)
    }

    @Test(arguments: [
        "1764487346000", "-1", "+1764487346", "1764487346.5", "1764487346, 9999999999", " ",
        "2026-11-30T00:00:00Z", "١٧٦٤٤٨٧٣٤٦", "99999999999",
    ])
    func `an end that is no time lets nobody in`(_ expires: String) {
        #expect(read("ana", expires).credentials === Credentials.untimely)
        // Of nobody nothing ends.
        #expect(read(nil, expires).credentials !== Credentials.untimely)
        #expect(read("", expires).credentials.remoteUser == nil)
    }

    @Test
    func `the site is asked again between half of the time and the whole, or when the login ends`()
    {
        for (share, after) in [(0, 30_000), (0.5, 45_000), (1, 60_000)] as [(Double, Int64)] {
            let deadline = read("ana", nil, recheck: 60, share: share).deadline
            #expect(deadline?.milliseconds == now.milliseconds + after)
        }
        #expect(
            read("ana", "1764487350", recheck: 60).deadline?.milliseconds == 1_764_487_350_000)
        #expect(
            read("ana", "9999999999", recheck: 60).deadline?.milliseconds == now.milliseconds
                + 30_000)
        #expect(read(nil, nil, recheck: 60).deadline == nil)
    }

    // MARK: On real event loops

    private func site(recheck: Int64 = 0) throws -> PushSite {
        try PushSite(settings: {
            $0.auth = .site
            $0.siteLogin.recheckSeconds = recheck
        })
    }

    private func client(_ site: PushSite, expires: Int64? = nil) throws -> PushClient {
        let end = expires.map { "\r\nX-Halls-Expires: \($0)" } ?? ""
        let client = try PushClient(site.folder.file("push"), header: "X-Remote-User: ana" + end)
        try client.connect()
        return client
    }

    private func refusal(_ site: PushSite, expires: String) throws -> JSONValue? {
        let client = try PushClient(
            site.folder.file("push"), header: "X-Remote-User: ana\r\nX-Halls-Expires: \(expires)")
        client.send("40")
        guard case .refused(let answer) = try client.next() else { return nil }
        return answer["data"]
    }

    private var soon: Int64 { Timestamp.now().milliseconds / 1_000 + 2 }

    @Test
    func `a login that ends closes its connections, so that the client comes back, and no other`()
        throws
    {
        try withSite(site()) { site in
            let (lasting, endless) = try (client(site, expires: soon + 3_600), client(site))
            let ending = try client(site, expires: soon)

            // Neither an error nor the end of the namespace, from which no client comes back.
            #expect(try ending.next { $0 != .connected } == .closed(1001))
            for other in [lasting, endless] {
                #expect(try other.call("leave_hall", ["hall_id": 1]).isOK)
            }
            // As one whose login the site prolonged.
            #expect(
                try client(site, expires: soon + 3_600).call("leave_hall", ["hall_id": 1]).isOK)
        }
    }

    @Test func `whose login is over is refused, as whom the site does not know`() throws {
        try withSite(site()) { site in
            #expect(try refusal(site, expires: "1")?["code"]?.string == "unauthenticated")
            let untimely = try refusal(site, expires: "1764487346000")
            #expect(untimely?["code"]?.string == "invalid_request")
            #expect(untimely?["message"]?.string?.isEmpty == false)
        }
    }

    @Test
    func `a connection grows no older than the site lets it, also for who comes and goes on it`()
        throws
    {
        try withSite(site(recheck: 2)) { site in
            let (staying, moving) = try (client(site), client(site))
            // Coming back into the namespace is no new connection.
            for _ in 0..<100 where moving.heard.last != .closed(1001) {
                moving.send("41")
                moving.send("40")
                try moving.drain(100)
            }
            #expect(moving.heard.last == .closed(1001))
            #expect(try staying.end() == .closed(1001))
            #expect(eventually { (try? site.remembered()) == PushSite.Remembered() })
        }
    }

    @Test func `with the chat's own accounts no word of a front end ends anything`() throws {
        let site = try PushSite(settings: { $0.siteLogin.recheckSeconds = 1 })
        try withSite(site) { site in
            let token = try site.database.createSession(for: site.ana).token
            let client = try PushClient(
                site.folder.file("push"),
                header: "Cookie: halls_session=\(token)\r\nX-Halls-Expires: 1")
            try client.connect()
            try client.drain(2_500)
            #expect(try client.call("leave_hall", ["hall_id": 1]).isOK)
        }
    }
}
