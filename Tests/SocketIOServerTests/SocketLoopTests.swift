// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

@testable import SocketIOServer

@Suite struct SocketLoopTests {
    /// What is handed over is run at once: nothing else may have to happen first.
    private static let patience = DispatchTimeInterval.seconds(20)

    @Test func `what is handed over while the loop is at work is run when it is done`() throws {
        let loop = try SocketLoop(name: "test")
        let (begun, handed) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let done = DispatchSemaphore(value: 0)
        loop.execute {
            begun.signal()
            handed.wait()
        }
        begun.wait()
        loop.execute { done.signal() }
        handed.signal()
        #expect(done.wait(timeout: .now() + Self.patience) == .success)
        loop.stop()
    }

    @Test func `what is handed over while a delivery runs belongs to its turn`() throws {
        let loop = try SocketLoop(name: "test")
        let (begun, handed) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let done = DispatchSemaphore(value: 0)
        let seen = Mutex<[String]>([])
        loop.execute {
            loop.execute {
                seen.withLock { $0.append("end of the turn") }
                done.signal()
            }
            begun.signal()
            handed.wait()
        }
        begun.wait()
        loop.execute { seen.withLock { $0.append("another delivery") } }
        handed.signal()
        #expect(done.wait(timeout: .now() + Self.patience) == .success)
        #expect(seen.withLock { $0 } == ["another delivery", "end of the turn"])
        loop.stop()
    }

    @Test func `a loop that is told to stop while it is at work stops`() throws {
        let loop = try SocketLoop(name: "test")
        let (begun, told) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let stopped = DispatchSemaphore(value: 0)
        loop.execute {
            begun.signal()
            told.wait()
        }
        begun.wait()
        Thread.detachNewThread {
            loop.stop()
            stopped.signal()
        }
        // Time for the word to come while the loop is at work.
        Thread.sleep(forTimeInterval: 0.05)
        told.signal()
        #expect(stopped.wait(timeout: .now() + Self.patience) == .success)
    }
}
