import CCMark

extension MarkdownRenderer {
    /// Writes a node that stands within a line.
    mutating func inline(_ node: MarkdownNode, entering: Bool) {
        switch node.type {
        case CMARK_NODE_TEXT: text(node.literal)
        case CMARK_NODE_HTML_INLINE: plainText(node.literal)
        case CMARK_NODE_CODE: code(node.literal)
        case CMARK_NODE_SOFTBREAK, CMARK_NODE_LINEBREAK: lineBreak()
        case CMARK_NODE_STRONG: emphasis(.bold, entering, sign: "__")
        case CMARK_NODE_EMPH: emphasis(.italic, entering, sign: "_")
        case CMARK_NODE_LINK, CMARK_NODE_IMAGE: entering ? enterLink(node) : leaveLink()
        default: break
        }
    }

    /// Writes Markdown of one line, as in a cell, where no block can begin.
    mutating func inlines(of markdown: [UInt8]) {
        guard markdown.withUnsafeBufferPointer({ MarkdownScan.mayHoldMarkdown($0) }) else {
            return markdown.withUnsafeBufferPointer { plainText($0) }
        }
        // A sign before it keeps cmark from seeing a heading or a list; it is not written.
        let text = [UInt8(ascii: ".")] + markdown
        text.withUnsafeBufferPointer { text in
            let tree = MarkdownTree(parsing: text)
            hidesNextSign = true
            tree.walk { node, entering in
                inline(node, entering: entering)
                return .on
            }
            hidesNextSign = false
        }
    }

    /// Whether marks are written here: a label of Slack's is plain.
    private var takesMarks: Bool {
        guard let link, link.isKept else { return true }
        switch dialect.link {
        case .slack, .angle: return false
        case .html, .markdown, .label, .hidden: return true
        }
    }

    private func marks(_ style: Style) -> MarkdownDialect.Marks {
        switch style {
        case .bold: dialect.bold
        case .italic: dialect.italic
        }
    }

    private mutating func emphasis(_ style: Style, _ entering: Bool, sign: StaticString) {
        // An address such as `https://a.example/_x_/` holds no emphasis, whatever CommonMark says of it.
        if entering { emphasisIsSign.append(output.endsInAddress) }
        let isSign = entering ? emphasisIsSign.last : emphasisIsSign.popLast()
        if isSign == true { return sign.withUTF8Buffer { output.append(contentsOf: $0) } }
        entering ? open(style) : close(style)
    }

    mutating func open(_ style: Style) {
        depths[style.rawValue] += 1
        guard depths[style.rawValue] == 1, takesMarks else { return }
        styles.append(style)
        output.append(contentsOf: marks(style).open)
        isAtItemStart = false
    }

    mutating func close(_ style: Style) {
        depths[style.rawValue] -= 1
        guard depths[style.rawValue] == 0, styles.last == style else { return }
        styles.removeLast()
        output.append(contentsOf: marks(style).close)
    }

    mutating func lineBreak() {
        guard takesMarks, !keepsOneLine else { return output.append(UInt8(ascii: " ")) }
        if !dialect.marksSpanLines {
            for style in styles.reversed() { output.append(contentsOf: marks(style).close) }
        }
        if dialect.lineBreak == .blankLine {
            // In items and quotes CommonMark's own hard break: a blank line would end what is around it.
            output.append(contentsOf: (lines.areBare ? "\n" : "  ").utf8)
        }
        lines.next(in: &output)
        if !dialect.marksSpanLines {
            for style in styles { output.append(contentsOf: marks(style).open) }
        }
        isAtLineStart = true
    }

    private mutating func code(_ text: UnsafeBufferPointer<UInt8>) {
        isAtLineStart = false
        isAtItemStart = false
        let backtick = UInt8(ascii: "`")
        let isBackticked = dialect.code.open == [backtick]
        if isBackticked, text.contains(backtick), case .markdown = dialect.link {
            let fence = repeatElement(backtick, count: text.longestRun(of: backtick) + 1)
            output.append(contentsOf: fence)
            output.append(UInt8(ascii: " "))
            output.append(contentsOf: text)
            output.append(UInt8(ascii: " "))
            output.append(contentsOf: fence)
            return
        }
        // A backtick cannot stand in code that backticks mark.
        let marked = takesMarks && !(isBackticked && text.contains(backtick))
        if marked { output.append(contentsOf: dialect.code.open) }
        if escapesHTML { output.appendEscaped(text) } else { output.append(contentsOf: text) }
        if marked { output.append(contentsOf: dialect.code.close) }
    }

