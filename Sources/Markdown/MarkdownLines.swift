/// Ends lines and begins new ones with what the lists and quotes around them ask for.
struct MarkdownLines {
    /// One list item or quote that is open.
    private struct Level {
        /// Where its part begins in `prefix`.
        var start: Int
        /// What stands before its first line instead of its part of the prefix; nil once written.
        var marker: [UInt8]?
    }

    /// Levels deeper than this indent no further, so that deep nesting does not multiply the text.
    private static let deepestIndent = 8

    private var levels: [Level] = []
    /// What begins each further line: spaces for items, `> ` for quotes.
    private var prefix: [UInt8] = []
    /// The levels from here on have their markers to write.
    private var firstPending = 0
    /// The prefix of the block before, to continue a quote over blank lines.
    private var lastPrefix: [UInt8] = []
    /// The line of the source on which the block before began.
    private var lastLine = 0
    /// For each line of the source, how many blank ones stand right before it.
    private let blanksBefore: [Int32]

    init(source: UnsafeBufferPointer<UInt8>) {
        blanksBefore = Self.blanksBefore(source)
    }

    /// Opens a list item or quote.
    mutating func push(_ indent: String, marker: String?) {
        let start = prefix.count
        if levels.count < Self.deepestIndent { prefix.append(contentsOf: indent.utf8) }
        firstPending = min(firstPending, levels.count)
        levels.append(Level(start: start, marker: marker.map { Array($0.utf8) }))
    }

    /// Closes the innermost list item or quote.
    mutating func pop() {
        guard let level = levels.popLast() else { return }
        prefix.removeSubrange(level.start...)
        firstPending = min(firstPending, levels.count)
    }

    /// Begins a block that starts on that line of the source, with as many blank lines before it as stood there.
    mutating func begin(at line: Int, in output: inout [UInt8], afterLines: (inout [UInt8]) -> Void) {
        if lastLine > 0 {
            let blank = zip(prefix, lastPrefix).prefix { $0 == $1 }.count
            // Two blocks of one line, as in `- - a`, are no more than a line apart.
            let blanks = blanksBefore.indices.contains(line - 1) ? Int(blanksBefore[line - 1]) : 0
            for number in 0...min(blanks, max(0, line - lastLine - 1)) {
                if number > 0 {
                    output.append(contentsOf: prefix[..<blank])
                    while output.last == UInt8(ascii: " ") { output.removeLast() }
                }
                output.append(UInt8(ascii: "\n"))
            }
        }
        lastLine = line
        afterLines(&output)
        if firstPending < levels.count {
            output.append(contentsOf: prefix[..<levels[firstPending].start])
            for index in firstPending..<levels.count {
                let end = index + 1 < levels.count ? levels[index + 1].start : prefix.count
                if let marker = levels[index].marker {
                    output.append(contentsOf: marker)
                    levels[index].marker = nil
                } else {
                    output.append(contentsOf: prefix[levels[index].start..<end])
                }
            }
            firstPending = levels.count
        } else {
            output.append(contentsOf: prefix)
        }
    }

    /// Whether lines begin with nothing, outside of items and quotes.
    var areBare: Bool { prefix.isEmpty }

    /// What further lines of the block begin with.
    var indentation: [UInt8] { prefix }

    /// Ends a block.
    mutating func end() {
        lastPrefix = prefix
    }

    /// Goes on to the next line of the same block.
    func next(in output: inout [UInt8]) {
        output.append(UInt8(ascii: "\n"))
        output.append(contentsOf: prefix)
    }

    // From the source, because cmark's end of a block is off by one for some kinds (0.30: underlined headings, rules).
    private static func blanksBefore(_ source: UnsafeBufferPointer<UInt8>) -> [Int32] {
        var counts: [Int32] = []
        var blanks: Int32 = 0
        var isBlank = true
        counts.append(0)
        var index = 0
        while index < source.count {
            switch source[index] {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: ">"):
                break
            case UInt8(ascii: "\r") where index + 1 < source.count && source[index + 1] == UInt8(ascii: "\n"):
                break
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                blanks = isBlank ? blanks + 1 : 0
                isBlank = true
                counts.append(blanks)
            default:
                isBlank = false
                // Nothing more is asked of this line than its end.
                while index + 1 < source.count, source[index + 1] != UInt8(ascii: "\n"),
                    source[index + 1] != UInt8(ascii: "\r")
                {
                    index += 1
                }
            }
            index += 1
        }
        return counts
    }
}
