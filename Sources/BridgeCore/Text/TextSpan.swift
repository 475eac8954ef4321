/// A piece of text that should not be cut within: emphasis, code, a link, an address.
struct TextSpan {
    /// Its bytes, marks included.
    var range: Range<Int>
    /// What opens it again behind a cut; empty where nothing can.
    var opening: [UInt8]
    /// What closes it before a cut.
    var closing: [UInt8]
    /// Up to where a cut can be mended: the label of a link, not its address.
    var mendable: Int

    /// An address, which no mark mends.
    init(whole range: Range<Int>) {
        self.range = range
        opening = []
        closing = []
        mendable = range.lowerBound
    }

    init(_ range: Range<Int>, opening: [UInt8], closing: [UInt8]) {
        self.range = range
        self.opening = opening
        self.closing = closing
        mendable = range.upperBound - closing.count
    }

    /// Whether a cut there falls into it.
    func holds(_ cut: Int) -> Bool { cut > range.lowerBound && cut < range.upperBound }

    /// Whether a cut there can be mended by closing and opening it.
    func isMendable(at cut: Int) -> Bool { cut > range.lowerBound + opening.count && cut <= mendable }
}

extension TextOutline {
    /// Emphasis is followed to this depth, so that hostile text costs no more than its length.
    private static let deepest = 4
    /// A label of a link is looked for this far.
    private static let longestLabel = 1000
    /// An address of a link is looked for this far.
    private static let longestAddress = 4000

    /// The spans that a cut there would fall into, outermost first.
    func spans(at cut: Int) -> [TextSpan] {
        // Sorted by their beginning; those that reach a cut begin seldom far before it.
        var low = 0
        var high = spans.count
        while low < high {
            let middle = (low + high) / 2
            if spans[middle].range.lowerBound < cut { low = middle + 1 } else { high = middle }
        }
        return spans[..<low].suffix(64).filter { $0.holds(cut) }
    }

    mutating func readSpans() {
        var number = 0
        while number < lines.count {
            guard lines[number].kind.isParagraph else {
                number += 1
                continue
            }
            var last = number
            while last + 1 < lines.count, lines[number].kind != .heading, lines[last + 1].kind == .text { last += 1 }
            readSpans(in: lines[number].content..<lines[last].end)
            number = last + 1
        }
        spans.sort { $0.range.lowerBound < $1.range.lowerBound }
    }

    private mutating func readSpans(in range: Range<Int>) {
        var index = range.lowerBound
        var closings: [(start: Int, end: Int)] = []
        /// Marks of which it is known that none follows that could close.
        var unclosed: Set<[UInt8]> = []
        // A link begins before the last label that ends, and that before the last parenthesis.
        let lastParenthesis = bytes[range].lastIndex(of: UInt8(ascii: ")")) ?? range.lowerBound
        let lastLabel = bytes[range.lowerBound..<lastParenthesis].lastIndex(of: UInt8(ascii: "]")) ?? range.lowerBound
        while index < range.upperBound {
            while let closing = closings.last, closing.start < index { closings.removeLast() }
            if let closing = closings.last, closing.start == index {
                closings.removeLast()
                index = max(closing.end, index + 1)
                continue
            }
            switch bytes[index] {
            case UInt8(ascii: "\\"):
                index += 2
            case UInt8(ascii: "`"):
                let run = run(at: index, in: range)
                if !unclosed.contains(run), let end = codeEnd(run, after: index + run.count, in: range) {
                    spans.append(TextSpan(index..<end, opening: run, closing: run))
                    index = end
                } else {
                    unclosed.insert(run)
                    index += run.count
                }
            case UInt8(ascii: "["):
                if index < lastLabel, let link = link(at: index, in: range) {
                    spans.append(link)
                    index = link.range.upperBound
                } else {
                    index += 1
                }
            case UInt8(ascii: "<"), UInt8(ascii: "h"), UInt8(ascii: "H"):
                if let end = addressEnd(at: index, in: range) {
                    spans.append(TextSpan(whole: index..<end))
                    index = end
                } else {
                    index += 1
                }
            case UInt8(ascii: "*"), UInt8(ascii: "_"), UInt8(ascii: "~"):
                let run = run(at: index, in: range)
                if closings.count < Self.deepest, !unclosed.contains(run), opens(run, at: index, in: range) {
                    if let end = emphasisEnd(run, after: index + run.count, in: range) {
                        spans.append(TextSpan(index..<end, opening: run, closing: run))
                        closings.append((end - run.count, end))
                        // Whatever ends first is last.
                        closings.sort { $0.start > $1.start }
                    } else {
                        unclosed.insert(run)
                    }
                }
                index += run.count
            default:
                index += 1
            }
        }
    }