    private mutating func text(_ literal: UnsafeBufferPointer<UInt8>) {
        var text = literal
        if hidesNextSign {
            hidesNextSign = false
            text = UnsafeBufferPointer(rebasing: text.dropFirst())
        }
        if isAtItemStart, text.count >= 4, text[0] == UInt8(ascii: "["), text[2] == UInt8(ascii: "]"),
            text[3] == UInt8(ascii: " ")
        {
            // A box to tick, which is shown as it is written.
            output.append(contentsOf: text[..<4])
            text = UnsafeBufferPointer(rebasing: text[4...])
        }
        var start = 0
        if takesMarks {
            while let struck = text.struckText(from: start) {
                plainText(UnsafeBufferPointer(rebasing: text[start..<struck.lowerBound - 2]))
                output.append(contentsOf: dialect.strike.open)
                isAtLineStart = false
                plainText(UnsafeBufferPointer(rebasing: text[struck]))
                output.append(contentsOf: dialect.strike.close)
                start = struck.upperBound + 2
            }
        }
        plainText(UnsafeBufferPointer(rebasing: text[start...]))
    }

    /// Writes text without marks.
    mutating func plainText(_ text: UnsafeBufferPointer<UInt8>) {
        guard !text.isEmpty else { return }
        if escapesHTML {
            output.appendEscaped(text)
        } else {
            output.appendText(text, in: dialect, atLineStart: isAtLineStart)
        }
        isAtLineStart = false
        isAtItemStart = false
    }

    // MARK: Links

    private mutating func enterLink(_ node: MarkdownNode) {
        linkDepth += 1
        guard linkDepth == 1 else { return }
        isAtItemStart = false
        let url = Array(node.url)
        let isKept = url.count <= 2048 && dialect.linkSchemes.contains { url.hasPrefix(ignoringCase: $0) }
        if isKept {
            switch dialect.link {
            case .html:
                output.append(contentsOf: "<a href=\"".utf8)
                url.withUnsafeBufferPointer { output.appendEscaped($0, quotes: true) }
                output.append(contentsOf: "\">".utf8)
            case .slack:
                output.append(UInt8(ascii: "<"))
                url.withUnsafeBufferPointer { output.appendURL($0, escapingAmpersands: true) }
                output.append(UInt8(ascii: "|"))
            case .angle, .markdown, .label, .hidden:
                // Written at its end, when the label is known.
                break
            }
        }
        link = OpenLink(url: url, isKept: isKept, label: output.count)
    }

    private mutating func leaveLink() {
        linkDepth -= 1
        guard linkDepth == 0, let link else { return }
        self.link = nil
        isAtLineStart = false
        let label = output[link.label...]
        switch dialect.link {
        case .html where link.isKept:
            if label.isEmpty { link.url.withUnsafeBufferPointer { output.appendEscaped($0) } }
            output.append(contentsOf: "</a>".utf8)
        case .slack where link.isKept:
            if label.isEmpty { link.url.withUnsafeBufferPointer { output.appendEscaped($0) } }
            output.append(UInt8(ascii: ">"))
        case .hidden where link.isKept:
            if label.isEmpty { output.append(contentsOf: link.url) }
        case .angle
        where link.isKept && !label.isEmpty && !link.isLabelled(label)
            && !label.contains { $0 == UInt8(ascii: ">") || $0 == UInt8(ascii: "|") }:
            let text = Array(label)
            output.removeSubrange(link.label...)
            output.append(UInt8(ascii: "<"))
            link.url.withUnsafeBufferPointer { output.appendURL($0) }
            output.append(UInt8(ascii: "|"))
            output.append(contentsOf: text)
            output.append(UInt8(ascii: ">"))
        // A label that looks like an address itself is shown beside the true one: Discord makes no link of it.
        case .markdown where link.isKept && !label.isEmpty && !link.isLabelled(label) && !label.holdsAddress:
            output.insert(UInt8(ascii: "["), at: link.label)
            output.append(contentsOf: "](".utf8)
            link.url.withUnsafeBufferPointer { output.appendURL($0, escapingParentheses: true) }
            output.append(UInt8(ascii: ")"))
        default:
            plainLink(link)
        }
    }

    /// Writes the address behind the label, unless they are the same.
    private mutating func plainLink(_ link: OpenLink) {
        let label = output[link.label...]
        let isEmpty = label.isEmpty
        guard !link.url.isEmpty, !link.isLabelled(label) else { return }
        if !isEmpty { output.append(contentsOf: " (".utf8) }
        link.url.withUnsafeBufferPointer { plainText($0) }
        if !isEmpty { output.append(UInt8(ascii: ")")) }
    }
}

extension MarkdownRenderer.OpenLink {
    /// Whether the label, as written, says the address already.
    fileprivate func isLabelled(_ label: ArraySlice<UInt8>) -> Bool {
        label.elementsEqual(url)
            || url.hasPrefix(ignoringCase: "mailto:") && label.elementsEqual(url.dropFirst("mailto:".utf8.count))
    }
}

extension ArraySlice<UInt8> {
    fileprivate var holdsAddress: Bool {
        guard let colon = firstIndex(of: UInt8(ascii: ":")) else { return false }
        return self[colon...].starts(with: "://".utf8)
    }
}
