extension TextOutline {
    /// How good a place for a cut is; lower is better.
    private enum Rank: Int, CaseIterable {
        case paragraph, line, codeParagraph, blockLine, sentence, word
        /// Within emphasis or a label, which is closed and opened again.
        case mended
        /// Within code in a line, a row of a table, an address.
        case broken
    }

    /// The best places so far for each rank.
    private struct Places {
        private var offsets = [Int?](repeating: nil, count: Rank.allCases.count)

        mutating func add(_ offset: Int, _ rank: Rank) { offsets[rank.rawValue] = offset }

        func best(upTo last: Rank, from first: Int = 0) -> Int? {
            offsets[...last.rawValue].lazy.compactMap(\.self).first { $0 >= first }
        }

        /// The latest place of a rank that is good enough.
        func latest(upTo last: Rank) -> Int? { offsets[...last.rawValue].compactMap(\.self).max() }
    }

    /// Where to end a part that begins at `start` and whose text may go as far as `reach`.
    func bestCut(from start: Int, reach: Int) -> Int {
        guard reach < bytes.count else { return bytes.count }
        var late = Places()
        var early = Places()
        // Cuts in the first third would make a row of very short messages.
        let third = start + (reach - start) / 3
        var number = line(at: start)
        while number < lines.count, lines[number].start <= reach + 1 || textEnd(before: number) <= reach {
            let line = lines[number]
            if line.start > start, textEnd(before: number) > start, let rank = rank(ofLine: number) {
                if line.start > third { late.add(line.start, rank) } else { early.add(line.start, rank) }
            }
            if line.end > start {
                addPlaces(in: number, from: max(start, line.content), reach: reach) { offset, rank in
                    if offset > third { late.add(offset, rank) } else { early.add(offset, rank) }
                }
            }
            number += 1
        }
        let size = reach - start
        if let cut = late.best(upTo: .word) {
            // A block that is cut here, but fits into the next part, goes there whole.
            let line = lines[self.line(at: cut)]
            if let block = line.block, line.start == cut || line.kind == .code, line.kind != .fenceOpen,
                line.kind != .tableHead
            {
                let whole = self[block]
                if whole.lowerBound > start + size / 10, whole.count <= size * 9 / 10 { return whole.lowerBound }
            }
            return cut
        }
        // What should stay whole, and would fit into the next part, goes there.
        if let cut = early.latest(upTo: .word), isWhole(from: cut, reach: reach, size: size) { return cut }
        if let cut = late.best(upTo: .broken) { return cut }
        return characterCut(from: start, reach: reach)
    }

    private subscript(block: Int) -> Range<Int> {
        let range = blocks[block].lines
        return lines[range.lowerBound].start..<next(range.upperBound - 1)
    }

    /// Whether what stands behind a cut and over the reach is one thing that fits into a part.
    private func isWhole(from cut: Int, reach: Int, size: Int) -> Bool {
        guard let outer = spans(at: reach).first ?? spans(at: reach - 1).first else {
            // A long word.
            let end = bytes[reach...].firstIndex(where: \.isWhite) ?? bytes.count
            return end - cut <= size && bytes[cut..<end].allSatisfy { !$0.isWhite }
        }
        return outer.range.count <= size && outer.range.lowerBound >= cut
    }

    /// Where the text before a line ends, without the blank lines between them.
    private func textEnd(before number: Int) -> Int {
        var number = number - 1
        while number > 0, lines[number].kind == .blank { number -= 1 }
        return number < 0 ? 0 : lines[number].end
    }

    /// How good it is to begin a part with a line; nil where that is no place for a cut.
    private func rank(ofLine number: Int) -> Rank? {
        let line = lines[number]
        let previous = lines[number - 1]
        switch line.kind {
        case .blank, .tableRule, .underline, .fenceClose: return nil
        case .tableRow: return previous.kind == .tableRule ? nil : .blockLine
        case .code:
            if previous.kind == .fenceOpen { return nil }
            return previous.start == previous.end ? .codeParagraph : .blockLine
        case .text, .item, .heading, .fenceOpen, .tableHead: break
        }
        if !spans(at: line.start).isEmpty { return .mended }
        var before = number - 1
        while before > 0, lines[before].kind == .blank { before -= 1 }
        // A heading goes with what it is above.
        if lines[before].kind == .heading || lines[before].kind == .underline { return .sentence }
        if line.kind == .heading { return .paragraph }
        return previous.kind == .blank && line.indent == 0 ? .paragraph : .line
    }

