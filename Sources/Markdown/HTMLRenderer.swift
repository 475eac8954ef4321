import CCMark

/// Writes one Markdown tree as elements of HTML: paragraphs, headings, lists, tables.
///
/// The elements are those that Matrix clients show. A line end of the agent's stays one, as everywhere in chat.
struct HTMLRenderer {
    let dialect: MarkdownDialect
    let source: MarkdownSource
    var output: [UInt8] = []

    /// How many links and images are open; only the outermost is written as a link.
    private var linkDepth = 0
    private var link: MarkdownRenderer.OpenLink?
    /// How deeply emphasis of each kind is nested; each is written once.
    private var strong = 0
    private var emphasis = 0
    /// Elements that hold others are written to this depth: clients refuse deeper ones.
    private var depth = 0
    private static let deepest = 50
    private var hidesNextSign = false
    private var emphasisIsSign: [Bool] = []

    init(dialect: MarkdownDialect, source: UnsafeBufferPointer<UInt8>) {
        self.dialect = dialect
        self.source = MarkdownSource(bytes: source)
        output.reserveCapacity(source.count + source.count / 2 + 64)
    }

    mutating func render(_ tree: borrowing MarkdownTree) {
        tree.walk { node, entering in
            switch node.type {
            case CMARK_NODE_BLOCK_QUOTE: container("blockquote", entering)
            case CMARK_NODE_LIST:
                let attribute = node.isOrderedList && node.listStart != 1 ? " start=\"\(node.listStart)\"" : ""
                container(node.isOrderedList ? "ol" : "ul", entering, attribute: attribute)
            case CMARK_NODE_ITEM: container("li", entering, breaks: !entering)
            case CMARK_NODE_PARAGRAPH: return paragraph(node, entering)
            case CMARK_NODE_HEADING:
                if entering { beginLine() }
                element("h\(node.headingLevel)", entering)
            case CMARK_NODE_CODE_BLOCK:
                beginLine()
                let language = node.fenceInfo.prefix { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
                let isKnown = !language.isEmpty
                output.append(contentsOf: (isKnown ? "<pre>" : "<pre><code>").utf8)
                let start = output.count
                output.appendPreformatted(
                    node.literal.trimmingNewlines, language: UnsafeBufferPointer(rebasing: language))
                output.removeSubrange(start..<(start + "<pre>".utf8.count))
                if !isKnown { output.insert(contentsOf: "</code>".utf8, at: output.count - "</pre>".utf8.count) }
            case CMARK_NODE_HTML_BLOCK:
                beginLine()
                output.append(contentsOf: "<p>".utf8)
                rows(of: node.literal.trimmingNewlines)
                output.append(contentsOf: "</p>".utf8)
            case CMARK_NODE_THEMATIC_BREAK:
                beginLine()
                output.append(contentsOf: "<hr>".utf8)
            default: inline(node, entering)
            }
            return .on
        }
    }

    // MARK: Blocks

    private mutating func beginLine() {
        if let last = output.last, last != UInt8(ascii: "\n"), !endsWithItem { output.append(UInt8(ascii: "\n")) }
    }

    private var endsWithItem: Bool { output.suffix(4).elementsEqual("<li>".utf8) }

    private mutating func element(_ name: String, _ entering: Bool, attribute: String = "") {
        output.append(contentsOf: (entering ? "<\(name)\(attribute)>" : "</\(name)>").utf8)
    }

    private mutating func container(_ name: String, _ entering: Bool, attribute: String = "", breaks: Bool = true) {
        if !entering { depth -= 1 }
        if depth < Self.deepest {
            if entering || breaks && name != "li" { beginLine() }
            element(name, entering, attribute: attribute)
        } else if entering {
            beginLine()
        }
        if entering { depth += 1 }
    }

    private mutating func paragraph(_ node: MarkdownNode, _ entering: Bool) -> MarkdownTree.Step {
        if entering, let table = source.table(in: node) {
            beginLine()
            write(table)
            return .past
        }
        if entering { beginLine() }
        if !node.isInTightList || depth > Self.deepest { element("p", entering) }
        return .on
    }

    private mutating func write(_ table: MarkdownTable) {
        text(of: table.leading)
        beginLine()
        output.append(contentsOf: "<table>\n<thead>\n".utf8)
        write(table.header, as: "th", table.alignments)
        output.append(contentsOf: "</thead>\n".utf8)
        if !table.rows.isEmpty {
            output.append(contentsOf: "<tbody>\n".utf8)
            for row in table.rows { write(row, as: "td", table.alignments) }
            output.append(contentsOf: "</tbody>\n".utf8)
        }
        output.append(contentsOf: "</table>".utf8)
        text(of: table.trailing)
    }

    private mutating func text(of lines: [[UInt8]]) {
        guard !lines.isEmpty else { return }
        beginLine()
        output.append(contentsOf: "<p>".utf8)
        for (number, line) in lines.enumerated() {
            if number > 0 { output.append(contentsOf: "<br>\n".utf8) }
            inlines(of: line)
        }
        output.append(contentsOf: "</p>".utf8)
    }

    private mutating func write(_ cells: [[UInt8]], as name: String, _ alignments: [MarkdownTable.Alignment]) {
        output.append(contentsOf: "<tr>".utf8)
        for (cell, alignment) in zip(cells, alignments) {
            let attribute =
                switch alignment {
                case .none: ""
                case .left: " align=\"left\""
                case .right: " align=\"right\""
                case .center: " align=\"center\""
                }
            element(name, true, attribute: attribute)
            inlines(of: cell)
            element(name, false)
        }
        output.append(contentsOf: "</tr>\n".utf8)
    }

    private mutating func rows(of text: UnsafeBufferPointer<UInt8>) {
        for (number, row) in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            if number > 0 { output.append(contentsOf: "<br>\n".utf8) }
            output.appendEscaped(UnsafeBufferPointer(rebasing: row))
        }
    }

