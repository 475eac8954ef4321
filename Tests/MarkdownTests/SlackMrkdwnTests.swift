import Markdown
import Testing

struct SlackMrkdwnTests {
    @Test(arguments: [
        ("**bold** and *italic* and `code`", "*bold* and _italic_ and `code`"),
        ("***both***", "_*both*_"),
        ("~~gone~~", "~gone~"),
        ("# Title\ntext", "*Title*\ntext"),
        ("**two\nlines**", "*two*\n*lines*"),
        ("**two *x\ny* lines**", "*two _x_*\n*_y_ lines*"),
        ("[label](https://a.example/?x=1&y=2)", "<https://a.example/?x=1&amp;y=2|label>"),
        ("[**b** `c` <d>](https://a.example)", "<https://a.example|b c &lt;d&gt;>"),
        ("**[x](https://a.example)**", "*<https://a.example|x>*"),
        ("[two\nlines](https://a.example)", "<https://a.example|two lines>"),
        ("[x](<https://a.example/a|b c>)", "<https://a.example/a%7Cb%20c|x>"),
        ("<https://a.example>", "<https://a.example|https://a.example>"),
        ("![a cat](https://a.example/cat.png)", "<https://a.example/cat.png|a cat>"),
        ("[x](javascript:y)", "x (javascript:y)"),
        ("[**x**](/y)", "*x* (/y)"),
        ("<@U123> <!channel> <#C1>", "&lt;@U123&gt; &lt;!channel&gt; &lt;#C1&gt;"),
        ("```swift\na < b\n```", "```\na &lt; b\n```"),
        ("````\n```\n````", "```\n`\u{200b}`\u{200b}`\n```"),
        ("`` a`b ``", "a`b"),
        ("> quoted\n> more\n>\n> again\n\nafter", "> quoted\n> more\n>\n> again\n\nafter"),
        ("> a\n> > b", "> a\n> > b"),
        ("> - a\n>   b\n> - c", "> • a\n>   b\n> • c"),
        ("- a\n  - b\n\n1. x\n2. y", "• a\n  • b\n\n1. x\n2. y"),
        ("a & b < c", "a &amp; b &lt; c"),
        ("a\n\n***\n\nb", "a\n\n———\n\nb"),
    ])
    func `Markdown becomes Slack's marks`(markdown: String, mrkdwn: String) {
        #expect(slackMrkdwn(markdown) == mrkdwn)
    }
}