    /// Finds places between the words of a line.
    private func addPlaces(in number: Int, from start: Int, reach: Int, _ add: (Int, Rank) -> Void) {
        let line = lines[number]
        guard line.kind != .blank, line.kind != .fenceOpen, line.kind != .fenceClose, line.kind != .tableRule else {
            return
        }
        let end = min(line.end, reach + 1)
        var index = start
        while index < end {
            let byte = bytes[index]
            guard let width = space(at: index, byte) else {
                index += 1
                continue
            }
            let isSpace = byte.isBlank || byte == 0xe3 && bytes[index + 1] == 0x80 && bytes[index + 2] == 0x80
            // The space itself may hang over; other signs belong to the part.
            let textEnd = isSpace ? index : index + width
            let cut = index + width
            index = cut
            guard textEnd <= reach, textEnd > start, cut < line.end, !continuesCharacter(at: cut) else { continue }
            add(
                cut,
                rank(of: cut, in: line, isSentence: isSpace ? endsSentence(textEnd, in: line) : bytes[cut - 1] != 0x8c))
        }
    }

    private func rank(of cut: Int, in line: Line, isSentence: Bool) -> Rank {
        switch line.kind {
        case .code, .tableHead, .tableRow: return .broken
        default: break
        }
        let spans = spans(at: cut)
        if spans.isEmpty { return isSentence ? .sentence : .word }
        return spans.allSatisfy { $0.isMendable(at: cut) } ? .mended : .broken
    }

    /// The width of what a word ends with: a space, or a full-width comma or full stop, which have none behind them.
    private func space(at index: Int, _ byte: UInt8) -> Int? {
        if byte.isBlank { return 1 }
        guard byte == 0xe3 || byte == 0xef, index + 2 < bytes.count else { return nil }
        switch (byte, bytes[index + 1], bytes[index + 2]) {
        // U+3000, U+3001, U+3002; U+FF01, U+FF0C, U+FF1F.
        case (0xe3, 0x80, 0x80...0x82), (0xef, 0xbc, 0x81), (0xef, 0xbc, 0x8c), (0xef, 0xbc, 0x9f): return 3
        default: return nil
        }
    }

    private func endsSentence(_ end: Int, in line: Line) -> Bool {
        var index = end - 1
        // Quotation marks and parentheses that close behind the full stop.
        while index > line.content, "\"')]*_".utf8.contains(bytes[index]) { index -= 1 }
        guard index > line.content else { return false }
        switch bytes[index] {
        case UInt8(ascii: "!"), UInt8(ascii: "?"): return true
        // A number at the beginning of an item ends with one too.
        case UInt8(ascii: "."): return !bytes[line.content..<index].allSatisfy { $0.isDigit || $0.isBlank }
        // U+2026, U+3002, U+061F.
        case 0xa6: return bytes[index - 1] == 0x80
        case 0x82: return bytes[index - 1] == 0x80
        case 0x9f: return bytes[index - 1] == 0xd8
        default: return false
        }
    }

    /// Whether the scalar there is part of the character before it, as a combining mark is.
    func continuesCharacter(at index: Int) -> Bool {
        guard index > 0, index < bytes.count, bytes[index] >= 0x80 else { return false }
        // U+200D, which joins what follows it.
        if index > 2, bytes[(index - 3)..<index].elementsEqual([0xe2, 0x80, 0x8d]) { return true }
        let scalar = String(decoding: bytes[index..<min(index + 4, bytes.count)], as: UTF8.self).unicodeScalars.first
        guard let properties = scalar?.properties else { return false }
        return properties.isGraphemeExtend || properties.isJoinControl || properties.generalCategory == .spacingMark
    }

    /// The last end of a character before the reach; between scalars where one character alone goes beyond it.
    private func characterCut(from start: Int, reach: Int) -> Int {
        let last = bytes[start..<reach].lastIndex(where: \.isWhite) ?? start
        let end = min(bytes.count, reach + 256)
        var index = max(start, last)
        for character in String(decoding: bytes[index..<end], as: UTF8.self) {
            let next = index + character.utf8.count
            if next > reach { break }
            index = next
        }
        return index > start ? index : reach
    }
}
