// SPDX-License-Identifier: Apache-2.0

import ChatTesting
import CompactJSON
import Figures
import Logging
import Sockets
import Testing

@testable import chat_fcgi

@Suite struct ServerFiguresTests {
    @Test func `requests are counted by route and status, of all threads`() throws {
        let (client, _) = try Client.signedIn()
        let routers = (0..<2).map { _ in Router(database: client.database, site: client.site) }
        for router in routers {
            _ = router.respond(to: client.request(.get, "/chat/halls"))
            _ = router.respond(to: client.request(.head, "/chat/halls"))
            // Nothing that a stranger makes up becomes a name.
            _ = router.respond(to: client.request(.get, "/chat/x\"y"))
        }
        _ = routers[0].respond(to: client.request(.post, "/chat/messages/999", ["content": "x"]))

        let text = figures(routers, client.site).text

        let counted = text.split(separator: "\n").filter {
            $0.hasPrefix("halls_fcgi_requests_total{")
        }
        #expect(
            counted == [
                #"halls_fcgi_requests_total{route="GET halls",status="200"} 4"#,
                #"halls_fcgi_requests_total{route="POST messages/<id>",status="404"} 1"#,
                #"halls_fcgi_requests_total{route="none",status="404"} 2"#,
            ])
        #expect(text.contains("\nhalls_fcgi_request_seconds_count 7\n"))
    }

    @Test func `a thread at a request is busy, and an outage is told`() throws {
        let client = try Client()
        client.site.outage = Outage(log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let routers = (0..<3).map { _ in Router(database: client.database, site: client.site) }
        routers[1].tally.note(isBusy: true)
        client.site.outage.note(isBusy: true)

        let text = figures(routers, client.site).text

        #expect(text.contains("\nhalls_fcgi_threads 3\n"))
        #expect(text.contains("\nhalls_fcgi_threads_busy 1\n"))
        #expect(text.contains("\nhalls_fcgi_writing_fails 1\n"))
    }

    private func figures(_ routers: [Router], _ site: Site) -> ServerFigures {
        ServerFigures(tallies: routers.map(\.tally), site: site, process: ProcessFigures())
    }
}
