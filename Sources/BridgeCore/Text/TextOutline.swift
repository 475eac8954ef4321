/// The lines of a text and what Markdown makes of them, as far as somebody who cuts it has to know.
///
/// Made in one pass, without a tree: a wrong guess costs a mark, never a character.
struct TextOutline {
    enum Kind {
        case blank, text, heading, item
        /// `===` below a heading.
        case underline
        case fenceOpen, code, fenceClose
        case tableHead, tableRule, tableRow

        var isParagraph: Bool { self == .text || self == .item || self == .heading }
    }

    /// An item's place in a numbered list.
    struct Number {
        /// Tells lists apart.
        var list: Int
        /// The number that is shown for it.
        var value: Int
        /// Where the number stands.
        var digits: Range<Int>
    }

    struct Line {
        /// Its first byte.
        var start: Int
        /// Behind its last byte, before the line feed.
        var end: Int
        /// Its first byte behind the marks of quotes.
        var content: Int
        /// The spaces behind those.
        var indent = 0
        var kind = Kind.text
        /// How far the text of the items around it is indented.
        var itemIndent = 0
        var number: Number?
        /// The block of code or table that it is part of.
        var block: Int?
    }

    /// A block of code or a table, which a cut closes and opens again.
    struct Block {
        var lines: Range<Int>
        /// What begins the block again: the fence with its language, or the head of the table.
        var opening: [UInt8]
        /// What ends the block before its end.
        var closing: [UInt8]
        /// The spaces before it.
        var indent: Int
    }

    let bytes: [UInt8]
    /// False where signs mean nothing, so that nothing of them is mended.
    let isMarkdown: Bool
    private(set) var lines: [Line] = []
    private(set) var blocks: [Block] = []
    /// What should not be cut within, by where it begins; some hold others.
    var spans: [TextSpan] = []

    init(_ bytes: [UInt8], isMarkdown: Bool) {
        self.bytes = bytes
        self.isMarkdown = isMarkdown
        readLines(isMarkdown: isMarkdown)
        if isMarkdown { readSpans() }
    }

    /// The line that holds a byte.
    func line(at offset: Int) -> Int {
        var low = 0
        var high = lines.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if lines[middle].start <= offset { low = middle } else { high = middle }
        }
        return low
    }

    /// Where the line after begins, or the text ends.
    func next(_ line: Int) -> Int {
        line + 1 < lines.count ? lines[line + 1].start : bytes.count
    }

    private mutating func readLines(isMarkdown: Bool) {
        var reader = TextLineReader()
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            var line = Line(start: start, end: end, content: start)
            if isMarkdown {
                reader.read(&line, of: &self)
            } else if bytes[start..<end].allSatisfy(\.isBlank) {
                line.kind = .blank
            }
            lines.append(line)
            start = end + 1
        }
    }

    /// Begins a block of code or a table with the line that is read next.
    mutating func beginBlock(opening: [UInt8], closing: [UInt8], indent: Int) -> Int {
        blocks.append(Block(lines: lines.count..<lines.count, opening: opening, closing: closing, indent: indent))
        return blocks.count - 1
    }

    /// Takes the line that is being read into a block.
    mutating func extend(_ block: Int) {
        blocks[block].lines = blocks[block].lines.lowerBound..<(lines.count + 1)
    }
}

extension UInt8 {
    /// A space, a tab or a carriage return.
    var isBlank: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") || self == UInt8(ascii: "\r") }

    /// White space of ASCII.
    var isWhite: Bool { isBlank || self == UInt8(ascii: "\n") }

    var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }

    /// A letter or digit of ASCII, or part of any other character.
    var isWordPart: Bool {
        isDigit || self | 0x20 >= UInt8(ascii: "a") && self | 0x20 <= UInt8(ascii: "z") || self >= 0x80
    }
}
