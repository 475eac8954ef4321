/// Where a part of a text begins, and what mends the cut before it.
struct TextSeam {
    /// The first byte of the part.
    var start: Int
    /// What is written before the part: a fence, the head of a table, marks that were open.
    var prefix: [UInt8] = []
    /// What is written behind the part before.
    var suffix: [UInt8] = []
    /// Where the part begins without the prefix, which may hold bytes of the text; nil: at ``start``.
    var bareStart: Int?
    /// The indentation of the items that the part begins in, which its lines lose.
    var indent = 0
    /// The part before ends within code, whose blank lines are kept.
    var isInCode = false
}

extension TextSeam {
    /// Gives up what mends the cut before the part.
    mutating func dropPrefix() {
        prefix = []
        start = bareStart ?? start
    }
}

extension TextOutline {
    /// The seam of a cut that ends a part.
    func seam(at cut: Int) -> TextSeam? {
        var start = cut
        var number = line(at: start)
        if start > lines[number].start {
            // Within a line: its spaces go, and where nothing else is left of it, the line end too.
            while start < lines[number].end, bytes[start].isBlank { start += 1 }
            if start == lines[number].end {
                start = next(number)
                number += 1
            }
        }
        while number < lines.count, lines[number].kind == .blank {
            number += 1
            start = number < lines.count ? lines[number].start : bytes.count
        }
        // The part before closes the block itself.
        if number < lines.count, lines[number].kind == .fenceClose {
            let block = lines[number].block
            guard let rest = seam(at: next(number)) else { return TextSeam(start: bytes.count, suffix: closing(block)) }
            var seam = rest
            seam.suffix = closing(block)
            return seam
        }
        guard number < lines.count, start < bytes.count else { return nil }
        return seam(at: start, in: lines[number])
    }

    private func closing(_ block: Int?) -> [UInt8] {
        guard let block else { return [] }
        return [UInt8(ascii: "\n")] + blocks[block].closing
    }

    private func seam(at start: Int, in line: Line) -> TextSeam {
        var seam = TextSeam(start: start)
        let isLineStart = start == line.start
        seam.indent = isLineStart ? min(line.indent, line.itemIndent) : line.itemIndent
        switch line.kind {
        case .code:
            guard let block = line.block else { break }
            seam.prefix = blocks[block].opening
            seam.suffix = closing(block)
            seam.indent = blocks[block].indent
            seam.isInCode = true
            if !isLineStart { seam.prefix += bytes[line.start..<line.content] }
        case .tableRow where isLineStart:
            guard let block = line.block else { break }
            seam.prefix = blocks[block].opening
            seam.indent = blocks[block].indent
        default:
            let open = spans(at: start)
            guard !isLineStart || !open.isEmpty else { break }
            let content = isLineStart ? bytes[line.content...].firstIndex { !$0.isBlank } ?? line.content : start
            seam.start = content
            seam.prefix = Array(bytes[line.start..<line.content])
            seam.indent = line.itemIndent
            let mendable = open.filter { $0.isMendable(at: content) }
            for span in mendable { seam.prefix += span.opening }
            for span in mendable.reversed() { seam.suffix += span.closing }
            if isMarkdown, mendable.isEmpty, line.kind == .text || line.kind == .item { escape(&seam, line) }
        }
        return seam
    }

    /// Keeps the middle of a line from being read as the beginning of an item or a heading.
    private func escape(_ seam: inout TextSeam, _ line: Line) {
        let rest = bytes[seam.start..<line.end]
        guard let first = rest.first else { return }
        let digits = rest.prefix(9).prefix(while: \.isDigit)
        let marks = digits.isEmpty ? rest : rest.dropFirst(digits.count)
        guard let mark = marks.first else { return }
        let isAlone = marks.dropFirst().first?.isBlank ?? true
        let isMark =
            switch mark {
            case UInt8(ascii: "."), UInt8(ascii: ")"): !digits.isEmpty && isAlone
            case UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "*"): digits.isEmpty && isAlone
            case UInt8(ascii: "#"): digits.isEmpty
            case UInt8(ascii: ">"): digits.isEmpty
            case UInt8(ascii: "~"): digits.isEmpty && rest.starts(with: "~~~".utf8)
            default: first == UInt8(ascii: "=") || rest.starts(with: "---".utf8)
            }
        guard isMark else { return }
        seam.bareStart = seam.start
        seam.prefix += digits + [UInt8(ascii: "\\")]
        seam.start += digits.count
    }

    /// The text between two seams, mended.
    func part(from seam: TextSeam, to cut: Int, before next: TextSeam?) -> [UInt8] {
        var output = seam.prefix
        output.reserveCapacity(cut - seam.start + 64)
        var indent = seam.indent
        var lists: Set<Int> = []
        var number = line(at: seam.start)
        var start = seam.start
        while start < cut {
            let line = lines[number]
            let end = min(cut, self.next(number))
            if start == line.start, indent > 0 || line.number != nil {
                append(line, start..<end, dedenting: &indent, &lists, to: &output)
            } else {
                output.append(contentsOf: bytes[start..<end])
                if let number = line.number { lists.insert(number.list) }
            }
            start = end
            number += 1
        }
        if let next {
            if next.isInCode || next.suffix.first == UInt8(ascii: "\n") {
                if output.last == UInt8(ascii: "\n") { output.removeLast() }
            } else {
                while output.last?.isWhite == true { output.removeLast() }
            }
            output += next.suffix
        }
        return output
    }

    private func append(
        _ line: Line, _ range: Range<Int>, dedenting indent: inout Int, _ lists: inout Set<Int>,
        to output: inout [UInt8]
    ) {
        output.append(contentsOf: bytes[line.start..<min(line.content, range.upperBound)])
        var start = line.content
        // Code keeps what it is indented by beyond its fence; text that is indented less sets the measure for what follows.
        if line.kind != .code, line.kind != .blank { indent = min(indent, line.indent) }
        var removed = 0
        while removed < indent, start < range.upperBound,
            bytes[start] == UInt8(ascii: " ") || bytes[start] == UInt8(ascii: "\t")
        {
            removed += bytes[start] == UInt8(ascii: " ") ? 1 : 4
            start += 1
        }
        guard start < range.upperBound else { return }
        // The first item of a list in a message gives the number that the others count from.
        if let number = line.number, lists.insert(number.list).inserted, number.digits.upperBound <= range.upperBound {
            output.append(contentsOf: bytes[start..<number.digits.lowerBound])
            output.append(contentsOf: String(number.value).utf8)
            start = number.digits.upperBound
        }
        output.append(contentsOf: bytes[start..<range.upperBound])
    }
}
