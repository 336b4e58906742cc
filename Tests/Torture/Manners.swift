// SPDX-License-Identifier: Apache-2.0

/// How clients come, wait and come back.
struct Manners {
    /// Within how many milliseconds all of them come in the beginning.
    var arrival: Int
    /// How long one waits until it is signed in, and until a join is answered.
    var patience: Int64
    /// Whether it loads its list of halls after each connect.
    var loadsList = true
    /// Whether it keeps the connections over which it loads.
    var keepsConnections = true
    /// How long it stays away after so many attempts that led to nothing.
    var pause: @Sendable (_ attempts: Int, _ random: inout Randomness) -> Int64

    /// Back at once, so that as much as may be happens in a minute: jittered all the same, and longer each time.
    static let eager = Manners(arrival: 1_000, patience: 8_000) { attempts, random in
        random.milliseconds(20...min(2_000, 400 << min(attempts, 3)))
    }

    /// The stock client of Socket.IO with what it is set to where nobody sets anything: a second, doubled with each attempt
    /// up to five, by up to a half more or less (socket.io-client's `backo2.ts`); 20 seconds to connect.
    ///
    /// - Parameter arrival: within how many milliseconds all of them come in the beginning.
    static func stock(arrival: Int, loadsList: Bool) -> Manners {
        Manners(
            arrival: arrival, patience: 20_000, loadsList: loadsList, keepsConnections: false
        ) { attempts, random in
            let pause = 1_000 << min(attempts, 8)
            return min(5_000, random.milliseconds(pause / 2...pause * 3 / 2))
        }
    }
}
