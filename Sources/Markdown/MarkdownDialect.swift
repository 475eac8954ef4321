/// How one platform writes formatted text; it turns an agent's Markdown into that.
///
/// Agents answer in CommonMark, with `~~struck~~` text on top. Each platform takes something else, and shows the rest as
/// clutter or refuses the message. What is rendered always has its marks balanced, whatever the input.
///
/// ```swift
/// let html = MarkdownDialect.telegramHTML.render("**Hi** <you>")        // <b>Hi</b> &lt;you&gt;
/// ```
public struct MarkdownDialect: Sendable {
    /// What stands before and after a piece of text.
    public struct Marks: Sendable {
        let open: [UInt8]
        let close: [UInt8]

        /// Creates a pair of marks, written as they are.
        public init(_ open: StaticString, _ close: StaticString) {
            self.open = open.withUTF8Buffer { Array($0) }
            self.close = close.withUTF8Buffer { Array($0) }
        }
    }

    /// How a quote is marked.
    public enum Quote: Sendable {
        /// Around the whole of it; a quote within a quote has `> ` before each line.
        case around(Marks)
        /// `> ` before each line.
        case lines
    }

    /// How a link to a page is written.
    public enum Link: Sendable {
        /// `<a href="url">label</a>`.
        case html
        /// `<url|label>`; the label is plain text.
        case slack
    }

    /// How a block of code is written.
    public enum CodeBlock: Sendable {
        /// `<pre>`, with `<code class="language-x">` inside when the language is known.
        case html
        /// Three backticks on lines of their own.
        case fence
    }

    /// Around bold text and headings.
    public var bold: Marks
    /// Around emphasized text.
    public var italic: Marks
    /// Around struck text.
    public var strike: Marks
    /// Around code in a line.
    public var code: Marks
    /// Blocks of code.
    public var codeBlock: CodeBlock
    /// Quotes.
    public var quote: Quote
    /// Links and images, which become links.
    public var link: Link
    /// The schemes of the links that are kept, with their colon; other links become their label and their address as text.
    public var linkSchemes: [String]
    /// Whether a mark may be closed on a later line than it was opened on.
    public var marksSpanLines: Bool

    /// Telegram's `parse_mode` HTML.
    ///
    /// The tags are those of <https://core.telegram.org/bots/api#html-style>; every other tag fails the whole message. Quotes
    /// may not be nested there.
    public static let telegramHTML = MarkdownDialect(
        bold: Marks("<b>", "</b>"), italic: Marks("<i>", "</i>"), strike: Marks("<s>", "</s>"),
        code: Marks("<code>", "</code>"), codeBlock: .html, quote: .around(Marks("<blockquote>", "</blockquote>")),
        link: .html, linkSchemes: ["http:", "https:", "tg:", "mailto:"], marksSpanLines: true)

    /// Slack's mrkdwn, as `text` of `chat.postMessage` takes it.
    ///
    /// See <https://api.slack.com/reference/surfaces/formatting>. There is no way to escape `*`, `_`, `~` and backticks in it.
    public static let slackMrkdwn = MarkdownDialect(
        bold: Marks("*", "*"), italic: Marks("_", "_"), strike: Marks("~", "~"), code: Marks("`", "`"),
        codeBlock: .fence,
        quote: .lines, link: .slack, linkSchemes: ["http:", "https:", "mailto:"], marksSpanLines: false)

    /// The most bytes of Markdown that are rendered as such, 128 KiB; longer texts are only escaped.
    ///
    /// It bounds the time: cmark takes at most 0.15 s for the worst input of this size, and 1.2 s for 1 MiB. No platform
    /// shows a thirtieth of it in one message.
    public static let longestMarkdown = 128 * 1024

    /// Renders Markdown.
    ///
    /// Text without any Markdown in it comes back byte for byte, but for the escapes. Otherwise paragraphs and lines stay
    /// where they are, blank lines between them included; spaces at the ends of lines and white space around the whole are
    /// dropped. HTML in the Markdown is shown as text.
    public func render(_ markdown: String) -> String {
        var markdown = markdown
        let bytes = markdown.withUTF8 { source in
            if source.count > Self.longestMarkdown || !MarkdownScan.mayHoldMarkdown(source) {
                var output: [UInt8] = []
                output.reserveCapacity(source.count + 64)
                output.appendEscaped(source)
                return output
            }
            var renderer = MarkdownRenderer(dialect: self, source: source)
            renderer.render(MarkdownTree(parsing: source))
            return renderer.output
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Renders Markdown as the HTML that Telegram's `parse_mode` HTML takes.
public func telegramHTML(_ markdown: String) -> String {
    MarkdownDialect.telegramHTML.render(markdown)
}

/// Renders Markdown as Slack's mrkdwn.
public func slackMrkdwn(_ markdown: String) -> String {
    MarkdownDialect.slackMrkdwn.render(markdown)
}
