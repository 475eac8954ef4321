import CCMark

/// Writes one Markdown tree in a dialect of lines.
///
/// Line by line it follows the source: between two blocks stand as many line ends as stood there, so that paragraphs, lists
/// and what follows a heading look as the agent laid them out.
struct MarkdownRenderer {
    let dialect: MarkdownDialect
    /// Text is escaped as in HTML: said once, since nearly every piece of text asks.
    let escapesHTML: Bool
    let source: MarkdownSource
    var output: [UInt8] = []
    var lines: MarkdownLines

    /// The marks that are open, outermost first; each kind once, however deeply it is nested.
    var styles: [Style] = []
    var depths = [Int](repeating: 0, count: Style.allCases.count)
    /// For each emphasis that is open in the source, whether its marks are text.
    var emphasisIsSign: [Bool] = []
    /// For each list that is open: the number of its next item, or nil for bullets.
    private var lists: [Int?] = []
    private var quoteDepth = 0
    private var quoteIsPending = false
    /// How many links and images are open; only the outermost is written as a link.
    var linkDepth = 0
    var link: OpenLink?
    /// Text that is written next begins a line, where some signs are marks.
    var isAtLineStart = true
    /// Text that is written next begins an item, where `[ ]` is a box to tick.
    var isAtItemStart = false
    /// The next text begins with a sign of ours that is not written.
    var hidesNextSign = false
    /// Line ends are written as spaces: in headings behind `#`, and in cells.
    var keepsOneLine = false

    enum Style: Int, CaseIterable {
        case bold, italic
    }

    /// A link on the way from its label to its end.
    struct OpenLink {
        var url: [UInt8]
        var isKept: Bool
        /// Where the label begins in the output.
        var label: Int
    }

