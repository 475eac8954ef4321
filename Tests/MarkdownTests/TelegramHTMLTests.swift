import Markdown
import Testing

struct TelegramHTMLTests {
    @Test(arguments: [
        ("**bold** and *italic* and `code`", "<b>bold</b> and <i>italic</i> and <code>code</code>"),
        ("__bold__ _italic_ ***both***", "<b>bold</b> <i>italic</i> <i><b>both</b></i>"),
        ("~~gone~~ and ~~so **is**~~ ~ ~~ this", "<s>gone</s> and ~~so <b>is</b>~~ ~ ~~ this"),
        ("~~it's done!~~", "<s>it's done!</s>"),
        ("# Title\ntext", "<b>Title</b>\ntext"),
        ("## A **bold** title", "<b>A bold title</b>"),
        ("Title\n=====\n\ntext", "<b>Title</b>\n\ntext"),
        ("[label](https://a.example/?x=1&y=2)", #"<a href="https://a.example/?x=1&amp;y=2">label</a>"#),
        ("[**b** `c`](tg://user?id=1)", #"<a href="tg://user?id=1"><b>b</b> <code>c</code></a>"#),
        (#"[q](https://a.example/"x")"#, #"<a href="https://a.example/&quot;x&quot;">q</a>"#),
        ("<https://a.example>", #"<a href="https://a.example">https://a.example</a>"#),
        ("<me@a.example>", #"<a href="mailto:me@a.example">me@a.example</a>"#),
        ("![a cat](HTTPS://a.example/cat.png)", #"<a href="HTTPS://a.example/cat.png">a cat</a>"#),
        ("![](https://a.example/cat.png)", #"<a href="https://a.example/cat.png">https://a.example/cat.png</a>"#),
        ("[![alt](https://i.example/i.png)](https://a.example)", #"<a href="https://a.example">alt</a>"#),
        ("[x](javascript:alert(1))", "x (javascript:alert(1))"),
        ("[x](/relative)", "x (/relative)"),
        ("[x]()", "x"),
        (
            "```swift\nlet a = b < c && d\n\nprint(a)\n```",
            "<pre><code class=\"language-swift\">let a = b &lt; c &amp;&amp; d\n\nprint(a)</code></pre>"
        ),
        ("```\nplain\n```", "<pre>plain</pre>"),
        ("```a\"b> x\nplain\n```", "<pre><code class=\"language-a&quot;b&gt;\">plain</code></pre>"),
        ("```\nnever closed", "<pre>never closed</pre>"),
        ("text\n\n    indented", "text\n\n<pre>indented</pre>"),
        ("> quoted\n> more\n\nafter", "<blockquote>quoted\nmore</blockquote>\n\nafter"),
        ("> a\n> > b\n> > c\n>\n> d", "<blockquote>a\n&gt; b\n&gt; c\n\nd</blockquote>"),
        (">", ""),
        ("a\n\n---\n\nb", "a\n\n———\n\nb"),
        ("<u>html</u> <script>", "&lt;u&gt;html&lt;/u&gt; &lt;script&gt;"),
        ("<div>\nblock\n</div>", "&lt;div&gt;\nblock\n&lt;/div&gt;"),
        ("a & b &amp; &lt;c&gt; &copy;", "a &amp; b &amp; &lt;c&gt; ©"),
        (#"\*not\* \_it\_ \\"#, #"*not* _it_ \"#),
    ])
    func `Markdown becomes Telegram's tags`(markdown: String, html: String) {
        #expect(telegramHTML(markdown) == html)
    }

    @Test(arguments: [
        ("- a\n- b\n- c", "• a\n• b\n• c"),
        ("* a\n\n* b", "• a\n\n• b"),
        ("1. one\n2. two", "1. one\n2. two"),
        ("9) nine\n10) ten", "9. nine\n10. ten"),
        ("0. zero", "0. zero"),
        ("- a\n  more\n- b", "• a\n  more\n• b"),
        ("- a\n  - b\n    - c\n- d", "• a\n  • b\n    • c\n• d"),
        ("1. a\n   - b\n2. c", "1. a\n   • b\n2. c"),
        ("- a\n\n  second\n- b", "• a\n\n  second\n• b"),
        ("-\n- b", "•\n• b"),
        ("- - a", "• • a"),
        ("text\n- a\n- b\n\nafter", "text\n• a\n• b\n\nafter"),
        ("- **a**: `b`", "• <b>a</b>: <code>b</code>"),
        ("- [ ] open\n- [x] done", "• [ ] open\n• [x] done"),
        ("- a\n\n  ```\n  code\n    deep\n  ```\n- b", "• a\n\n  <pre>code\n  deep</pre>\n• b"),
    ])
    func `lists keep their marks, indentation and blank lines`(markdown: String, html: String) {
        #expect(telegramHTML(markdown) == html)
    }

    @Test(arguments: [
        "", "hello", "Hello. How are you? I'm fine!", "one\ntwo\n\n\nthree", "  indented\n trailing  \n", "1 + 1 = 2",
        "in 2024. yes",
        "a - b", "مرحبا بالعالم", "\u{202e}flipped\u{202c}", "👩‍👩‍👧‍👦 e\u{301}", "a|b|c", "$5 (five) {x} \"q\" 'q' @me #tag",
        "!important",
        "line\r\nline", "\n\nafter blank lines\n\n",
    ])
    func `plain text comes back byte for byte`(text: String) {
        #expect(Array(telegramHTML(text).utf8) == Array(text.utf8))
        #expect(Array(slackMrkdwn(text).utf8) == Array(text.utf8))
    }

    @Test(arguments: [
        "5 * 3 = 15\nand snake_case\n\n\n\nblank lines stay", "a_b_c * d ~ e\n\nf [not a link] g",
        "**unbalanced\n\n*also `this\n\n[and](",
        "مرحبا * بالعالم\n\n👩‍👩‍👧‍👦 _ e\u{301}",
    ])
    func `text with stray signs keeps its characters and lines`(text: String) {
        #expect(telegramHTML(text) == text)
        #expect(slackMrkdwn(text) == text)
    }

    @Test
    func `emphasis across lines and scripts stays in place`() {
        #expect(telegramHTML("**مرحبا\nبك** 👩‍👩‍👧‍👦 *e\u{301}*") == "<b>مرحبا\nبك</b> 👩‍👩‍👧‍👦 <i>e\u{301}</i>")
    }
}
