// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

@testable import SocketIOServer

@Suite struct SocketLoopTests {
    /// What is handed over is run at once: nothing else may have to happen first.
    private static let patience = DispatchTimeInterval.seconds(20)

    /// Gives a loop something to do, and waits until it is at it.
    ///
    /// - Parameter body: what it does first.
    /// - Returns: what ends the work when it is signalled.
    private func occupy(
        _ loop: SocketLoop, _ body: @escaping @Sendable () -> Void = {}
    ) -> DispatchSemaphore {
        let (begun, end) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        loop.execute {
            body()
            begun.signal()
            end.wait()
        }
        begun.wait()
        return end
    }

    @Test func `what is handed over while the loop is at work is run when it is done`() throws {
        let loop = try SocketLoop(name: "test")
        let done = DispatchSemaphore(value: 0)
        let end = occupy(loop)
        loop.execute { done.signal() }
        end.signal()
        #expect(done.wait(timeout: .now() + Self.patience) == .success)
        loop.stop()
    }

    @Test func `what is handed over while a delivery runs belongs to its turn`() throws {
        let loop = try SocketLoop(name: "test")
        let done = DispatchSemaphore(value: 0)
        let seen = Mutex<[String]>([])
        let end = occupy(loop) {
            loop.execute {
                seen.withLock { $0.append("end of the turn") }
                done.signal()
            }
        }
        loop.execute { seen.withLock { $0.append("another delivery") } }
        end.signal()
        #expect(done.wait(timeout: .now() + Self.patience) == .success)
        #expect(seen.withLock { $0 } == ["another delivery", "end of the turn"])
        loop.stop()
    }

    @Test func `a loop that is told to stop while it is at work stops`() throws {
        let loop = try SocketLoop(name: "test")
        let stopped = DispatchSemaphore(value: 0)
        let end = occupy(loop)
        Thread.detachNewThread {
            loop.stop()
            stopped.signal()
        }
        // Time for the word to come while the loop is at work.
        Thread.sleep(forTimeInterval: 0.05)
        end.signal()
        #expect(stopped.wait(timeout: .now() + Self.patience) == .success)
    }
}
