import Markdown
import Testing

/// What the dialects of the platforms make of Markdown.
struct PlatformDialectTests {
    @Test(arguments: [
        ("**bold** *it* ~~gone~~ `code` ***both***", "*bold* _it_ ~gone~ `code` _*both*_"),
        ("# Title\ntext", "*Title*\ntext"),
        (
            "[label](https://a.example/x_(y)?a&b) <https://a.example> <me@a.example>",
            "label (https://a.example/x_(y)?a&b) https://a.example me@a.example"
        ),
        ("- a\n  - b\n    1. c\n- [ ] open", "- a\n  - b\n    1. c\n- [ ] open"),
        ("> quoted\n> more", "> quoted\n> more"),
        ("```swift\na < b\n```", "```\na < b\n```"),
        ("````\n```\n````", "```\n`\u{200b}`\u{200b}`\n```"),
        ("**two\nlines**", "*two*\n*lines*"),
        ("<b>html</b> & more", "<b>html</b> & more"),
        ("| A | B |\n|---|--:|\n| x | 1 |\n| y | 10 |", "```\nA |  B\n--|---\nx |  1\ny | 10\n```"),
    ])
    func `WhatsApp has single marks and no links`(markdown: String, text: String) {
        #expect(MarkdownDialect.whatsApp.render(markdown) == text)
    }

    @Test(arguments: [
        ("**bold** *it* ~~gone~~ `code`", "**bold** *it* ~~gone~~ `code`"),
        ("# One\n#### Four\ntext", "# One\n**Four**\ntext"),
        ("Two\nlines\n===", "# Two lines"),
        (
            "[label](https://a.example/x_(y)) <https://a.example> ![cat](https://a.example/c)",
            "[label](https://a.example/x_%28y%29) https://a.example [cat](https://a.example/c)"
        ),
        (
            "[https://a.example](https://b.example) [x](mailto:me@a.example)",
            "https://a.example (https://b.example) x (mailto:me@a.example)"
        ),
        ("1. a\n   - b\n2. c", "1. a\n   - b\n2. c"),
        (
            #"\*not\* snake_case 5 \* 3 _ ||spoiler|| ~ \`x\` <@1> a\b"#,
            #"\*not\* snake_case 5 \* 3 \_ \|\|spoiler\|\| \~ \`x\` \<@1> a\b"#
        ),
        ("\\# no\n\\- no\n1986\\. no\n\\> no\n-# small", "\\# no\n\\- no\n1986\\. no\n\\> no\n\\-# small"),
        ("see https://a.example/a_b_*c and \\*", "see https://a.example/a_b_*c and \\*"),
        ("```swift\na_b *c*\n```", "```swift\na_b *c*\n```"),
        ("```what ever\nx\n```", "```what\nx\n```"),
        ("```ü\nx\n```", "```\nx\n```"),
        ("> a\n> ```\n> x\n> ```", "> a\n> ```\n> x\n> ```"),
        ("- a\n  ```\n  x\n    y\n  ```", "- a\n  ```\nx\n  y\n```"),
        ("`` a`b ``", "`` a`b ``"),
    ])
    func `Discord has Markdown, and text that looks like it is escaped`(markdown: String, text: String) {
        #expect(MarkdownDialect.discord.render(markdown) == text)
    }

    @Test(arguments: [
        ("one\ntwo\n\nthree", "one\n\ntwo\n\nthree"),
        ("**one\ntwo**", "**one**\n\n**two**"),
        ("- a\n  b\n- c", "- a  \n  b\n- c"),
        ("> a\n> b", "> a  \n> b"),
        ("<b>x</b> & *y*", "&lt;b>x&lt;/b> &amp; *y*"),
        ("`a < b & c`", "`a < b & c`"),
        ("| A | B |\n|---|---|\n| x | 1 |", "```\nA | B\n--|--\nx | 1\n```"),
        ("a\n\n---\n\nb", "a\n\n***\n\nb"),
    ])
    func `Teams ends lines with blank ones and takes no tags`(markdown: String, text: String) {
        #expect(MarkdownDialect.teamsMarkdown.render(markdown) == text)
    }

    @Test(arguments: [
        ("**bold** *it* ~~gone~~ `code`", "*bold* _it_ ~gone~ `code`"),
        (
            "[a & b](https://a.example/?x=1&y=(2)) <https://a.example>",
            "<https://a.example/?x=1&y=(2)|a & b> https://a.example"
        ),
        ("[a > b](https://a.example)", "a > b (https://a.example)"),
        ("<users/all> & <x>", "<\u{200b}users/all> & <x>"),
        ("- a\n  - b", "• a\n  • b"),
    ])
    func `Google Chat has single marks and links in angle brackets`(markdown: String, text: String) {
        #expect(MarkdownDialect.googleChat.render(markdown) == text)
    }