    // MARK: Inlines

    private mutating func inlines(of markdown: [UInt8]) {
        // A sign before it keeps cmark from seeing a heading or a list; it is not written.
        let text = [UInt8(ascii: ".")] + markdown
        text.withUnsafeBufferPointer { text in
            let tree = MarkdownTree(parsing: text)
            hidesNextSign = true
            tree.walk { node, entering in
                inline(node, entering)
                return .on
            }
            hidesNextSign = false
        }
    }

    private mutating func inline(_ node: MarkdownNode, _ entering: Bool) {
        switch node.type {
        case CMARK_NODE_TEXT: text(node.literal)
        case CMARK_NODE_HTML_INLINE: output.appendEscaped(node.literal)
        case CMARK_NODE_CODE:
            element("code", true)
            output.appendEscaped(node.literal)
            element("code", false)
        case CMARK_NODE_SOFTBREAK, CMARK_NODE_LINEBREAK: output.append(contentsOf: "<br>\n".utf8)
        case CMARK_NODE_STRONG: emphasis(dialect.bold, \.strong, entering, sign: "__")
        case CMARK_NODE_EMPH: emphasis(dialect.italic, \.emphasis, entering, sign: "_")
        case CMARK_NODE_LINK, CMARK_NODE_IMAGE: entering ? enterLink(node) : leaveLink()
        default: break
        }
    }

    private mutating func emphasis(
        _ marks: MarkdownDialect.Marks, _ nesting: WritableKeyPath<HTMLRenderer, Int>, _ entering: Bool,
        sign: StaticString
    ) {
        // An address such as `https://a.example/_x_/` holds no emphasis, whatever CommonMark says of it.
        if entering { emphasisIsSign.append(output.endsInAddress) }
        let isSign = entering ? emphasisIsSign.last : emphasisIsSign.popLast()
        if isSign == true { return sign.withUTF8Buffer { output.append(contentsOf: $0) } }
        if !entering { self[keyPath: nesting] -= 1 }
        if self[keyPath: nesting] == 0 { output.append(contentsOf: entering ? marks.open : marks.close) }
        if entering { self[keyPath: nesting] += 1 }
    }

    private mutating func text(_ literal: UnsafeBufferPointer<UInt8>) {
        let text = hidesNextSign ? UnsafeBufferPointer(rebasing: literal.dropFirst()) : literal
        hidesNextSign = false
        var start = 0
        while let struck = text.struckText(from: start) {
            output.appendEscaped(UnsafeBufferPointer(rebasing: text[start..<struck.lowerBound - 2]))
            output.append(contentsOf: dialect.strike.open)
            output.appendEscaped(UnsafeBufferPointer(rebasing: text[struck]))
            output.append(contentsOf: dialect.strike.close)
            start = struck.upperBound + 2
        }
        output.appendEscaped(UnsafeBufferPointer(rebasing: text[start...]))
    }

    private mutating func enterLink(_ node: MarkdownNode) {
        linkDepth += 1
        guard linkDepth == 1 else { return }
        let url = Array(node.url)
        let isKept = url.count <= 2048 && dialect.linkSchemes.contains { url.hasPrefix(ignoringCase: $0) }
        if isKept {
            output.append(contentsOf: "<a href=\"".utf8)
            url.withUnsafeBufferPointer { output.appendEscaped($0, quotes: true) }
            output.append(contentsOf: "\">".utf8)
        }
        link = MarkdownRenderer.OpenLink(url: url, isKept: isKept, label: output.count)
    }

    private mutating func leaveLink() {
        linkDepth -= 1
        guard linkDepth == 0, let link else { return }
        self.link = nil
        let isEmpty = output.count == link.label
        if !link.isKept, !isEmpty, !link.url.isEmpty { output.append(contentsOf: " (".utf8) }
        if isEmpty || !link.isKept { link.url.withUnsafeBufferPointer { output.appendEscaped($0) } }
        if !link.isKept, !isEmpty, !link.url.isEmpty { output.append(UInt8(ascii: ")")) }
        if link.isKept { output.append(contentsOf: "</a>".utf8) }
    }
}
