import Markdown
import Testing

/// What holds for every text, however odd.
struct MarkdownDialectTests {
    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            ">", "> ", "*", "**a ", "_a*b ", "*a_ ", "[", "![", "[a](", "]", "`", "``a", "- ", "1. ", "* ", "<", "<!",
            "<!--", "&", "\\",
            "~~", "~~a ", "# ", "\t", "    a\n", "- a\n", "> - ", "> 1. * ", "a\n\n", "a\n", "[a](https://x.example) ",
            "|a|\n", "\n", "```\n",
            "\u{202e}a", "👩‍👩‍👧‍👦*", "<https://a.example>", "&amp;",
        ])
    func `repeated up to a mebibyte, the marks stay balanced`(piece: String) {
        for count in [1, 2, 3, 1_000] {
            let text = String(repeating: piece, count: count)
            #expect(TagCheck.fault(in: telegramHTML(text)) == nil)
            #expect(TagCheck.slackFault(in: slackMrkdwn(text)) == nil)
        }
        let deep = telegramHTML(String(repeating: piece, count: 10_000)).utf8
        #expect(deep.count { $0 == UInt8(ascii: "<") } == deep.count { $0 == UInt8(ascii: ">") })
        for size in [MarkdownDialect.longestMarkdown, 1 << 20] {
            let text = String(repeating: piece, count: size / piece.utf8.count)
            #expect(telegramHTML(text).utf8.count <= text.utf8.count * 16 + 1024)
            #expect(slackMrkdwn(text).utf8.count <= text.utf8.count * 16 + 1024)
        }
    }

    @Test
    func `deep nesting with many lines does not multiply the text`() {
        let text = String(repeating: ">", count: 10_000) + "a\n" + String(repeating: "a\n", count: 10_000)
        #expect(telegramHTML(text).utf8.count < 500_000)
        #expect(slackMrkdwn(text).utf8.count < 500_000)
        var lists = ""
        for depth in 0..<300 { lists += String(repeating: " ", count: depth * 2) + "- a\n" }
        #expect(TagCheck.fault(in: telegramHTML(lists)) == nil)
    }

    @Test(arguments: 0..<8)
    func `random Markdown gives balanced tags and no raw markup`(stream: Int) {
        let pieces = [
            "*", "**", "***", "_", "__", "~~", "`", "``", "```", "\n", "\n\n", "> ", ">", "- ", "1. ", "  ", "    ",
            "# ", "[", "](", ")",
            "![", "https://a.example", "tg://x", "<", ">", "&", "<b>", "</i>", "<!--", "\"", "\\", "word", " ", "é",
            "😀", "\u{202e}", "---\n",
            "|", "&lt;", "```swift\n", "a", "\t", "<https://a.example>", "+ ", "=\n",
        ]
        var random = SplitMix(state: UInt64(stream) &* 104_729 &+ 7)
        for _ in 0..<300 {
            var text = ""
            for _ in 0..<(1 + random.next() % 40) { text += pieces[Int(random.next() % UInt64(pieces.count))] }
            let html = telegramHTML(text)
            #expect(TagCheck.fault(in: html) == nil, "\(text.debugDescription) gave \(html.debugDescription)")
            let mrkdwn = slackMrkdwn(text)
            #expect(TagCheck.slackFault(in: mrkdwn) == nil, "\(text.debugDescription) gave \(mrkdwn.debugDescription)")
        }
    }

    @Test
    func `a text beyond the limit is escaped and nothing else`() {
        let text = String(repeating: "**a** < b\n", count: MarkdownDialect.longestMarkdown / 10 + 1)
        #expect(
            telegramHTML(text) == String(repeating: "**a** &lt; b\n", count: MarkdownDialect.longestMarkdown / 10 + 1))
        let below = String(repeating: "**a**\n", count: 1000)
        #expect(telegramHTML(below).hasPrefix("<b>a</b>\n<b>a</b>\n"))
    }

    @Test
    func `another platform's dialect is a value`() {
        var dialect = MarkdownDialect.slackMrkdwn
        dialect.bold = MarkdownDialect.Marks("**", "**")
        dialect.linkSchemes = []
        #expect(dialect.render("**a** [b](https://c.example)") == "**a** b (https://c.example)")
    }
}

/// Reads rendered text as the platform would.
enum TagCheck {
    /// The first fault of Telegram HTML, nil when there is none.
    static func fault(in html: String) -> String? {
        var open: [Substring] = []
        var rest = html[...]
        while let start = rest.firstIndex(where: { "<>&".contains($0) }) {
            rest = rest[start...]
            switch rest.first {
            case "<":
                guard let end = rest.firstIndex(of: ">") else { return "no end of a tag" }
                let tag = rest[rest.index(after: start)..<end]
                rest = rest[rest.index(after: end)...]
                if tag.hasPrefix("/") {
                    guard open.popLast() == tag.dropFirst() else { return "</\(tag.dropFirst())> closes nothing" }
                    continue
                }
                let name = tag.prefix { $0 != " " }
                let attributes = tag.dropFirst(name.count)
                switch name {
                case "b", "i", "s", "pre", "blockquote":
                    guard attributes.isEmpty else { return "attributes on \(name)" }
                case "code":
                    guard attributes.isEmpty || isAttribute(attributes, #" class="language-"#) else {
                        return "attributes on code"
                    }
                case "a":
                    guard isAttribute(attributes, #" href=""#) else { return "no href" }
                default: return "tag \(name)"
                }
                if name == "a" || name == "blockquote", open.contains(name) { return "\(name) in \(name)" }
                open.append(name)
            case "&":
                guard let entity = ["&amp;", "&lt;", "&gt;", "&quot;"].first(where: { rest.hasPrefix($0) }) else {
                    return "raw &"
                }
                rest = rest.dropFirst(entity.count)
            default:
                return "raw >"
            }
        }
        return open.isEmpty ? nil : "\(open) stay open"
    }

    private static func isAttribute(_ text: Substring, _ start: String) -> Bool {
        text.hasPrefix(start) && text.hasSuffix("\"") && !text.dropFirst(start.count).dropLast().contains("\"")
    }

    /// The first fault of Slack's mrkdwn: `<` that begins no link, `&` that begins no escape.
    static func slackFault(in text: String) -> String? {
        var rest = text[...]
        while let start = rest.firstIndex(where: { "<&".contains($0) }) {
            rest = rest[start...]
            if rest.first == "&" {
                guard let entity = ["&amp;", "&lt;", "&gt;"].first(where: { rest.hasPrefix($0) }) else {
                    return "raw &"
                }
                rest = rest.dropFirst(entity.count)
                continue
            }
            guard let end = rest.firstIndex(of: ">") else { return "no end of a link" }
            let link = rest[rest.index(after: start)..<end]
            guard link.hasPrefix("http"), link.contains("|"), !link.contains("\n") else { return "link \(link)" }
            rest = rest[rest.index(after: end)...]
        }
        return nil
    }
}

struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