    private func run(at index: Int, in range: Range<Int>) -> [UInt8] {
        Array(bytes[index..<range.upperBound].prefix { $0 == bytes[index] })
    }

    private func codeEnd(_ run: [UInt8], after start: Int, in range: Range<Int>) -> Int? {
        var index = start
        while let next = bytes[index..<range.upperBound].firstIndex(of: UInt8(ascii: "`")) {
            let count = self.run(at: next, in: range).count
            if count == run.count { return next + count }
            index = next + count
        }
        return nil
    }

    private func opens(_ run: [UInt8], at index: Int, in range: Range<Int>) -> Bool {
        guard run.count <= 3, run[0] != UInt8(ascii: "~") || run.count == 2 else { return false }
        let next = index + run.count
        guard next < range.upperBound, !bytes[next].isWhite else { return false }
        return run[0] != UInt8(ascii: "_") || index == range.lowerBound || !bytes[index - 1].isWordPart
    }

    private func emphasisEnd(_ run: [UInt8], after start: Int, in range: Range<Int>) -> Int? {
        var index = start
        var longer: Int?
        while let next = bytes[index..<range.upperBound].firstIndex(of: run[0]) {
            let count = self.run(at: next, in: range).count
            let isAfterText = next > start && !bytes[next - 1].isWhite && bytes[next - 1] != UInt8(ascii: "\\")
            let isInWord = next + count < range.upperBound && bytes[next + count].isWordPart
            if isAfterText, run[0] != UInt8(ascii: "_") || !isInWord {
                if count == run.count { return next + count }
                if count > run.count, longer == nil { longer = next + count }
            }
            index = next + count
        }
        return longer
    }

    /// `[label](address)`; an exclamation mark before it makes no difference.
    private func link(at start: Int, in range: Range<Int>) -> TextSpan? {
        var depth = 0
        var index = start
        let limit = min(range.upperBound, start + Self.longestLabel)
        while index < limit {
            switch bytes[index] {
            case UInt8(ascii: "\\"): index += 1
            case UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "]"): depth -= 1
            default: break
            }
            if depth == 0 { break }
            index += 1
        }
        guard index < limit, index + 1 < range.upperBound, bytes[index + 1] == UInt8(ascii: "(") else { return nil }
        var end = index + 2
        depth = 1
        while end < min(range.upperBound, index + Self.longestAddress), bytes[end] != UInt8(ascii: "\n") {
            if bytes[end] == UInt8(ascii: "(") { depth += 1 }
            if bytes[end] == UInt8(ascii: ")") { depth -= 1 }
            end += 1
            if depth == 0 {
                return TextSpan(start..<end, opening: [UInt8(ascii: "[")], closing: Array(bytes[index..<end]))
            }
        }
        return nil
    }

    /// Where `<https://…>` or a bare address ends.
    private func addressEnd(at start: Int, in range: Range<Int>) -> Int? {
        let isBare = bytes[start] != UInt8(ascii: "<")
        let first = isBare ? start : start + 1
        guard !isBare || start == range.lowerBound || !bytes[start - 1].isWordPart else { return nil }
        let scheme = bytes[first..<range.upperBound].prefix(9).map { $0 | 0x20 }
        guard scheme.starts(with: "http://".utf8) || scheme.starts(with: "https://".utf8) else { return nil }
        let text = bytes[first..<range.upperBound].prefix {
            !$0.isWhite && $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: ">")
        }
        let isClosed = text.endIndex < range.upperBound && bytes[text.endIndex] == UInt8(ascii: ">")
        return isBare || !isClosed ? text.endIndex : text.endIndex + 1
    }
}
