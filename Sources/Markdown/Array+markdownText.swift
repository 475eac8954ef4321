extension [UInt8] {
    /// Appends text with `&`, `<` and `>` escaped, which is what both HTML and Slack ask for.
    ///
    /// - Parameters:
    ///   - markup: Escapes `&`, `<` and `>` at all.
    ///   - quotes: Escapes `"` too, for attributes.
    ///   - breakingFences: Puts a zero-width space between backticks, so that none of them close a block of code.
    mutating func appendEscaped(
        _ text: UnsafeBufferPointer<UInt8>, markup: Bool = true, quotes: Bool = false, breakingFences: Bool = false
    ) {
        var start = 0
        for index in text.indices {
            let escape: StaticString
            switch text[index] {
            case UInt8(ascii: "&") where markup: escape = "&amp;"
            case UInt8(ascii: "<") where markup: escape = "&lt;"
            case UInt8(ascii: ">") where markup: escape = "&gt;"
            case UInt8(ascii: "\"") where quotes: escape = "&quot;"
            case UInt8(ascii: "`") where breakingFences && index > 0 && text[index - 1] == UInt8(ascii: "`"):
                escape = "\u{200b}`"
            default: continue
            }
            append(contentsOf: UnsafeBufferPointer(rebasing: text[start..<index]))
            escape.withUTF8Buffer { append(contentsOf: $0) }
            start = index + 1
        }
        append(contentsOf: UnsafeBufferPointer(rebasing: text[start...]))
    }

    /// Appends a block of code as `<pre>`, and as `<code>` of a language within it where that is known.
    mutating func appendPreformatted(_ text: UnsafeBufferPointer<UInt8>, language: UnsafeBufferPointer<UInt8>) {
        append(contentsOf: "<pre>".utf8)
        if !language.isEmpty {
            append(contentsOf: "<code class=\"language-".utf8)
            appendEscaped(language, quotes: true)
            append(contentsOf: "\">".utf8)
        }
        appendEscaped(text)
        append(contentsOf: (language.isEmpty ? "</pre>" : "</code></pre>").utf8)
    }

    /// Appends an address so that no sign in it ends the link that it stands in.
    ///
    /// - Parameters:
    ///   - ampersands: writes `&` as Slack asks for it.
    ///   - parentheses: writes them, and backslashes, as CommonMark asks for it.
    mutating func appendURL(
        _ url: UnsafeBufferPointer<UInt8>, escapingAmpersands ampersands: Bool = false,
        escapingParentheses parentheses: Bool = false
    ) {
        for byte in url {
            switch byte {
            case UInt8(ascii: "&") where ampersands: append(contentsOf: "&amp;".utf8)
            case UInt8(ascii: "(") where parentheses: append(contentsOf: "%28".utf8)
            case UInt8(ascii: ")") where parentheses: append(contentsOf: "%29".utf8)
            case UInt8(ascii: "<"): append(contentsOf: "%3C".utf8)
            case UInt8(ascii: ">"): append(contentsOf: "%3E".utf8)
            case UInt8(ascii: "|"): append(contentsOf: "%7C".utf8)
            case UInt8(ascii: "\\") where parentheses: append(contentsOf: "%5C".utf8)
            case UInt8(ascii: " "): append(contentsOf: "%20".utf8)
            default: append(byte)
            }
        }
    }

    /// Whether what was written last is an address of the web, so that marks of Markdown in it are part of it.
    var endsInAddress: Bool {
        var slashes = 0
        for index in indices.reversed().prefix(2048) {
            switch self[index] {
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: ">"), UInt8(ascii: "|"): return false
            case UInt8(ascii: "/"): slashes += 1
            case UInt8(ascii: ":") where slashes >= 2: return self[index...].starts(with: "://".utf8)
            default: break
            }
        }
        return false
    }

    /// Whether the bytes, in any case, begin with that text of lower-case ASCII.
    func hasPrefix(ignoringCase prefix: String) -> Bool {
        let isUpper = UInt8(ascii: "A")...UInt8(ascii: "Z")
        return prefix.utf8.count <= count
            && zip(self, prefix.utf8).allSatisfy { (isUpper.contains($0) ? $0 | 0x20 : $0) == $1 }
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// The bytes without the line ends at the end.
    var trimmingNewlines: UnsafeBufferPointer<UInt8> {
        var end = count
        while end > 0, self[end - 1] == UInt8(ascii: "\n") { end -= 1 }
        return UnsafeBufferPointer(rebasing: self[..<end])
    }

    /// The place of the next text between two pairs of tildes, as GitHub's Markdown has it; the pairs are around the range.
    ///
    /// Neither end of the text is white space, and neither pair is part of a longer row of tildes.
    func struckText(from start: Int) -> Range<Int>? {
        var opening: Int?
        var index = start
        while index < count {
            guard self[index] == UInt8(ascii: "~") else {
                index += 1
                continue
            }
            let row = index
            while index < count, self[index] == UInt8(ascii: "~") { index += 1 }
            guard index - row == 2 else { continue }
            if let opening, row > opening, !isWhitespace(row - 1) { return opening..<row }
            opening = index < count && !isWhitespace(index) ? index : nil
        }
        return nil
    }

    private func isWhitespace(_ index: Int) -> Bool {
        self[index] == UInt8(ascii: " ") || self[index] == UInt8(ascii: "\t")
    }
}
