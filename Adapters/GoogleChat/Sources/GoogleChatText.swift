internal import BridgeCore
internal import Markdown

/// Texts as they come from Google Chat and as they go there.
enum GoogleChatText {
    /// The text without the pieces at these places, and without white space around what is left.
    ///
    /// Google counts UTF-16 units. A piece that does not begin with `@` is left in: better a name too many than a word too few.
    static func removing(_ places: [Range<Int>], from text: String) -> String {
        let units = Array(text.utf16)
        var rest: [UInt16] = []
        rest.reserveCapacity(units.count)
        var next = 0
        var isChanged = false
        for place in places.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            guard place.lowerBound >= next, place.upperBound <= units.count,
                units[place.lowerBound] == UInt16(UInt8(ascii: "@"))
            else { continue }
            rest += units[next..<place.lowerBound]
            next = place.upperBound
            isChanged = true
        }
        rest += units[next...]
        return isChanged ? trimmed(String(decoding: rest, as: UTF16.self)) : text
    }

    /// The text without white space at its ends.
    static func trimmed(_ text: String) -> String {
        let bytes = text.utf8
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        guard let first = bytes.firstIndex(where: { !isSpace($0) }), let last = bytes.lastIndex(where: { !isSpace($0) })
        else { return "" }
        return String(text[first...last])
    }

    /// A text of ours as it goes out.
    static func rendered(_ text: String, _ format: OutboundAction.Format) -> String {
        switch format {
        case .markdown: MarkdownDialect.googleChat.render(text)
        case .plain: plain(text)
        }
    }

    /// The words as they are, but nobody is called by them.
    static func plain(_ text: String) -> String {
        let mark = Array("<users/".utf8)
        let source = Array(text.utf8)
        guard source.contains(mark[0]) else { return text }
        var output: [UInt8] = []
        output.reserveCapacity(source.count + 16)
        for (index, byte) in source.enumerated() {
            output.append(byte)
            if byte == mark[0], source[index...].starts(with: mark) { output += "\u{200B}".utf8 }
        }
        return String(decoding: output, as: UTF8.self)
    }
}
