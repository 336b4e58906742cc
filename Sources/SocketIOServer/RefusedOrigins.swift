// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization

/// Tells the operator which pages were refused: each origin once, and only so many, whoever makes up more.
final class RefusedOrigins: Sendable {
    private static let reportedMax = 100

    private let logger: Logger
    private let reported = Mutex<Set<String>>([])

    init(_ logger: Logger) {
        self.logger = logger
    }

    /// A page of this origin was refused. With the host that it asked for it is seen whether a proxy changes that.
    func report(_ origin: String, host: String) {
        let (origin, host) = (Self.head(of: origin), Self.head(of: host))
        let isNews = reported.withLock {
            $0.count < Self.reportedMax && $0.insert(origin).inserted
        }
        guard isNews else { return }
        logger.warning(
            "origin refused",
            metadata: ["origin": "\(origin)", "host": "\(host)"])
    }

    private static func head(of text: String) -> String { String(text.unicodeScalars.prefix(200)) }
}
