import Testing

@testable import BridgeCore

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

    @Test func `signs are counted whatever stands beside them`() {
        for byte in UInt8.min...UInt8.max {
            let isSign = !byte.isWordPart && byte != UInt8(ascii: " ")
            for other in [0x00, 0x20, 0x2F, 0x30, 0x61, 0x7A, 0x7F, 0x80, 0xFF] as [UInt8] {
                let isOtherSign = !other.isWordPart && other != UInt8(ascii: " ")
                for length in [1, 2, 8, 9, 17] {
                    for place in 0..<length {
                        var bytes = [UInt8](repeating: other, count: length)
                        bytes[place] = byte
                        let signs = bytes.withUnsafeBufferPointer { TextSplitter.signs(in: $0) }
                        #expect(signs == (isSign ? 1 : 0) + (isOtherSign ? length - 1 : 0))
                    }
                }
            }
        }
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

    @Test func `a sign behind a cut of plain text stays as it is`() {
        #expect(split("aaaa aaaa - b", 10, format: .plain) == ["aaaa aaaa", "- b"])
        #expect(split("aaaa aaaa # b", 10, format: .plain) == ["aaaa aaaa", "# b"])
    }

    @Test func `a number behind a cut stays where there is no room to mend the cut`() {
        #expect(split("aaaa 12. b", 5) == ["aaaa", "12. b"])
    }

    @Test func `a megabyte is cut in linear time`() {
        let text = String(repeating: "nothing to see here\n", count: 52_000)
        let parts = split(text, 4096)
        #expect(parts.count >= 250)
        #expect(parts.reduce(0) { $0 + $1.utf8.filter { $0 == UInt8(ascii: "s") }.count } == 52_000)
    }

    @Test(arguments: [
        ("aaaa aaaa [two words](https://a.example/b) cc", ["aaaa aaaa", "[two words](https://a.example/b) cc"]),
        ("aaaa aaaa aaaa https://a.example/long/path cc", ["aaaa aaaa aaaa", "https://a.example/long/path cc"]),
        ("aaaa aaaa aaaa aaaa aaaa `bbbb bbbb bbbb` cc", ["aaaa aaaa aaaa aaaa aaaa", "`bbbb bbbb bbbb` cc"]),
        ("aaaa aaaa aaaa aaaa aaaa **bbbb bbbb bb** cc", ["aaaa aaaa aaaa aaaa aaaa", "**bbbb bbbb bb** cc"]),
        ("# Title\n\naaaa aaaa aaaa\n\n# More\n\nbbbb bbbb", ["# Title\n\naaaa aaaa aaaa", "# More\n\nbbbb bbbb"]),
        ("aaaa aaaa aaaa aaaa aaaa aaaa aaaaa - b c", ["aaaa aaaa aaaa aaaa aaaa aaaa aaaaa", "\\- b c"]),
        ("aaaa aaaa aaaa aaaa aaaa aaaa aaaa 12. bb", ["aaaa aaaa aaaa aaaa aaaa aaaa aaaa", "12\\. bb"]),
        ("> aaaa aaaa aaaa aaaa aaaa aaaa aaaa bbbb", ["> aaaa aaaa aaaa aaaa aaaa aaaa aaaa", "> bbbb"]),
        ("第一句话在这里。第二句话在这里也很长很长很长很长。第三句话在这里很长很长", ["第一句话在这里。第二句话在这里也很长很长很长很长。", "第三句话在这里很长很长"]),
    ])
    func `what belongs together stays together where it fits`(text: String, parts: [String]) {
        #expect(split(text, text.hasPrefix("第") ? 30 : 36) == parts)
    }

    @Test(arguments: [
        (
            "**" + String(repeating: "word ", count: 8) + "end**",
            ["**word word word word word**", "**word word word end**"]
        ),
        (
            "[" + String(repeating: "word ", count: 8) + "end](http://x.y)",
            ["[word word word](http://x.y)", "[word word word](http://x.y)", "[word word end](http://x.y)"]
        ),
    ])
    func `what is too long for one message is closed and opened again`(text: String, parts: [String]) {
        #expect(split(text, 30) == parts)
    }

    @Test func `numbered lists go on with their numbers, and items with their indentation`() {
        let list = (1...6).map { _ in "1. item aaaa\n    - nested\n" }.joined()
        let parts = split(list, 60)
        #expect(parts.count > 2)
        let numbers = parts.map { Int($0.prefix { $0.isNumber }) ?? 0 }
        #expect(numbers[0] == 1 && numbers == numbers.sorted() && numbers.last ?? 0 > 3)
        // An indentation of four would be code.
        #expect(split("1. aaaa\n    - bbbb bbbb\n    - cccc cccc\n2. dd", 24).last == "- cccc cccc\n2. dd")
    }

    @Test func `a table has its head in every message`() {
        let head = "| A | B |\n|---|---|\n"
        let rows = (0..<20).map { "| row \($0) | x |\n" }.joined()
        let parts = split("Text.\n\n" + head + rows, 100)
        #expect(parts.count > 3)
        #expect(parts.dropFirst().allSatisfy { $0.hasPrefix(head) })
        #expect(parts.joined(separator: "\n").split(separator: "\n").filter { $0.hasPrefix("| row") }.count == 20)
    }

    @Test func `a fence within a fence is no end, and an indented one loses its indentation`() {
        let text = "````md\n" + String(repeating: "```\nx\n```\n", count: 20) + "````\n"
        for part in split(text, 80) {
            #expect(part.hasPrefix("````md\n") && part.hasSuffix("````") || part.hasSuffix("````\n"))
        }
        let item = "1. a\n   ~~~sh\n" + String(repeating: "   echo x\n", count: 12) + "   ~~~\n2. b"
        let parts = split(item, 60)
        #expect(parts[1].hasPrefix("~~~sh\necho x\n") && parts[1].hasSuffix("\n~~~"))
        #expect(parts.last?.hasSuffix("2. b") == true)
    }

    @Test func `what the platform counts is what keeps to the limit`() {
        let escapes = TextSplitter(limit: .init(100, .utf16)) { text, _ in
            String(text.flatMap { $0 == "<" ? "&lt;" : "\($0)" })
        }
        let text = String(repeating: "a < b ", count: 40)
        let parts = escapes.split(text, format: .markdown)
        #expect(parts.allSatisfy { escapes.size(of: $0, format: .markdown) <= 100 && $0.count > 30 })
        #expect(parts.joined().filter { $0 != " " } == text.filter { $0 != " " })
        // Addresses behind labels are not counted here.
        let links = TextSplitter(limit: .init(100, .utf16)) { text, _ in String(text.prefix(20)) }
        #expect(links.split(String(repeating: "x", count: 500), format: .markdown).count == 1)
    }

    @Test(arguments: [
        "[", "`", "*a ", "_a", "[a](", "<http://", "- ", "> a", "|", "1. ", "~~a ", "\\", "``", "| a |\n|---|\n",
    ])
    func `hostile text is cut in linear time`(piece: String) {
        let text = String(repeating: piece, count: 200_000 / piece.utf8.count)
        let parts = split(text, 4096)
        #expect(parts.allSatisfy { $0.utf16.count <= 4096 } && parts.count >= 45)
    }

    @Test(arguments: [
        ("one two three", "one two", "three"), ("one two", "one two", ""), ("one two", "another", "one two"),
        ("one", "", "one"),
        ("```sh\na\nb\n```\nc", "```sh\na\n```", "```sh\nb\n```\nc"), ("**one two three**", "**one two", "**three**"),
        ("> one two", "> one", "> two"), ("1. a\n1. b\n1. c", "1. a\n1. b", "3. c"),
    ])
    func `what a message does not show stands alone behind it`(text: String, shown: String, rest: String) {
        let splitter = TextSplitter(limit: .init(100, .utf16))
        #expect(splitter.rest(of: text, after: shown) == rest)
    }
}
