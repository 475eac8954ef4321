internal import BridgeCore
internal import Markdown

/// Slack's way of writing special things into texts (<https://api.slack.com/reference/surfaces/formatting>), there and
/// back.
enum SlackText {
    /// A text as a reader sees it: links, mentions and channels written out, `&amp;`, `&lt;` and `&gt;` unescaped.
    static func readable(_ text: String) -> String {
        var text = text
        return text.withUTF8 { readable($0) } ?? text
    }

    /// The same of its bytes; nil where nothing is to be changed.
    private static func readable(_ source: UnsafeBufferPointer<UInt8>) -> String? {
        // Most texts have neither.
        guard source.contains(where: { $0 == UInt8(ascii: "<") || $0 == UInt8(ascii: "&") }) else { return nil }
        var output: [UInt8] = []
        output.reserveCapacity(source.count)
        var index = 0
        while index < source.count {
            if source[index] == UInt8(ascii: "<"), let end = source[index...].firstIndex(of: UInt8(ascii: ">")) {
                let words = reference(Array(source[(index + 1)..<end])[...])
                words.withUnsafeBufferPointer { appendUnescaped($0[...], to: &output) }
                index = end + 1
            } else if source[index] == UInt8(ascii: "<") {
                // Without its end it is a stray character, and so are all behind it.
                appendUnescaped(source[index...], to: &output)
                index = source.count
            } else {
                let end = source[index...].firstIndex(of: UInt8(ascii: "<")) ?? source.count
                appendUnescaped(source[index..<end], to: &output)
                index = end
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// A text as it goes out.
    static func rendered(_ text: String, _ format: OutboundAction.Format) -> String {
        format == .markdown ? slackMrkdwn(text) : escaped(text)
    }

    /// Words as they are: the three characters that Slack reads are escaped.
    static func escaped(_ text: String) -> String {
        var output: [UInt8] = []
        output.reserveCapacity(text.utf8.count + 16)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "&"): output += "&amp;".utf8
            case UInt8(ascii: "<"): output += "&lt;".utf8
            case UInt8(ascii: ">"): output += "&gt;".utf8
            default: output.append(byte)
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// Whether a text mentions a user.
    static func mentions(_ user: String, in text: String) -> Bool {
        text.contains("<@\(user)>") || text.contains("<@\(user)|")
    }

    /// What stands between `<` and `>`, written out.
    private static func reference(_ inside: ArraySlice<UInt8>) -> [UInt8] {
        let halves = inside.split(separator: UInt8(ascii: "|"), maxSplits: 1, omittingEmptySubsequences: false)
        let target = halves.first ?? []
        let label = halves.count > 1 && !halves[1].isEmpty ? halves[1] : nil
        switch target.first {
        case UInt8(ascii: "@"), UInt8(ascii: "#"):  // a user, a channel
            return Array(target.prefix(1)) + Array(label ?? target.dropFirst())
        case UInt8(ascii: "!"):
            if let label { return Array(label) }  // a user group or a date, with the words for it
            // `!here`, `!channel`, `!everyone`.
            return [UInt8(ascii: "@")] + Array(target.dropFirst().prefix { $0 != UInt8(ascii: "^") })
        default:
            guard let label else { return Array(target) }
            // Slack itself makes links of bare addresses, with the address for a label.
            if target.reversed().starts(with: label.reversed()) {
                return target.starts(with: "mailto:".utf8) ? Array(label) : Array(target)
            }
            return Array(label) + Array(" (".utf8) + Array(target) + Array(")".utf8)
        }
    }

    private static func appendUnescaped(_ source: Slice<UnsafeBufferPointer<UInt8>>, to output: inout [UInt8]) {
        let escapes: KeyValuePairs<StaticString, UInt8> = [
            "&amp;": UInt8(ascii: "&"), "&lt;": UInt8(ascii: "<"), "&gt;": UInt8(ascii: ">"),
        ]
        var rest = source
        while let start = rest.firstIndex(of: UInt8(ascii: "&")) {
            output.append(contentsOf: rest[..<start])
            rest = rest[start...]
            let found = escapes.first { escape, _ in
                rest.starts(with: UnsafeBufferPointer(start: escape.utf8Start, count: escape.utf8CodeUnitCount))
            }
            output.append(found?.value ?? UInt8(ascii: "&"))
            rest = rest.dropFirst(found?.key.utf8CodeUnitCount ?? 1)
        }
        output.append(contentsOf: rest)
    }
}
