// SPDX-License-Identifier: Apache-2.0

import ChatModels
import ChatOptions

/// What all event loops share.
struct ChatSettings: Sendable {
    var auth: AuthMode
    var limits: Limits
    /// Bytes of missed messages on one connection: less than may wait for a client that reads slowly. Who missed more
    /// loads its halls afresh.
    var catchUps: Rate
    var users: UserLimits
    var cookie = SessionCookie()
    var siteLogin = SiteLogin()
    var sharedAddress = SharedAddress()
    /// Tells the operator of an address that everybody has.
    var warnOfAddress: @Sendable (_ address: String) -> Void = { _ in }
}
