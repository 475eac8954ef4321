/// Reads the HTML subset of `textFormat` `xml` as plain text.
enum MSTeamsMarkup {
    /// The words without tags, lines where blocks end, entities read.
    static func text(of markup: String) -> String {
        let source = Array(markup.utf8)
        var output: [UInt8] = []
        output.reserveCapacity(source.count)
        var index = 0
        while index < source.count {
            switch source[index] {
            case UInt8(ascii: "<"):
                guard let end = source[index...].firstIndex(of: UInt8(ascii: ">")) else {
                    output += source[index...]
                    return String(decoding: output, as: UTF8.self)
                }
                if endsLine(source[(index + 1)..<end]), output.last != UInt8(ascii: "\n") {
                    output.append(UInt8(ascii: "\n"))
                }
                index = end + 1
            case UInt8(ascii: "&"):
                let found = entities.first { source[index...].starts(with: $0.name.utf8) }
                output += (found?.text ?? "&").utf8
                index += found?.name.utf8.count ?? 1
            default:
                output.append(source[index])
                index += 1
            }
        }
        while output.last == UInt8(ascii: "\n") { output.removeLast() }
        return String(decoding: output, as: UTF8.self)
    }

    private static let entities: [(name: String, text: String)] = [
        ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&apos;", "'"),
        ("&nbsp;", " "),
    ]

    private static func endsLine(_ tag: ArraySlice<UInt8>) -> Bool {
        let name = String(decoding: tag.prefix { $0 != 0x20 }, as: UTF8.self).lowercased()
        return ["br", "br/", "/p", "/div", "/li", "/h1", "/h2", "/h3", "/blockquote", "/pre"].contains(name)
    }
}
