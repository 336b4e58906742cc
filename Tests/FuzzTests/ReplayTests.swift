// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Runs each file of `Tests/corpus/TARGET` through its target, as the fuzzer does.
struct ReplayTests {
    private static let corpus = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "corpus")

    @Test(arguments: FuzzTarget.allCases)
    func `nothing that the fuzzer tried breaks a parser`(_ target: FuzzTarget) throws {
        let folder = Self.corpus.appending(path: target.rawValue)
        let files = try FileManager.default.contentsOfDirectory(
            at: folder, includingPropertiesForKeys: nil)
        #expect(!files.isEmpty)

        for file in files {
            let input = try Array(Data(contentsOf: file))
            #expect(throws: Never.self, "\(file.lastPathComponent)") { try target.run(input) }
        }
    }

    @Test func `a target says what does not hold`() {
        #expect(throws: BrokenClaim.self) { try claim(false, "It does not.") }
        #expect(throws: Never.self) { try claim(true, "It does.") }
    }
}