    init(dialect: MarkdownDialect, source: UnsafeBufferPointer<UInt8>) {
        self.dialect = dialect
        escapesHTML = if case .html = dialect.escaping { true } else { false }
        self.source = MarkdownSource(bytes: source)
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
            case CMARK_NODE_PARAGRAPH:
                if entering, let table = source.table(in: node) {
                    block(node) { renderer in renderer.paragraph(around: table) }
                    return .past
                }
                entering ? beginBlock(node) : lines.end()
            case CMARK_NODE_HEADING: entering ? enterHeading(node) : leaveHeading(node)
            case CMARK_NODE_CODE_BLOCK: block(node) { renderer in renderer.codeBlock(node) }
            case CMARK_NODE_HTML_BLOCK: block(node) { renderer in renderer.rows(of: node.literal.trimmingNewlines) }
            case CMARK_NODE_THEMATIC_BREAK:
                block(node) { renderer in
                    renderer.dialect.rule.withUTF8Buffer { renderer.output.append(contentsOf: $0) }
                }
            default: inline(node, entering: entering)
            }
            return .on
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
        isAtLineStart = true
    }

    private mutating func enterHeading(_ node: MarkdownNode) {
        beginBlock(node)
        switch dialect.heading {
        case .hashes(let deepest) where node.headingLevel <= deepest:
            output.append(contentsOf: repeatElement(UInt8(ascii: "#"), count: node.headingLevel))
            output.append(UInt8(ascii: " "))
            keepsOneLine = true
        case .plain: break
        default: open(.bold)
        }
    }

    private mutating func leaveHeading(_ node: MarkdownNode) {
        switch dialect.heading {
        case .hashes(let deepest) where node.headingLevel <= deepest: keepsOneLine = false
        case .plain: break
        default: close(.bold)
        }
        lines.end()
    }

    private mutating func enterQuote() {
        quoteDepth += 1
        if quoteDepth == 1, case .around = dialect.quote {
            quoteIsPending = true
            lines.push("", marker: nil)
        } else if dialect.marksQuoteLines {
            lines.push("> ", marker: nil)
        } else if escapesHTML {
            lines.push("&gt; ", marker: nil)
        } else {
            lines.push("> ", marker: nil)
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
            lines.push("  ", marker: dialect.bullet.description)
        }
        isAtItemStart = true
    }

    private mutating func leaveItem(_ node: MarkdownNode) {
        if !node.hasChildren {
            beginBlock(node)
            while output.last == UInt8(ascii: " ") { output.removeLast() }
            lines.end()
        }
        isAtItemStart = false
        lines.pop()
    }

    private mutating func codeBlock(_ node: MarkdownNode) {
        let language = node.fenceInfo.prefix { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
        codeBlock(node.literal.trimmingNewlines, language: UnsafeBufferPointer(rebasing: language))
    }

    /// Writes code of a language; an empty one is not known.
    mutating func codeBlock(_ text: UnsafeBufferPointer<UInt8>, language: UnsafeBufferPointer<UInt8>) {
        isAtItemStart = false
        switch dialect.codeBlock {
        case .html:
            output.appendPreformatted(text, language: language)
        case .fence, .fenceWithLanguage:
            output.append(contentsOf: "```".utf8)
            if case .fenceWithLanguage = dialect.codeBlock, language.allSatisfy(\.isLanguageName) {
                output.append(contentsOf: language)
            }
            // Within a quote each line has its mark; spaces of a list's would become part of the code.
            endCodeLine(withPrefix: quoteDepth > 0)
            let escapes = escapesHTML
            codeLines(text, withPrefix: quoteDepth > 0) { line, output in
                output.appendEscaped(line, markup: escapes, breakingFences: true)
            }
            endCodeLine(withPrefix: quoteDepth > 0)
            output.append(contentsOf: "```".utf8)
        case .markdown:
            let fence = repeatElement(UInt8(ascii: "`"), count: max(3, text.longestRun(of: UInt8(ascii: "`")) + 1))
            output.append(contentsOf: fence)
            output.append(contentsOf: language.filter { $0 != UInt8(ascii: "`") })
            endCodeLine(withPrefix: true)
            codeLines(text, withPrefix: true) { line, output in output.append(contentsOf: line) }
            endCodeLine(withPrefix: true)
            output.append(contentsOf: fence)
        case .plain:
            codeLines(text, withPrefix: true) { line, output in output.append(contentsOf: line) }
        }
    }

    private mutating func endCodeLine(withPrefix: Bool) {
        if withPrefix { lines.next(in: &output) } else { output.append(UInt8(ascii: "\n")) }
    }

    private mutating func codeLines(
        _ text: UnsafeBufferPointer<UInt8>, withPrefix: Bool,
        _ write: (UnsafeBufferPointer<UInt8>, inout [UInt8]) -> Void
    ) {
        var rest = text[...]
        while withPrefix, !lines.areBare, let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            write(UnsafeBufferPointer(rebasing: rest[..<end]), &output)
            lines.next(in: &output)
            rest = rest[(end + 1)...]
        }
        write(UnsafeBufferPointer(rebasing: rest), &output)
    }

    /// Writes text of several lines, each behind what its line begins with.
    private mutating func rows(of text: UnsafeBufferPointer<UInt8>) {
        var start = 0
        while let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) {
            plainText(UnsafeBufferPointer(rebasing: text[start..<end]))
            lineBreak()
            start = end + 1
        }
        plainText(UnsafeBufferPointer(rebasing: text[start...]))
    }
}

extension MarkdownDialect {
    /// Whether `> ` before a line is the dialect's own mark, and not text.
    fileprivate var marksQuoteLines: Bool {
        if case .lines = quote { true } else { false }
    }
}

extension UInt8 {
    /// What Discord takes for a language behind the backticks; anything else is shown as code there.
    fileprivate var isLanguageName: Bool {
        isDigit || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) || "_+-.#".utf8.contains(self)
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// The length of the longest row of one sign.
    func longestRun(of byte: UInt8) -> Int {
        var longest = 0
        var run = 0
        for other in self {
            run = other == byte ? run + 1 : 0
            longest = Swift.max(longest, run)
        }
        return longest
    }
}
