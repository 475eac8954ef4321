import Bridge
import BridgeCore
import Testing

@Suite struct TextSplitterTests {
    private func split(
        _ text: String, _ count: Int, _ unit: Capabilities.TextLimit.Unit = .utf16,
        format: OutboundAction.Format = .markdown
    ) -> [String] {
        TextSplitter(limit: .init(count, unit)).split(text, format: format)
    }

    @Test(arguments: [
        ("", []), ("short", ["short"]), ("exactly10!", ["exactly10!"]),
        ("one two three four", ["one two", "three four"]),
        ("abcdefghijklmno", ["abcdefghij", "klmno"]),
        ("first.\nsecond line", ["first.", "second", "line"]),
    ])
    func `a text is cut at the best place before the limit`(text: String, parts: [String]) {
        #expect(split(text, 10) == parts)
    }

    @Test func `paragraphs are preferred to lines, lines to sentences, sentences to words`() {
        #expect(split("aaaa aaaa\n\nbbbb. bbbb\nbbbb bb", 26) == ["aaaa aaaa", "bbbb. bbbb\nbbbb bb"])
        #expect(split("aaaa aaaa. aaa\nbbbb. bbbb bb", 26) == ["aaaa aaaa. aaa", "bbbb. bbbb bb"])
        #expect(split("aaaa aaaa aaa. bbbb bbbb bb", 26) == ["aaaa aaaa aaa.", "bbbb bbbb bb"])
    }

    @Test(arguments: [Capabilities.TextLimit.Unit.utf16, .utf8, .scalars])
    func `no part is over the limit and nothing but white space is lost`(unit: Capabilities.TextLimit.Unit) {
        let family = "👨‍👩‍👧‍👦"
        let text = String(repeating: "مرحبا بكم \(family) é e\u{301} 🇻🇳 word. ", count: 300)
        for limit in [30, 64, 500, 4096] {
            let splitter = TextSplitter(limit: .init(limit, unit))
            let parts = splitter.split(text, format: .plain)
            for part in parts { #expect(splitter.measure(part[...]) <= limit) }
            #expect(parts.joined().filter { !$0.isWhitespace } == text.filter { !$0.isWhitespace })
            // Every character of a part is one of the text: no cluster was torn.
            let whole = Set(text)
            #expect(parts.allSatisfy { $0.allSatisfy(whole.contains) })
        }
    }

    @Test func `a character larger than the limit is cut between its scalars`() {
        let monster = "a" + String(repeating: "\u{301}", count: 50)
        let parts = split(monster, 20, format: .plain)
        #expect(parts.map(\.unicodeScalars.count) == [20, 20, 11])
        #expect(parts.joined().unicodeScalars.elementsEqual(monster.unicodeScalars))
    }

    @Test func `a code fence that a cut falls into is closed and opened again`() {
        let code = (1...30).map { "let line\($0) = \($0)" }.joined(separator: "\n")
        let parts = split("Here:\n\n```swift\n\(code)\n```\nDone.", 200)
        #expect(parts.count > 2)
        for part in parts {
            #expect(part.utf16.count <= 200)
            let fences = part.split(separator: "\n").filter { $0.hasPrefix("```") }
            #expect(fences.count.isMultiple(of: 2), "\(part)")
        }
        #expect(parts[1].hasPrefix("```swift\nlet line"))
        let lines = parts.joined(separator: "\n").split(separator: "\n").filter { $0.hasPrefix("let line") }
        #expect(lines.joined(separator: "\n") == code)
    }

    @Test func `fences in plain text mean nothing`() {
        let text = "```\n" + String(repeating: "word ", count: 40)
        #expect(split(text, 60, format: .plain).allSatisfy { !$0.hasSuffix("```") })
    }

    @Test func `a megabyte is cut in linear time`() {
        let text = String(repeating: "nothing to see here\n", count: 52_000)
        let parts = split(text, 4096)
        #expect(parts.count >= 250)
        #expect(parts.reduce(0) { $0 + $1.utf8.filter { $0 == UInt8(ascii: "s") }.count } == 52_000)
    }
}
