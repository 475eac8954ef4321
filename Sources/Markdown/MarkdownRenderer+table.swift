extension MarkdownRenderer {
    /// The widest table that is aligned, in columns of a fixed-width font; telephones break lines that are much longer.
    private static let widestTable = 64

    /// Writes a paragraph that is or holds a table.
    mutating func paragraph(around table: MarkdownTable) {
        isAtItemStart = false
        for line in table.leading { textLine(line) }
        switch dialect.table {
        case .markdown:
            // Without a blank line it would be read as part of the paragraph.
            if !table.leading.isEmpty { lines.next(in: &output) }
            markdownTable(table)
            if !table.trailing.isEmpty { lines.next(in: &output) }
        case .rows:
            rowsOfTable(table)
        case .aligned:
            if !alignedTable(table) { rowsOfTable(table) }
        }
        for line in table.trailing {
            tableLine()
            inlines(of: line)
        }
    }

    private mutating func textLine(_ line: [UInt8]) {
        inlines(of: line)
        tableLine()
    }

    /// Goes on to the next line outside of marks.
    private mutating func tableLine() {
        lineBreak()
        isAtLineStart = true
    }

    private mutating func markdownTable(_ table: MarkdownTable) {
        let dashes = table.alignments.map { alignment in
            switch alignment {
            case .none: "---"
            case .left: ":--"
            case .right: "--:"
            case .center: ":-:"
            }
        }
        markdownRow(table.header)
        lines.next(in: &output)
        output.append(contentsOf: "| \(dashes.joined(separator: " | ")) |".utf8)
        for row in table.rows {
            lines.next(in: &output)
            markdownRow(row)
        }
    }

    private mutating func markdownRow(_ cells: [[UInt8]]) {
        for cell in cells {
            output.append(contentsOf: "| ".utf8)
            let start = output.count
            isAtLineStart = false
            inlines(of: cell)
            if output[start...].contains(UInt8(ascii: "|")) {
                let escaped = output[start...].flatMap { byte in
                    byte == UInt8(ascii: "|") ? [UInt8(ascii: "\\"), byte] : [byte]
                }
                output.replaceSubrange(start..., with: escaped)
            }
            output.append(UInt8(ascii: " "))
        }
        output.append(UInt8(ascii: "|"))
    }

    /// Writes the table as a block of code; false, and nothing written, when it is too wide.
    private mutating func alignedTable(_ table: MarkdownTable) -> Bool {
        let cells = ([table.header] + table.rows).map { row in row.map(Self.words) }
        let widths = table.alignments.indices.map { column in cells.map { $0[column].columns }.max() ?? 0 }
        guard widths.reduce(0, +) + 3 * (widths.count - 1) <= Self.widestTable else { return false }
        var text = ""
        for (number, row) in cells.enumerated() {
            let line = row.indices.map { column in
                row[column].padded(to: widths[column], table.alignments[column])
            }.joined(separator: " | ")
            text += line
            while text.last == " " { text.removeLast() }
            if number == 0 { text += "\n" + widths.map { String(repeating: "-", count: $0) }.joined(separator: "-|-") }
            if number + 1 < cells.count { text += "\n" }
        }
        text.withUTF8 { codeBlock($0, language: UnsafeBufferPointer(start: nil, count: 0)) }
        return true
    }

    /// A cell's text without marks, as it stands in a block of code.
    private static func words(_ cell: [UInt8]) -> String {
        cell.withUnsafeBufferPointer { source in
            var renderer = MarkdownRenderer(dialect: .plain, source: source)
            renderer.keepsOneLine = true
            renderer.inlines(of: cell)
            return String(decoding: renderer.output, as: UTF8.self)
        }
    }

    /// Writes the names of the columns, then an item for each row: its first cell, and the others behind their names.
    private mutating func rowsOfTable(_ table: MarkdownTable) {
        let names = table.header.map(\.count).reduce(0, +)
        // Long names that many rows would repeat are left out.
        let isNamed = names * table.rows.count <= 4096
        line(of: table.header, separator: " | ", isBold: true)
        for row in table.rows {
            tableLine()
            dialect.bullet.withUTF8Buffer { output.append(contentsOf: $0) }
            inlines(of: row[0])
            guard isNamed, row.count > 2 else {
                for (number, cell) in row.enumerated().dropFirst() where !cell.isEmpty {
                    output.append(contentsOf: (number == 1 ? ": " : " | ").utf8)
                    inlines(of: cell)
                }
                continue
            }
            for (name, cell) in zip(table.header, row).dropFirst() where !cell.isEmpty {
                tableLine()
                output.append(contentsOf: "  ".utf8)
                inlines(of: name)
                if !name.isEmpty { output.append(contentsOf: ": ".utf8) }
                inlines(of: cell)
            }
        }
    }

    private mutating func line(of cells: [[UInt8]], separator: StaticString, isBold: Bool) {
        if isBold { open(.bold) }
        for (number, cell) in cells.enumerated() {
            if number > 0 { separator.withUTF8Buffer { output.append(contentsOf: $0) } }
            inlines(of: cell)
        }
        if isBold { close(.bold) }
    }
}

extension String {
    /// How many columns of a fixed-width font it takes, near enough: two for East Asian characters and emoji.
    fileprivate var columns: Int {
        reduce(0) { columns, character in
            guard let first = character.unicodeScalars.first?.value else { return columns }
            let isWide =
                (0x1100...0x115f).contains(first) || (0x2e80...0xa4cf).contains(first)
                || (0xac00...0xd7a3).contains(first) || (0xf900...0xfaff).contains(first)
                || (0xfe30...0xfe6f).contains(first) || (0xff00...0xff60).contains(first)
                || (0x1f300...0x1faff).contains(first) || (0x20000...0x3fffd).contains(first)
            return columns + (isWide ? 2 : 1)
        }
    }

    fileprivate func padded(to width: Int, _ alignment: MarkdownTable.Alignment) -> String {
        let space = max(0, width - columns)
        let before =
            switch alignment {
            case .none, .left: 0
            case .right: space
            case .center: space / 2
            }
        return String(repeating: " ", count: before) + self + String(repeating: " ", count: space - before)
    }
}
