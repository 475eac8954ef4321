extension MarkdownDialect {
    /// Telegram's `parse_mode` HTML.
    ///
    /// The tags are those of <https://core.telegram.org/bots/api#html-style>; every other tag fails the whole message. Quotes
    /// may not be nested there.
    public static let telegramHTML = MarkdownDialect(
        bold: Marks("<b>", "</b>"), italic: Marks("<i>", "</i>"), strike: Marks("<s>", "</s>"),
        code: Marks("<code>", "</code>"), codeBlock: .html, quote: .around(Marks("<blockquote>", "</blockquote>")),
        link: .html, linkSchemes: ["http:", "https:", "tg:", "mailto:"], marksSpanLines: true)

    /// What is left of ``telegramHTML`` once Telegram has taken the tags away: what its limit of 4096 counts.
    public static let telegramText = MarkdownDialect(
        bold: Marks("", ""), italic: Marks("", ""), strike: Marks("", ""), code: Marks("", ""), codeBlock: .plain,
        quote: .around(Marks("", "")), link: .hidden, linkSchemes: telegramHTML.linkSchemes, marksSpanLines: true,
        escaping: .none)

    /// Slack's mrkdwn, as `text` of `chat.postMessage` takes it.
    ///
    /// See <https://api.slack.com/reference/surfaces/formatting>. There is no way to escape `*`, `_`, `~` and backticks in it.
    public static let slackMrkdwn = MarkdownDialect(
        bold: Marks("*", "*"), italic: Marks("_", "_"), strike: Marks("~", "~"), code: Marks("`", "`"),
        codeBlock: .fence,
        quote: .lines, link: .slack, linkSchemes: ["http:", "https:", "mailto:"], marksSpanLines: false)

    /// What WhatsApp shows as formatted (<https://faq.whatsapp.com/539178204879377>); it has neither links nor escapes.
    public static let whatsApp = MarkdownDialect(
        bold: Marks("*", "*"), italic: Marks("_", "_"), strike: Marks("~", "~"), code: Marks("`", "`"),
        codeBlock: .fence, quote: .lines, link: .label, linkSchemes: [], marksSpanLines: false, bullet: "- ",
        escaping: .none)

    /// Discord's Markdown, as `content` of a message takes it.
    ///
    /// Mentions of users and channels in the text are shown as text; `@everyone` is for `allowed_mentions` to stop.
    public static let discord = MarkdownDialect(
        bold: Marks("**", "**"), italic: Marks("*", "*"), strike: Marks("~~", "~~"), code: Marks("`", "`"),
        codeBlock: .fenceWithLanguage, quote: .lines, link: .markdown, linkSchemes: ["http:", "https:"],
        marksSpanLines: true, heading: .hashes(deepest: 3), bullet: "- ", escaping: .backslash(angle: true))

    /// The Markdown that the Bot Framework takes with `textFormat` markdown, for Teams.
    ///
    /// A line ends with a blank line there, and what looks like an HTML tag is taken for one.
    public static let teamsMarkdown = MarkdownDialect(
        bold: Marks("**", "**"), italic: Marks("*", "*"), strike: Marks("~~", "~~"), code: Marks("`", "`"),
        codeBlock: .markdown, quote: .lines, link: .markdown, linkSchemes: ["http:", "https:", "mailto:"],
        marksSpanLines: false, heading: .hashes(deepest: 3), bullet: "- ", rule: "***", lineBreak: .blankLine,
        escaping: .backslashAndHTML)

    /// The text of a Google Chat message (<https://developers.google.com/workspace/chat/format-messages>).
    ///
    /// It has no escapes; `<users/all>` in the text calls nobody.
    public static let googleChat = MarkdownDialect(
        bold: Marks("*", "*"), italic: Marks("_", "_"), strike: Marks("~", "~"), code: Marks("`", "`"),
        codeBlock: .fence, quote: .lines, link: .angle, linkSchemes: ["http:", "https:", "mailto:"],
        marksSpanLines: false, escaping: .none, disarmed: ["<users/", "<http"])

    /// The HTML of `org.matrix.custom.html`, with the elements that the client-server API recommends for `m.room.message`.
    public static let matrixHTML = MarkdownDialect(
        bold: Marks("<strong>", "</strong>"), italic: Marks("<em>", "</em>"), strike: Marks("<del>", "</del>"),
        code: Marks("<code>", "</code>"), codeBlock: .html, quote: .around(Marks("<blockquote>", "</blockquote>")),
        link: .html, linkSchemes: ["http:", "https:", "ftp:", "mailto:", "magnet:"], marksSpanLines: true,
        structure: .html)

    /// Mattermost's Markdown, tables included; `@channel`, `@all` and `@here` in it call nobody.
    public static let mattermost = MarkdownDialect(
        bold: Marks("**", "**"), italic: Marks("*", "*"), strike: Marks("~~", "~~"), code: Marks("`", "`"),
        codeBlock: .markdown, quote: .lines, link: .markdown, linkSchemes: ["http:", "https:", "mailto:", "ftp:"],
        marksSpanLines: true, heading: .hashes(deepest: 6), bullet: "- ", rule: "***", table: .markdown,
        escaping: .backslash(angle: false), disarmed: ["@channel", "@all", "@here"])

    /// Rocket.Chat's Markdown, whose bold and struck text have one sign each; `@all` and `@here` in it call nobody.
    public static let rocketChat = MarkdownDialect(
        bold: Marks("*", "*"), italic: Marks("_", "_"), strike: Marks("~", "~"), code: Marks("`", "`"),
        codeBlock: .fenceWithLanguage, quote: .lines, link: .markdown, linkSchemes: ["http:", "https:", "mailto:"],
        marksSpanLines: false, heading: .hashes(deepest: 4), bullet: "- ", escaping: .none,
        disarmed: ["@all", "@here"])

    /// Feishu's and Lark's `lark_md`, and the `md` tag of their posts; `<at id=all>` in the text calls nobody.
    public static let feishu = MarkdownDialect(
        bold: Marks("**", "**"), italic: Marks("*", "*"), strike: Marks("~~", "~~"), code: Marks("`", "`"),
        codeBlock: .markdown, quote: .lines, link: .markdown, linkSchemes: ["http:", "https:"], marksSpanLines: false,
        bullet: "- ", escaping: .entities)

    /// Words alone, for platforms that show no formatting: LINE, Zalo, SMS, Messenger, Instagram.
    ///
    /// Marks are dropped, links have their address behind their label, items their bullets and numbers.
    public static let plain = MarkdownDialect(
        bold: Marks("", ""), italic: Marks("", ""), strike: Marks("", ""), code: Marks("", ""), codeBlock: .plain,
        quote: .lines, link: .label, linkSchemes: [], marksSpanLines: true, heading: .plain, table: .rows,
        escaping: .none)
}
