// SPDX-License-Identifier: Apache-2.0

import Glibc

@testable import FuzzTargets

// libFuzzer brings the `main`, and takes the command line; FUZZ_TARGET in the environment says which target is meant.
private let chosen: FuzzTarget = {
    let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
        let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
        print("FUZZ_TARGET has to be one of: \(names)")
        exit(64)
    }
    return target
}()

/// What libFuzzer calls with each input; a trap is a find.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        try chosen.run(Array(UnsafeBufferPointer(start: start, count: count)))
        return 0
    } catch {
        fatalError("\(error)")
    }
}