    @Test(arguments: [
        ("plain > text", "plain &gt; text"),
        ("one\ntwo", "one<br>\ntwo"),
        ("**a** ~~b~~\nc\n\nd", "<p><strong>a</strong> <del>b</del><br>\nc</p>\n<p>d</p>"),
        ("## T", "<h2>T</h2>"),
        ("3. a\n4. b\n   - c", "<ol start=\"3\">\n<li>a</li>\n<li>b\n<ul>\n<li>c</li>\n</ul></li>\n</ol>"),
        ("- a\n\n- b", "<ul>\n<li><p>a</p></li>\n<li><p>b</p></li>\n</ul>"),
        ("> > q", "<blockquote>\n<blockquote>\n<p>q</p>\n</blockquote>\n</blockquote>"),
        (
            "```swift\na < b\n```\n\n    c",
            "<pre><code class=\"language-swift\">a &lt; b</code></pre>\n<pre><code>c</code></pre>"
        ),
        ("[a](javascript:b) [c](https://d.example)", "<p>a (javascript:b) <a href=\"https://d.example\">c</a></p>"),
        (
            "| A | B |\n|:--|--:|\n| *x* | 1 |",
            "<table>\n<thead>\n<tr><th align=\"left\">A</th><th align=\"right\">B</th></tr>\n</thead>\n<tbody>\n"
                + "<tr><td align=\"left\"><em>x</em></td><td align=\"right\">1</td></tr>\n</tbody>\n</table>"
        ),
        ("<script>x</script>", "<p>&lt;script&gt;x&lt;/script&gt;</p>"),
    ])
    func `Matrix has HTML`(markdown: String, html: String) {
        #expect(MarkdownDialect.matrixHTML.render(markdown) == html)
    }

    @Test(arguments: [
        (
            "# T\n\n**b** *i* ~~s~~ `c` [l](https://a.example)\n\n- [x] done",
            "# T\n\n**b** *i* ~~s~~ `c` [l](https://a.example)\n\n- [x] done"
        ),
        (
            "Hi:\n| A | B |\n|---|:-:|\n| x \\| y | `1` |\nafter",
            "Hi:\n\n| A | B |\n| --- | :-: |\n| x \\| y | `1` |\n\nafter"
        ),
        ("1. a\n   ```sh\n   x\n   ```", "1. a\n   ```sh\n   x\n   ```"),
        ("````\n```\n````", "````\n```\n````"),
        ("@Channel @all @here @alice", "@\u{200b}Channel @\u{200b}all @\u{200b}here @alice"),
        ("`@channel`", "`@channel`"),
    ])
    func `Mattermost has Markdown and calls nobody`(markdown: String, text: String) {
        #expect(MarkdownDialect.mattermost.render(markdown) == text)
    }

    @Test(arguments: [
        ("# T\n**b** *i* ~~s~~ [l](https://a.example)", "**T**\n**b** *i* ~~s~~ [l](https://a.example)"),
        ("<at id=all></at> \\*x\\* 5 * 3", "&lt;at id=all>&lt;/at> &#42;x&#42; 5 * 3"),
    ])
    func `Feishu has Markdown and entities`(markdown: String, text: String) {
        #expect(MarkdownDialect.feishu.render(markdown) == text)
    }

    @Test(arguments: [
        ("# Title\n\n**bold** *it* ~~gone~~ `code`", "Title\n\nbold it gone code"),
        ("- a\n  - b\n\n3. c\n4. d", "• a\n  • b\n\n3. c\n4. d"),
        (
            "[label](https://a.example) [https://a.example](https://a.example) ![](https://a.example/c)",
            "label (https://a.example) https://a.example https://a.example/c"
        ),
        ("> q\n\n```swift\nlet a = 1\n  b\n```", "> q\n\nlet a = 1\n  b"),
        ("| Name | Price |\n|---|---|\n| Pear | 3 |", "Name | Price\n• Pear: 3"),
        (
            "| Name | Price | Left |\n|---|---|---|\n| Pear | 3 | |\n| Fig | 4 | 2 |",
            "Name | Price | Left\n• Pear\n  Price: 3\n• Fig\n  Price: 4\n  Left: 2"
        ),
        ("https://a.example/_x_/y", "https://a.example/_x_/y"),
    ])
    func `plain text has no marks and loses nothing else`(markdown: String, text: String) {
        #expect(MarkdownDialect.plain.render(markdown) == text)
    }

    @Test func `what Telegram counts is its text without tags`() {
        let markdown = "**a** < [b](https://c.example) `d`\n\n```swift\ne\n```\n> f"
        #expect(MarkdownDialect.telegramText.render(markdown) == "a < b d\n\ne\nf")
    }

    @Test(arguments: [
        "| A |\n|---|", "a | b\n--- | ---\n1 | 2", "- | A | B |\n  |---|---|\n  | x | y |",
        "> | A | B |\n> |---|---|\n> | x | y |",
        "| A | B |\r\n|---|---|\r\n| x | y |",
    ])
    func `tables are found in items and quotes, and without outer pipes`(markdown: String) {
        #expect(MarkdownDialect.matrixHTML.render(markdown).contains("<table>"))
    }

