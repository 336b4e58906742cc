// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Sockets

/// The folder of a web server's configuration, such as `/etc/nginx`.
struct ConfigurationFolder {
    let path: String

    /// Writes what is the program's, and what is the operator's where it is not there yet.
    func write(_ files: [ConfigurationFile], secret: FrontEndSecret?) throws {
        let manager = FileManager.default
        for file in files {
            let place = path + "/" + file.path
            guard file.ownership != .theirs || !manager.fileExists(atPath: place) else { continue }
            do {
                let folder = URL(fileURLWithPath: place).deletingLastPathComponent().path
                try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
                try write(
                    file.text(with: secret), to: place,
                    mode: file.ownership == .secret ? 0o600 : 0o644)
            } catch {
                throw ValidationError(
                    "--into: \(place) cannot be written: \(error.localizedDescription)")
            }
        }
    }

    /// At once, and with its mode from the first byte on.
    private func write(_ text: String, to place: String, mode: mode_t) throws {
        let new = place + ".new"
        _ = unsafe unlink(new)
        let descriptor = unsafe open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0, fchmod(descriptor, mode) == 0 else {
            throw CocoaError(.fileWriteUnknown)
        }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
        guard unsafe rename(new, place) == 0 else { throw CocoaError(.fileWriteUnknown) }
    }
}

extension ConfigurationFile {
    /// Where the secret stands in a file.
    static let secretMark = "@SECRET@"

    /// The text for a file. Where the daemons have no secret either, any word does.
    func text(with secret: FrontEndSecret?) -> String {
        text.replacing(Self.secretMark, with: secret?.text ?? "none")
    }

    /// The text for a terminal, where no secret is shown: there stands how the file is made.
    func printed(for site: FrontEnd) -> String {
        guard ownership == .secret else { return "# --- \(path)\n\(text)" }
        let lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.joined(
            separator: "\\n"
        )
        .replacing(Self.secretMark, with: "&")
        return """
            # --- \(path), which is root's alone; made by --into, or by this:
            # (umask 077; sed 's/.*/\(lines)/' \(site.secretFile.path) > \(path))

            """
    }
}
