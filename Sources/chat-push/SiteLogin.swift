// SPDX-License-Identifier: Apache-2.0

import ChatModels
import SocketIOServer

/// What the front end says of who a client is, by the site's own login, and for how long an open connection may go by it:
/// nobody tells a socket that somebody signed out.
struct SiteLogin: Sendable {
    /// After so many seconds at the latest the site is asked again, where it said nothing of an end; 0: it is not.
    var recheckSeconds: Int64 = 0

    /// Who a client is, and when its connection ends, so that the site is asked again.
    ///
    /// - Parameter share: where in the time within which that may be it is, from 0 to 1.
    func read(
        _ handshake: Handshake, at now: Timestamp, share: Double
    ) -> (credentials: Credentials, deadline: Timestamp?) {
        guard let user = handshake.remoteUser, !user.isEmpty else { return (Credentials(), nil) }
        let recheck = recheckTime(at: now, share: share)
        guard let text = handshake.expires, !text.isEmpty else {
            return (Credentials(remoteUser: user), recheck)
        }
        guard let expiry = Self.time(text) else { return (.untimely, nil) }
        // Nobody has to come back to hear that.
        guard expiry > now else { return (Credentials(), nil) }
        return (Credentials(remoteUser: user), recheck.map { min($0, expiry) } ?? expiry)
    }

    /// Between half of the time and the whole, so that who came all at once, when the server did, is not asked for all at once.
    private func recheckTime(at now: Timestamp, share: Double) -> Timestamp? {
        guard recheckSeconds > 0 else { return nil }
        let half = recheckSeconds * 500
        return Timestamp(milliseconds: now.milliseconds + half + Int64(Double(half) * share))
    }

    /// A time in seconds since 1970; `nil` for what is none. Of milliseconds there are more digits.
    private static func time(_ text: String) -> Timestamp? {
        guard (1...10).contains(text.utf8.count), text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }),
            let seconds = Int64(text)
        else { return nil }
        return Timestamp(milliseconds: seconds * 1_000)
    }
}

extension Credentials {
    /// The site gave an end of the login that is no time: nobody is let in, for it may be over.
    static let untimely = Credentials()
}
