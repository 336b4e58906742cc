// SPDX-License-Identifier: Apache-2.0

/// A file of the program's from which a configuration is made.
struct Template {
    var text: String

    init(_ resource: [UInt8]) {
        text = String(decoding: resource, as: UTF8.self)
    }

    /// Puts something in each place of a text. That the text is there at all is the program's own business: the files are in it.
    func replacing(_ before: String, _ after: String) -> Template {
        precondition(text.contains(before), "a template lacks \(before)")
        var copy = self
        copy.text = text.replacing(before, with: after)
        return copy
    }

    /// Fills in what stands between @ signs; a line with nothing but an empty value goes.
    func filled(_ values: KeyValuePairs<String, String>) -> String {
        var copy = self
        for (name, value) in values {
            copy =
                value.isEmpty && copy.text.contains("@\(name)@\n")
                ? copy.droppingLines(of: name) : copy
            copy.text = copy.text.replacing("@\(name)@", with: value)
        }
        return copy.text
    }

    private func droppingLines(of name: String) -> Template {
        var copy = self
        copy.text = text.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { $0.drop(while: \.isWhitespace) != "@\(name)@" }
            .joined(separator: "\n")
        return copy
    }
}

/// What every answer of the chat carries, read from nginx's own file, so that it stands there alone.
enum AnswerHeaders {
    /// Name and value of each.
    static func all(for site: FrontEnd) -> [(name: String, value: String)] {
        let file = Template(PackageResources.halls_headers_conf)
            .replacing("$halls_frame_ancestors", site.frameAncestors.sources)
        return file.text.split(separator: "\n").compactMap { line in
            guard line.hasPrefix("add_header "), line.hasSuffix(" always;") else { return nil }
            let words = line.dropFirst(11).dropLast(8)
            guard let space = words.firstIndex(of: " ") else { return nil }
            let value = words[words.index(after: space)...]
            return (String(words[..<space]), value.filter { $0 != "\"" })
        }
    }

    /// A line for each.
    static func lines(for site: FrontEnd, indent: Int, _ line: (String, String) -> String) -> String
    {
        let space = String(repeating: " ", count: indent)
        return all(for: site).map { line($0.name, $0.value) }
            .joined(separator: "\n" + space)
    }
}

/// What a server says by itself in place of chat-fcgi; nginx's file has the words.
enum Problem: Int {
    case tooLarge = 413
    case busy = 503

    /// The body, `application/problem+json`.
    var json: String {
        let lines = Template(PackageResources.halls_conf).text.split(separator: "\n")
        let start = "    return \(rawValue) '"
        guard let line = lines.first(where: { $0.hasPrefix(start) }) else { return "" }
        return String(line.dropFirst(start.count).dropLast(2))
    }
}
