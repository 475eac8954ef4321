/// A `.env` file: `NAME=value` lines, comments, an optional `export`, single or double quotes.
///
/// The subset that docker compose, dotenv and shells agree on; no interpolation. Inside double quotes `\n`, `\"` and `\\` are
/// understood, inside single quotes nothing is.
struct EnvironmentFile {
    /// The variables in the order of the file; the last of equal names counts.
    private(set) var variables: [(name: String, value: String)] = []
    /// The numbers, from 1, of lines that are none of these.
    private(set) var invalidLines: [Int] = []

    init(parsing text: String) {
        // A carriage return and a line feed are one Character, so both ends of a line have to be named.
        let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        for (index, rawLine) in lines.enumerated() {
            var line = rawLine.trimmed
            guard let first = line.first, first != "#" else { continue }
            if line.hasPrefix("export ") { line = line.dropFirst(7).trimmed }
            guard let equals = line.firstIndex(of: "="),
                let value = EnvironmentFile.value(of: line[line.index(after: equals)...].trimmed),
                EnvironmentFile.isName(line[..<equals].trimmed)
            else {
                invalidLines.append(index + 1)
                continue
            }
            variables.append((String(line[..<equals].trimmed), value))
        }
    }

    private static func isName(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return text.utf8.allSatisfy {
            $0 == UInt8(ascii: "_") || (0x30...0x39).contains($0) || (0x41...0x5A).contains($0)
                || (0x61...0x7A).contains($0)
        }
    }

    private static func value(of text: Substring) -> String? {
        guard let quote = text.first, quote == "\"" || quote == "'" else {
            // A comment begins at a `#` after white space.
            var previous: Character = "="
            for index in text.indices {
                if text[index] == "#", previous == " " || previous == "\t" {
                    return String(text[..<index].trimmed)
                }
                previous = text[index]
            }
            return String(text)
        }
        var value = ""
        var rest = text.dropFirst()
        while let character = rest.popFirst() {
            if character == quote {
                let tail = rest.trimmed
                return tail.isEmpty || tail.hasPrefix("#") ? value : nil
            }
            guard character == "\\", quote == "\"", let escaped = rest.popFirst() else {
                value.append(character)
                continue
            }
            switch escaped {
            case "n": value.append("\n")
            case "\"", "\\", "$": value.append(escaped)
            default: value += "\\\(escaped)"
            }
        }
        return nil
    }
}

extension Substring {
    /// The text without spaces, tabs and carriage returns around it.
    fileprivate var trimmed: Substring {
        var text = self
        while let first = text.first, first == " " || first == "\t" || first == "\r" || first == "\r\n" {
            text = text.dropFirst()
        }
        while let last = text.last, last == " " || last == "\t" || last == "\r" || last == "\r\n" {
            text = text.dropLast()
        }
        return text
    }
}