    @Test(arguments: ["a | b\nc | d", "| A | B |\n|---|", "| A | B |\n| x | y |", "```\n| A |\n|---|\n```", "a\n:--"])
    func `what is no table stays as it is`(markdown: String) {
        #expect(!MarkdownDialect.matrixHTML.render(markdown).contains("<table>"))
    }

    @Test func `tables of a wrong size lose no cell`() {
        let table = "| A | B |\n|---|---|\n| x |\n| y | z | w |"
        #expect(MarkdownDialect.mattermost.render(table) == "| A | B |\n| --- | --- |\n| x |  |\n| y | z \\| w |")
        let hostile =
            "|" + String(repeating: "a|", count: 500) + "\n|" + String(repeating: "-|", count: 500)
            + String(repeating: "\n|b|", count: 2000)
        for (_, dialect) in Dialects.all {
            let text = dialect.render(hostile)
            #expect(text.utf8.count < hostile.utf8.count * 12)
        }
    }

    @Test(arguments: Dialects.all.map(\.name), 0..<6)
    func `every word survives in its place`(name: String, stream: Int) throws {
        let dialect = try #require(Dialects.all.first { $0.name == name }?.dialect)
        var random = SplitMix(state: UInt64(stream) &* 7919 &+ 3)
        for _ in 0..<150 {
            let (text, words) = Dialects.randomMarkdown(&random)
            var rest = dialect.render(text)[...]
            for word in words {
                guard let range = rest.firstRange(of: word) else {
                    Issue.record(
                        "\(word) is not behind the others: \(text.debugDescription) gave \(dialect.render(text).debugDescription)"
                    )
                    return
                }
                rest = rest[range.upperBound...]
            }
        }
    }

    @Test(arguments: 0..<6)
    func `the elements of Matrix are balanced, whatever the text`(stream: Int) {
        var random = SplitMix(state: UInt64(stream) &* 31 &+ 5)
        for _ in 0..<300 {
            let (text, _) = Dialects.randomMarkdown(&random)
            let html = MarkdownDialect.matrixHTML.render(text)
            var open: [Substring] = []
            for piece in html.split(separator: "<", omittingEmptySubsequences: false).dropFirst() {
                let name = piece.prefix { $0 != ">" && $0 != " " }
                if name.hasPrefix("/") {
                    #expect(
                        open.popLast() == name.dropFirst(), "\(text.debugDescription) gave \(html.debugDescription)")
                } else if name != "br" && name != "hr" {
                    open.append(name)
                }
            }
            #expect(open.isEmpty, "\(text.debugDescription) gave \(html.debugDescription)")
        }
    }

    @Test(arguments: Dialects.all.map(\.name))
    func `a text grows by no more than the engine presumes`(name: String) throws {
        let dialect = try #require(Dialects.all.first { $0.name == name }?.dialect)
        var random = SplitMix(state: 11)
        for _ in 0..<400 {
            let (text, _) = Dialects.randomMarkdown(&random)
            let signs = text.utf8.count { !($0 >= 0x80 || $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a || $0 == 0x20) }
            let size = dialect.render(text).utf8.count
            #expect(size <= text.utf8.count + 48 * (signs + 1), "\(text.debugDescription)")
        }
    }
}

/// The dialects by name, and random text to try them on.
enum Dialects {
    static let all: [(name: String, dialect: MarkdownDialect)] = [
        ("telegramHTML", .telegramHTML), ("telegramText", .telegramText), ("slackMrkdwn", .slackMrkdwn),
        ("whatsApp", .whatsApp), ("discord", .discord), ("teamsMarkdown", .teamsMarkdown),
        ("googleChat", .googleChat), ("matrixHTML", .matrixHTML), ("mattermost", .mattermost),
        ("rocketChat", .rocketChat), ("feishu", .feishu), ("plain", .plain),
    ]

    /// Markdown with every kind of mark, and its words in order; each word is there once.
    static func randomMarkdown(_ random: inout SplitMix) -> (text: String, words: [String]) {
        let pieces = [
            "*", "**", "_", "__", "~~", "`", "``", "```\n", "\n", "\n\n", "> ", "- ", "1. ", "7) ", "  ", "    ", "# ",
            "## ",
            "[", "](/u)", "![", "<", ">", "&", "<b>", "\\", " ", " ", " ", "é", "😀", "\n---\n", "|", "\n| ", " |",
            "\n|---|---|\n",
            "| ", "\n|---|\n", "\t", "+ ", "=\n", "- [ ] ", "&lt;", "@all", "~", ".",
        ]
        var text = ""
        var words: [String] = []
        for number in 0..<(1 + random.next() % 30) {
            // At the beginning of a fence's line a word is the name of a language, which not every dialect shows.
            if text.hasSuffix("``") || text.hasSuffix("~~") { text += "\n" }
            let word = "w\(number)q"
            words.append(word)
            text += word + pieces[Int(random.next() % UInt64(pieces.count))]
            if random.next() % 3 == 0 { text += pieces[Int(random.next() % UInt64(pieces.count))] }
        }
        return (text, words)
    }
}
