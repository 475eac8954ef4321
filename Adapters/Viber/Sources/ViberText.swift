internal import Markdown

/// How texts look in Viber: `*bold*`, `_italic_`, `~struck~`, and monospace between three backticks.
enum ViberText {
    /// As WhatsApp's, but that code in a line has three backticks too.
    private static let dialect = {
        var dialect = MarkdownDialect.whatsApp
        dialect.code = MarkdownDialect.Marks("```", "```")
        return dialect
    }()

    /// An agent's Markdown with Viber's marks.
    static func formatted(_ markdown: String) -> String { dialect.render(markdown) }
}
