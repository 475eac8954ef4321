import BridgeCore
import Importer

/// A transcript of both sides, printed in two columns; a line that differs is marked.
struct SideBySide {
    private let sample: ImportValidation.Sample
    private let width: Int

    /// - Parameter width: of the terminal.
    init(_ sample: ImportValidation.Sample, width: Int) {
        self.sample = sample
        self.width = width
    }

    /// The most messages shown of a transcript.
    private static let shown = 20

    /// A heading and a line for each message.
    var lines: [String] {
        let column = max(20, (width - 3) / 2)
        var lines = [
            "session \(sample.session)",
            Self.fitted("in the file", column) + " | " + Self.fitted("in the database", column),
        ]
        let count = max(sample.source.count, sample.database.count)
        for index in 0..<min(count, Self.shown) {
            let left = index < sample.source.count ? Self.words(sample.source[index]) : ""
            let right = index < sample.database.count ? Self.words(sample.database[index]) : ""
            let mark = Array(left.utf8) == Array(right.utf8) ? "|" : "≠"
            lines.append(Self.fitted(left, column) + " \(mark) " + Self.fitted(right, column))
        }
        if count > Self.shown { lines.append("…") }
        return lines
    }

    /// A message in a line: when, who, what.
    private static func words(_ message: LogMessage) -> String {
        let what = message.text ?? (message.type == "text" ? "" : "[\(message.type)]")
        let who = message.direction == .inbound ? message.sender ?? "user" : "agent"
        return "\(message.at.description.prefix(19)) \(who): \(what)"
    }

    /// Exactly so many characters, without what would move the cursor.
    private static func fitted(_ text: String, _ count: Int) -> String {
        var line = String(
            text.unicodeScalars.prefix(count * 4).map { scalar -> Character in
                scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) ? " " : Character(scalar)
            })
        if line.count > count { line = line.prefix(count - 1) + "…" }
        return line + String(repeating: " ", count: max(0, count - line.count))
    }
}
