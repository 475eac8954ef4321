/// A table as GitHub's Markdown has it (section 4.10 of its specification), found in the lines of a paragraph.
///
/// cmark knows no tables: what it takes for a paragraph is one when its second line, or a later one, is a row of dashes
/// between pipes with as many cells as the line before.
struct MarkdownTable {
    enum Alignment {
        case none, left, right, center
    }

    /// Tables with more cells stay text: each cell is parsed by itself, and short rows are filled up.
    private static let mostCells = 2048
    /// Tables with more columns stay text.
    private static let mostColumns = 64

    /// The lines of the paragraph before the table.
    var leading: [[UInt8]]
    var alignments: [Alignment]
    /// The names of the columns.
    var header: [[UInt8]]
    /// The cells of each row, as many as there are columns.
    var rows: [[[UInt8]]]
    /// The lines of the paragraph from the first one without a pipe: agents seldom leave a blank line behind a table.
    var trailing: [[UInt8]]

    /// The table in a paragraph's lines, which are without the marks of the blocks around it; nil: there is none.
    init?(lines: [[UInt8]]) {
        guard lines.count > 1,
            let line = lines.indices.dropFirst().first(where: { Self.isTable(lines, delimitedAt: $0) })
        else { return nil }
        let alignments = Self.delimiter(lines[line])
        leading = Array(lines[..<(line - 1)])
        self.alignments = alignments
        header = Self.cells(of: lines[line - 1])
        guard alignments.count <= Self.mostColumns,
            alignments.count * (lines.count - line) <= Self.mostCells
        else { return nil }
        let body = lines[(line + 1)...].prefix { $0.contains(UInt8(ascii: "|")) || alignments.count == 1 }
        trailing = Array(lines[body.endIndex...])
        rows = body.map { text in
            let cells = Self.cells(of: text)
            // Cells beyond the last column, which GitHub leaves out, go into the last one: nothing is lost.
            guard cells.count > alignments.count else {
                return cells + Array(repeating: [], count: alignments.count - cells.count)
            }
            let rest = cells[(alignments.count - 1)...].joined(separator: Array(" | ".utf8))
            return cells[..<(alignments.count - 1)] + [Array(rest)]
        }
    }

    private static func isTable(_ lines: [[UInt8]], delimitedAt line: Int) -> Bool {
        // Looked at first, since few lines have these signs alone.
        guard lines[line].allSatisfy({ " \t|:-\r".utf8.contains($0) }) else { return false }
        let columns = delimiter(lines[line]).count
        return columns > 0 && lines[line].contains(UInt8(ascii: "|")) && cells(of: lines[line - 1]).count == columns
    }

    /// The alignments that a delimiter row gives; empty when it is none.
    private static func delimiter(_ line: [UInt8]) -> [Alignment] {
        var alignments: [Alignment] = []
        for cell in cells(of: line) {
            let isLeft = cell.first == UInt8(ascii: ":")
            let isRight = cell.count > 1 && cell.last == UInt8(ascii: ":")
            let dashes = cell.dropFirst(isLeft ? 1 : 0).dropLast(isRight ? 1 : 0)
            guard !dashes.isEmpty, dashes.allSatisfy({ $0 == UInt8(ascii: "-") }) else { return [] }
            switch (isLeft, isRight) {
            case (true, true): alignments.append(.center)
            case (true, false): alignments.append(.left)
            case (false, true): alignments.append(.right)
            case (false, false): alignments.append(.none)
            }
        }
        return alignments
    }

    /// The cells of a row: what stands between pipes without a backslash before them.
    private static func cells(of line: [UInt8]) -> [[UInt8]] {
        var cells: [[UInt8]] = []
        var cell: [UInt8] = []
        let text = line.trimmed
        var index = text.startIndex
        if text.first == UInt8(ascii: "|") { index += 1 }
        while index < text.endIndex {
            let byte = text[index]
            if byte == UInt8(ascii: "\\"), index + 1 < text.endIndex {
                if text[index + 1] != UInt8(ascii: "|") { cell.append(byte) }
                cell.append(text[index + 1])
                index += 1
            } else if byte == UInt8(ascii: "|") {
                cells.append(Array(cell.trimmed))
                cell = []
                if index + 1 == text.endIndex { return cells }
            } else {
                cell.append(byte)
            }
            index += 1
        }
        return cells + [Array(cell.trimmed)]
    }
}

extension Collection<UInt8> where Self: BidirectionalCollection {
    /// Without the spaces, tabs and carriage returns at both ends.
    var trimmed: SubSequence {
        guard let start = firstIndex(where: { !$0.isASCIISpace }),
            let end = lastIndex(where: { !$0.isASCIISpace })
        else { return self[endIndex..<endIndex] }
        return self[start...end]
    }
}
