internal import BridgeCore
internal import Markdown

/// How texts look in Viber: `*bold*`, `_italic_`, `~struck~`, and monospace between three backticks.
enum ViberText {
    /// As WhatsApp's, but that code in a line has three backticks too.
    private static let dialect = {
        var dialect = MarkdownDialect.whatsApp
        dialect.code = MarkdownDialect.Marks("```", "```")
        return dialect
    }()

    /// A text as it stands in a message, with Viber's marks.
    @Sendable static func shown(_ text: String, _ format: OutboundAction.Format) -> String {
        format == .markdown ? dialect.render(text) : text
    }
}
