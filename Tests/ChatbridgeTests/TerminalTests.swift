import Testing

@testable import chatbridge

struct TerminalTests {
    @Test(arguments: [
        ("hello", "hello"), ("two\nlines\r\n", #"two\nlines\r\n"#), ("tab\there", #"tab\there"#),
        // Clears a screen, rings, and writes a title.
        ("\u{1B}[2J\u{07}", #"\u{1b}[2J\u{7}"#), ("\u{9B}31m", #"\u{9b}31m"#), ("\u{7F}", #"\u{7f}"#),
        // Turns the direction of writing, so that a name looks like another.
        ("abc\u{202E}fdp", #"abc\u{202e}fdp"#), ("\u{2066}x\u{2069}", #"\u{2066}x\u{2069}"#),
        ("Zoë 👩‍👩‍👧 שלום", "Zoë 👩‍👩‍👧 שלום"),
    ])
    func `words of strangers obey nothing on a terminal`(text: String, shown: String) {
        #expect(Terminal.clean(text) == shown)
    }
}
