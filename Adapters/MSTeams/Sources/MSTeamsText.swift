internal import BridgeCore
internal import JSON
internal import Markdown

/// Teams' way of writing mentions and, with `textFormat` `xml`, markup into texts.
enum MSTeamsText {
    /// A mention as the entities of an activity tell it.
    struct Mention {
        /// Who is mentioned.
        var id: String?
        /// The name that people see.
        var name: String?
        /// How it stands in the text, as `<at>Harbour Helper</at>`.
        var text: String?
    }

    /// A text as a reader sees it, without the bot's own name: mentions of the bot are taken out, others written as `@name`.
    ///
    /// A text without mentions and markup comes back as it is.
    static func readable(
        _ text: String, format: String?, mentions: [Mention], isBot: (String?) -> Bool
    ) -> String {
        var result = text
        var isChanged = false
        for mention in mentions {
            guard let mark = mention.text, result.contains(mark) else { continue }
            if isBot(mention.id) {
                result = result.replacing(mark, with: "", once: false)
                isChanged = true
            } else {
                // One entity stands for one place in the text.
                result = result.replacing(mark, with: "@" + (mention.name ?? bare(mark)), once: true)
            }
        }
        if format == "xml" { result = MSTeamsMarkup.text(of: result) }
        return isChanged ? trimmed(result) : result
    }

    /// A text of ours as it goes out.
    static func rendered(_ text: String, _ format: OutboundAction.Format) -> String {
        switch format {
        case .markdown: MarkdownDialect.teamsMarkdown.render(text)
        case .plain: text
        }
    }

    /// What a card's button or form says: its words where there are some, else all of it as JSON.
    static func choice(in value: JSONView) -> String? {
        if let text = value.identifier { return text }
        guard value.kind == .object else { return nil }
        for name in ["actionId", "action", "verb", "id", "value", "choice", "text"] {
            if let text = value[name].identifier { return text }
        }
        let first = value["data"].kind == .object ? choice(in: value["data"]) : nil
        if let first { return first }
        var writer = JSONWriter()
        writer.value(value)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private static func bare(_ mark: String) -> String {
        guard mark.hasPrefix("<at>"), mark.hasSuffix("</at>"), mark.utf8.count > 9 else { return mark }
        return String(mark.dropFirst(4).dropLast(5))
    }

    private static func trimmed(_ text: String) -> String {
        var bytes = Array(text.utf8)[...]
        func isSpace(_ byte: UInt8?) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
        while true {
            if isSpace(bytes.first) {
                bytes = bytes.dropFirst()
            } else if bytes.starts(with: noBreakSpace) {
                bytes = bytes.dropFirst(noBreakSpace.count)
            } else if bytes.starts(with: noBreakEntity) {
                bytes = bytes.dropFirst(noBreakEntity.count)
            } else {
                break
            }
        }
        while isSpace(bytes.last) { bytes = bytes.dropLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    // Teams puts one of these between a mention and the words.
    private static let noBreakSpace = Array("\u{A0}".utf8)
    private static let noBreakEntity = Array("&nbsp;".utf8)
}

extension String {
    /// The text with a piece replaced, byte by byte: neither the piece nor what is around it is taken for anything else.
    fileprivate func replacing(_ piece: String, with other: String, once: Bool) -> String {
        let source = Array(utf8)
        let piece = Array(piece.utf8)
        var output: [UInt8] = []
        output.reserveCapacity(source.count)
        var index = 0
        var isDone = false
        while index < source.count {
            if !isDone, source[index...].starts(with: piece) {
                output += other.utf8
                index += piece.count
                isDone = once
            } else {
                output.append(source[index])
                index += 1
            }
        }
        return String(decoding: output, as: UTF8.self)
    }
}
