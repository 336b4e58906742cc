// SPDX-License-Identifier: Apache-2.0

import ChatModels
import Foundation
import Glibc

/// Asks before what cannot be undone.
enum Confirmation {
    /// Says what is about to happen, and wants its name typed at the terminal.
    ///
    /// - Throws: ``ChatError``: `invalid_request` for another name, and where there is no terminal.
    static func ask(for name: String, _ sentence: String) throws {
        guard isatty(STDIN_FILENO) == 1 else {
            throw ChatError(.invalidRequest, "\(sentence) Nothing was changed; --yes does it.")
        }
        FileHandle.standardError.write(Data("\(sentence)\nType its name: ".utf8))
        // Canonically the same is the same: a terminal may compose what it is given.
        guard readLine() == name else {
            throw ChatError(.invalidRequest, "That is not its name; nothing was changed.")
        }
    }
}
