// SPDX-License-Identifier: Apache-2.0

import SocketIO
import Testing

struct DisconnectReasonTests {
    @Test(arguments: DisconnectReason.allCases)
    func `every reason has a code that a server may send`(reason: DisconnectReason) {
        // RFC 6455 §7.4.1 without those that are never in a frame, and IANA's registry.
        #expect([1000, 1001, 1002, 1007, 1008, 1009, 1011, 1013].contains(reason.closeCode))
        #expect(reason.rawValue.allSatisfy { $0.isLowercase || $0 == "_" })
    }
}
