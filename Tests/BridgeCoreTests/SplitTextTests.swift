import BridgeCore
import BridgeTesting
import Markdown
import Testing

/// Random Markdown, cut anywhere: nothing is lost, whatever is open where.
struct SplitTextTests {
    private static let pieces = [
        "*", "**", "_", "~~", "`", "``", "\n```\n", "\n~~~ sh\n", "\n", "\n\n", "\n> ", "\n> > ", "\n- ", "\n  - ",
        "\n1. ", "\n   1) ",
        "\n    ", "\n# ", "[", "](https://a.example/b_c)", "](", ")", "![", "<", ">", "&", "<b>", "\\", " ", " ", " ",
        " ",
        " 👩‍👩‍👧‍👦 ", "e\u{301} ", "مرحبا ", "漢字。", "\n---\n", "|", " | ", "\n| ", " |\n", "\n|---|---|\n", "\t", "- [ ] ",
        "&lt;", " https://a.example/x ",
        ".", ". ", "! ",
    ]

    private static func text(_ chance: inout SeededGenerator) -> (String, [String]) {
        var text = ""
        var words: [String] = []
        for number in 0..<Int.random(in: 20...160, using: &chance) {
            if text.hasSuffix("```") || text.hasSuffix("~~~") || text.hasSuffix(" sh") { text += "\n" }
            words.append("w\(number)q")
            text += "w\(number)q"
            for _ in 0..<Int.random(in: 1...2, using: &chance) { text += pieces.randomElement(using: &chance) ?? " " }
        }
        return (text, words)
    }

    @Test(arguments: 0..<12)
    func `every word of random Markdown survives its cuts, and no part is too long`(seed: Int) {
        var chance = SeededGenerator(seed: UInt64(seed))
        let dialects: [MarkdownDialect] = [.telegramHTML, .slackMrkdwn, .discord, .teamsMarkdown, .mattermost, .plain]
        for _ in 0..<25 {
            let (text, words) = Self.text(&chance)
            let dialect = dialects[seed % dialects.count]
            let limit = Capabilities.TextLimit(
                Int.random(in: 120...600, using: &chance),
                [.utf8, .utf16, .scalars].randomElement(using: &chance) ?? .utf8)
            let splitter = TextSplitter(
                limit: limit, counted: { text, format in format == .markdown ? dialect.render(text) : text })
            for format in [OutboundAction.Format.markdown, .plain] {
                let parts = splitter.split(text, format: format)
                for part in parts {
                    #expect(splitter.size(of: part, format: format) <= limit.count, "\(text.debugDescription)")
                }
                var rest = parts.map { format == .markdown ? dialect.render($0) : $0 }.joined(separator: "\n")[...]
                for word in words {
                    guard let range = rest.firstRange(of: word) else {
                        Issue.record("\(word) of \(text.debugDescription), \(limit): \(parts)")
                        return
                    }
                    rest = rest[range.upperBound...]
                }
            }
        }
    }
}
