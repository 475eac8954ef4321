import CCMark

/// Writes one Markdown tree in a dialect.
///
/// Line by line it follows the source: between two blocks stand as many line ends as stood there, so that paragraphs, lists
/// and what follows a heading look as the agent laid them out.
struct MarkdownRenderer {
    let dialect: MarkdownDialect
    var output: [UInt8] = []
    var lines: MarkdownLines

    /// The marks that are open, outermost first; each kind once, however deeply it is nested.
    private var styles: [Style] = []
    private var depths = [Int](repeating: 0, count: Style.allCases.count)
    /// For each list that is open: the number of its next item, or nil for bullets.
    private var lists: [Int?] = []
    private var quoteDepth = 0
    private var quoteIsPending = false
    /// How many links and images are open; only the outermost is written as a link.
    private var linkDepth = 0
    private var link: OpenLink?

    enum Style: Int, CaseIterable {
        case bold, italic
    }

    /// A link on the way from its label to its end.
    private struct OpenLink {
        var url: [UInt8]
        var isKept: Bool
        /// Where the label begins in the output.
        var label: Int
    }

    init(dialect: MarkdownDialect, source: UnsafeBufferPointer<UInt8>) {
        self.dialect = dialect
        lines = MarkdownLines(source: source)
        output.reserveCapacity(source.count + source.count / 4 + 64)
    }

    mutating func render(_ tree: borrowing MarkdownTree) {
        tree.walk { node, entering in
            switch node.type {
            case CMARK_NODE_BLOCK_QUOTE: entering ? enterQuote() : leaveQuote()
            case CMARK_NODE_LIST:
                if entering { lists.append(node.isOrderedList ? node.listStart : nil) } else { lists.removeLast() }
            case CMARK_NODE_ITEM: entering ? enterItem() : leaveItem(node)
            case CMARK_NODE_PARAGRAPH: entering ? beginBlock(node) : lines.end()
            case CMARK_NODE_HEADING:
                if entering {
                    beginBlock(node)
                    open(.bold)
                } else {
                    close(.bold)
                    lines.end()
                }
            case CMARK_NODE_CODE_BLOCK: block(node) { renderer in renderer.codeBlock(node) }
            case CMARK_NODE_HTML_BLOCK: block(node) { renderer in renderer.rows(of: node.literal.trimmingNewlines) }
            case CMARK_NODE_THEMATIC_BREAK: block(node) { renderer in renderer.output.append(contentsOf: "———".utf8) }
            case CMARK_NODE_TEXT: text(node.literal)
            case CMARK_NODE_HTML_INLINE: output.appendEscaped(node.literal)
            case CMARK_NODE_CODE: code(node.literal)
            case CMARK_NODE_SOFTBREAK, CMARK_NODE_LINEBREAK: lineBreak()
            case CMARK_NODE_STRONG: entering ? open(.bold) : close(.bold)
            case CMARK_NODE_EMPH: entering ? open(.italic) : close(.italic)
            case CMARK_NODE_LINK, CMARK_NODE_IMAGE: entering ? enterLink(node) : leaveLink()
            default: break
            }
        }
    }

    // MARK: Blocks

    private mutating func block(_ node: MarkdownNode, _ content: (inout MarkdownRenderer) -> Void) {
        beginBlock(node)
        content(&self)
        lines.end()
    }

    private mutating func beginBlock(_ node: MarkdownNode) {
        lines.begin(at: node.startLine, in: &output) { output in
            guard quoteIsPending, case .around(let marks) = dialect.quote else { return }
            output.append(contentsOf: marks.open)
        }
        quoteIsPending = false
    }

    private mutating func enterQuote() {
        quoteDepth += 1
        if quoteDepth == 1, case .around = dialect.quote {
            quoteIsPending = true
            lines.push("", marker: nil)
        } else {
            lines.push("> ", marker: nil, escaped: !dialect.marksQuoteLines)
        }
    }

    private mutating func leaveQuote() {
        quoteDepth -= 1
        lines.pop()
        guard quoteDepth == 0, case .around(let marks) = dialect.quote else { return }
        if !quoteIsPending { output.append(contentsOf: marks.close) }
        quoteIsPending = false
    }

    private mutating func enterItem() {
        if let list = lists.indices.last, let number = lists[list] {
            let marker = "\(number). "
            lists[list] = number + 1
            lines.push(String(repeating: " ", count: marker.utf8.count), marker: marker)
        } else {
            lines.push("  ", marker: "• ")
        }
    }

    private mutating func leaveItem(_ node: MarkdownNode) {
        if !node.hasChildren {
            beginBlock(node)
            while output.last == UInt8(ascii: " ") { output.removeLast() }
            lines.end()
        }
        lines.pop()
    }

