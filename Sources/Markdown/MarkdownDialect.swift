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
        /// `<url|label>` with `&`, `<` and `>` escaped; the label is plain text.
        case slack
        /// `<url|label>` without escapes, as in Google Chat; the label is plain text.
        case angle
        /// `[label](url)`.
        case markdown
        /// `label (url)`, for platforms that make links of bare addresses alone.
        case label
        /// The label alone: what remains to be counted where addresses are not.
        case hidden
    }

    /// How a block of code is written.
    public enum CodeBlock: Sendable {
        /// `<pre>`, with `<code class="language-x">` inside when the language is known.
        case html
        /// Three backticks on lines of their own; a zero-width space parts backticks in the code.
        case fence
        /// The same with the language behind the opening ones.
        case fenceWithLanguage
        /// CommonMark's: the language, and as many backticks as the code asks for.
        case markdown
        /// The code as it is.
        case plain
    }

    /// How a heading is written.
    public enum Heading: Sendable {
        /// As a line of bold text.
        case bold
        /// With `#` before it up to this level, and as bold text below.
        case hashes(deepest: Int)
        /// As a line of text.
        case plain
    }

    /// How a table is written.
    public enum Table: Sendable {
        /// As a block of code with aligned columns; as rows where it is too wide for a screen.
        case aligned
        /// The names of the columns, then for each row its cells behind the names of their columns.
        case rows
        /// As in GitHub's Markdown.
        case markdown
    }

    /// How a line ends within a paragraph.
    public enum LineBreak: Sendable {
        /// With a line feed.
        case newline
        /// With a blank line, where a line feed alone is shown as a space.
        case blankLine
    }

    /// What the text as a whole is made of.
    public enum Structure: Sendable {
        /// Lines, as the agent wrote them.
        case lines
        /// Elements of HTML for paragraphs, lists, headings and tables.
        case html
    }

    /// Around bold text, and headings that are written so.
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
    /// Headings.
    public var heading = Heading.bold
    /// What stands before an item of a list without numbers.
    public var bullet: StaticString = "• "
    /// A rule across the page.
    public var rule: StaticString = "———"
    /// Tables.
    public var table = Table.aligned
    /// Line ends within a paragraph.
    public var lineBreak = LineBreak.newline
    /// What keeps plain text from being read as marks.
    public var escaping = Escaping.html
    /// Words that would call people or send signals, in lower case; a zero-width space behind their first sign stops that.
    public var disarmed: [String] = []
    /// What the text as a whole is made of.
    public var structure = Structure.lines

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
            if source.count > Self.longestMarkdown || !MarkdownScan.mayHoldMarkdown(source) { return plainly(source) }
            switch structure {
            case .lines:
                var renderer = MarkdownRenderer(dialect: self, source: source)
                renderer.render(MarkdownTree(parsing: source))
                return renderer.output
            case .html:
                var renderer = HTMLRenderer(dialect: self, source: source)
                renderer.render(MarkdownTree(parsing: source))
                return renderer.output
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func plainly(_ source: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(source.count + 64)
        guard structure == .html || lineBreak == .blankLine else {
            output.appendText(source, in: self, atLineStart: true)
            return output
        }
        var lines = source[...]
        while let end = lines.firstIndex(of: UInt8(ascii: "\n")) {
            output.appendText(UnsafeBufferPointer(rebasing: lines[..<end]), in: self, atLineStart: true)
            lines = lines[(end + 1)...]
            let isBesideBlank = lines.first == UInt8(ascii: "\n") || output.last == UInt8(ascii: "\n")
            switch structure {
            case .html: output.append(contentsOf: "<br>\n".utf8)
            case .lines: output.append(contentsOf: (isBesideBlank || lines.isEmpty ? "\n" : "\n\n").utf8)
            }
        }
        output.appendText(UnsafeBufferPointer(rebasing: lines), in: self, atLineStart: true)
        return output
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