    private mutating func codeBlock(_ node: MarkdownNode) {
        let text = node.literal.trimmingNewlines
        switch dialect.codeBlock {
        case .html:
            let language = node.fenceInfo.prefix { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
            output.append(contentsOf: "<pre>".utf8)
            if !language.isEmpty {
                output.append(contentsOf: "<code class=\"language-".utf8)
                output.appendEscaped(UnsafeBufferPointer(rebasing: language), quotes: true)
                output.append(contentsOf: "\">".utf8)
            }
            output.appendEscaped(text)
            output.append(contentsOf: (language.isEmpty ? "</pre>" : "</code></pre>").utf8)
        case .fence:
            output.append(contentsOf: "```\n".utf8)
            output.appendEscaped(text, breakingFences: true)
            output.append(contentsOf: "\n```".utf8)
        }
    }

    /// Writes text of several lines, each behind what its line begins with.
    private mutating func rows(of text: UnsafeBufferPointer<UInt8>) {
        var start = 0
        while let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) {
            output.appendEscaped(UnsafeBufferPointer(rebasing: text[start..<end]))
            lines.next(in: &output)
            start = end + 1
        }
        output.appendEscaped(UnsafeBufferPointer(rebasing: text[start...]))
    }

    // MARK: Inlines

    /// Whether marks are written here: a label of Slack's is plain.
    private var takesMarks: Bool {
        guard case .slack = dialect.link, let link else { return true }
        return !link.isKept
    }

    private func marks(_ style: Style) -> MarkdownDialect.Marks {
        switch style {
        case .bold: dialect.bold
        case .italic: dialect.italic
        }
    }

    private mutating func open(_ style: Style) {
        depths[style.rawValue] += 1
        guard depths[style.rawValue] == 1, takesMarks else { return }
        styles.append(style)
        output.append(contentsOf: marks(style).open)
    }

    private mutating func close(_ style: Style) {
        depths[style.rawValue] -= 1
        guard depths[style.rawValue] == 0, styles.last == style else { return }
        styles.removeLast()
        output.append(contentsOf: marks(style).close)
    }

    private mutating func lineBreak() {
        guard takesMarks else { return output.append(UInt8(ascii: " ")) }
        if dialect.marksSpanLines { return lines.next(in: &output) }
        for style in styles.reversed() { output.append(contentsOf: marks(style).close) }
        lines.next(in: &output)
        for style in styles { output.append(contentsOf: marks(style).open) }
    }

    private mutating func code(_ text: UnsafeBufferPointer<UInt8>) {
        // A backtick cannot stand in code that backticks mark.
        let marked = takesMarks && !(dialect.code.open == [UInt8(ascii: "`")] && text.contains(UInt8(ascii: "`")))
        if marked { output.append(contentsOf: dialect.code.open) }
        output.appendEscaped(text)
        if marked { output.append(contentsOf: dialect.code.close) }
    }

    private mutating func text(_ text: UnsafeBufferPointer<UInt8>) {
        var start = 0
        if takesMarks {
            while let struck = text.struckText(from: start) {
                output.appendEscaped(UnsafeBufferPointer(rebasing: text[start..<struck.lowerBound - 2]))
                output.append(contentsOf: dialect.strike.open)
                output.appendEscaped(UnsafeBufferPointer(rebasing: text[struck]))
                output.append(contentsOf: dialect.strike.close)
                start = struck.upperBound + 2
            }
        }
        output.appendEscaped(UnsafeBufferPointer(rebasing: text[start...]))
    }

    private mutating func enterLink(_ node: MarkdownNode) {
        linkDepth += 1
        guard linkDepth == 1 else { return }
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
                url.withUnsafeBufferPointer { output.appendSlackURL($0) }
                output.append(UInt8(ascii: "|"))
            }
        }
        link = OpenLink(url: url, isKept: isKept, label: output.count)
    }

    private mutating func leaveLink() {
        linkDepth -= 1
        guard linkDepth == 0, let link else { return }
        self.link = nil
        let isEmpty = output.count == link.label
        if link.isKept {
            if isEmpty { link.url.withUnsafeBufferPointer { output.appendEscaped($0) } }
            switch dialect.link {
            case .html: output.append(contentsOf: "</a>".utf8)
            case .slack: output.append(UInt8(ascii: ">"))
            }
        } else if !link.url.isEmpty {
            if !isEmpty { output.append(contentsOf: " (".utf8) }
            link.url.withUnsafeBufferPointer { output.appendEscaped($0) }
            if !isEmpty { output.append(UInt8(ascii: ")")) }
        }
    }
}

extension MarkdownDialect {
    /// Whether `> ` before a line is the dialect's own mark, and not text.
    fileprivate var marksQuoteLines: Bool {
        if case .lines = quote { true } else { false }
    }
}
