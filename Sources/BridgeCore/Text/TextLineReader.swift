/// Tells line by line what Markdown makes of a text: fences, items, tables (CommonMark 0.31, GitHub's tables).
struct TextLineReader {
    private struct Fence {
        var mark: UInt8
        var count: Int
        var quotes: Int
        /// A line indented by less ends it: the item that it stands in ends there.
        var itemIndent: Int
        var block: Int
    }

    private struct List {
        var id: Int
        /// The bullet, or what stands behind the number.
        var mark: UInt8
        var itemIndent: Int
        var number: Int
    }

    /// Quotes within quotes are followed to this depth, since their marks are repeated behind a cut.
    private static let deepestQuote = 8

    private var fence: Fence?
    private var lists: [List] = []
    private var nextList = 0
    private var table: Int?
    private var tableIsDelimited = false

    /// Says what a line is; the ones before it are in the outline already.
    mutating func read(_ line: inout TextOutline.Line, of outline: inout TextOutline) {
        let bytes = outline.bytes
        let quotes = skipQuotes(&line, bytes, atMost: fence?.quotes ?? Self.deepestQuote)
        var index = line.content
        while index < line.end, bytes[index] == UInt8(ascii: " ") || bytes[index] == UInt8(ascii: "\t") {
            line.indent += bytes[index] == UInt8(ascii: " ") ? 1 : 4
            index += 1
        }
        let isBlank = bytes[index..<line.end].allSatisfy(\.isBlank)
        if let fence, isInside(fence, line, quotes: quotes, isBlank: isBlank) {
            line.kind = closes(fence, bytes[index..<line.end]) ? .fenceClose : .code
            line.block = fence.block
            line.itemIndent = fence.itemIndent
            outline.extend(fence.block)
            if line.kind == .fenceClose { self.fence = nil }
            return
        }
        fence = nil
        if isBlank {
            line.kind = .blank
            table = nil
        } else if !readTable(&line, from: index, of: &outline) {
            readText(&line, from: index, quotes: quotes, of: &outline)
        }
        line.itemIndent = lists.last?.itemIndent ?? 0
    }

    private func skipQuotes(_ line: inout TextOutline.Line, _ bytes: [UInt8], atMost limit: Int) -> Int {
        var quotes = 0
        var index = line.start
        while quotes < limit {
            var next = index
            while next < line.end, next - index < 3, bytes[next] == UInt8(ascii: " ") { next += 1 }
            guard next < line.end, bytes[next] == UInt8(ascii: ">") else { break }
            next += 1
            if next < line.end, bytes[next] == UInt8(ascii: " ") { next += 1 }
            index = next
            quotes += 1
        }
        line.content = index
        return quotes
    }

    // MARK: Fences (CommonMark, section 4.5)

    private func isInside(_ fence: Fence, _ line: TextOutline.Line, quotes: Int, isBlank: Bool) -> Bool {
        quotes == fence.quotes && (isBlank || line.indent >= fence.itemIndent)
    }

    private func closes(_ fence: Fence, _ text: ArraySlice<UInt8>) -> Bool {
        let run = text.prefix { $0 == fence.mark }
        return run.count >= fence.count && text.dropFirst(run.count).allSatisfy(\.isBlank)
    }

    private mutating func opensFence(
        _ line: inout TextOutline.Line, _ text: ArraySlice<UInt8>, quotes: Int, of outline: inout TextOutline
    ) -> Bool {
        guard let mark = text.first, mark == UInt8(ascii: "`") || mark == UInt8(ascii: "~") else { return false }
        let run = text.prefix { $0 == mark }
        let info = text.dropFirst(run.count)
        guard run.count >= 3, mark == UInt8(ascii: "~") || !info.contains(mark) else { return false }
        leaveItems(indent: line.indent)
        let quote = Array(outline.bytes[line.start..<line.content])
        // The language; what else stands behind the fence may be long.
        let language = info.drop(while: \.isBlank).prefix { !$0.isBlank }.prefix(40)
        let block = outline.beginBlock(
            opening: quote + run + language + [UInt8(ascii: "\n")], closing: quote + run, indent: line.indent)
        outline.extend(block)
        let itemIndent = lists.last?.itemIndent ?? 0
        fence = Fence(mark: mark, count: run.count, quotes: quotes, itemIndent: itemIndent, block: block)
        line.kind = .fenceOpen
        line.block = block
        return true
    }

    // MARK: Tables (GitHub's, section 4.10)

    private mutating func readTable(
        _ line: inout TextOutline.Line, from index: Int, of outline: inout TextOutline
    ) -> Bool {
        let bytes = outline.bytes
        let text = bytes[index..<line.end]
        let hasPipe = text.contains(UInt8(ascii: "|"))
        if let block = table {
            guard hasPipe else {
                table = nil
                return false
            }
            line.kind = tableIsDelimited ? .tableRow : .tableRule
            tableIsDelimited = true
            line.block = block
            outline.extend(block)
            return true
        }
        guard hasPipe, line.end < bytes.count else { return false }
        let nextEnd = bytes[(line.end + 1)...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
        let rule = bytes[(line.end + 1)..<nextEnd]
        let marks = rule.drop { $0.isBlank || $0 == UInt8(ascii: ">") }
        guard marks.contains(UInt8(ascii: "|")), marks.contains(UInt8(ascii: "-")),
            marks.allSatisfy({
                $0.isBlank || $0 == UInt8(ascii: "|") || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ":")
            })
        else { return false }
        // A table that begins an item is cut like text.
        guard TextLineReader.marker(text) == nil else { return false }
        leaveItems(indent: line.indent)
        let quote = Array(bytes[line.start..<line.content])
        table = outline.beginBlock(
            opening: quote + text + [UInt8(ascii: "\n")] + quote + marks + [UInt8(ascii: "\n")], closing: [],
            indent: line.indent)
        tableIsDelimited = false
        line.kind = .tableHead
        line.block = table
        outline.extend(outline.blocks.count - 1)
        return true
    }

    // MARK: Text and items (CommonMark, sections 4.2, 4.3 and 5.2)

    private mutating func readText(
        _ line: inout TextOutline.Line, from index: Int, quotes: Int, of outline: inout TextOutline
    ) {
        let bytes = outline.bytes
        let text = bytes[index..<line.end]
        let previous = outline.lines.last?.kind ?? .blank
        if opensFence(&line, text, quotes: quotes, of: &outline) { return }
        if let marker = TextLineReader.marker(text), !TextLineReader.isRule(text) {
            readItem(&line, marker, from: index, bytes)
            return
        }
        let hashes = text.prefix { $0 == UInt8(ascii: "#") }.count
        if (1...6).contains(hashes), text.dropFirst(hashes).first?.isBlank ?? true {
            line.kind = .heading
            leaveItems(indent: line.indent)
        } else if previous == .text, Self.isUnderline(text) {
            line.kind = .underline
        } else if !previous.isParagraph {
            leaveItems(indent: line.indent)
        }
    }

    /// What begins an item: how many bytes it takes, its sign, and its number where it has one.
    private static func marker(_ text: ArraySlice<UInt8>) -> (width: Int, mark: UInt8, number: Int?)? {
        guard let first = text.first else { return nil }
        let digits = text.prefix(9).prefix(while: \.isDigit)
        let width: Int
        if digits.isEmpty {
            guard first == UInt8(ascii: "-") || first == UInt8(ascii: "+") || first == UInt8(ascii: "*") else {
                return nil
            }
            width = 1
        } else {
            guard let mark = text.dropFirst(digits.count).first, mark == UInt8(ascii: ".") || mark == UInt8(ascii: ")")
            else {
                return nil
            }
            width = digits.count + 1
        }
        guard text.dropFirst(width).first?.isBlank ?? true else { return nil }
        let number = digits.isEmpty ? nil : digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        return (width, text[text.startIndex + width - 1], number)
    }

    private mutating func readItem(
        _ line: inout TextOutline.Line, _ marker: (width: Int, mark: UInt8, number: Int?), from index: Int,
        _ bytes: [UInt8]
    ) {
        let spaces = bytes[(index + marker.width)..<line.end].prefix { $0 == UInt8(ascii: " ") }.count
        let itemIndent = line.indent + marker.width + ((1...4).contains(spaces) ? spaces : 1)
        // Items indented less than the text of the innermost but one belong to a list further out.
        while lists.count > 1, line.indent < lists[lists.count - 2].itemIndent { lists.removeLast() }
        if let last = lists.last, line.indent < last.itemIndent {
            lists.removeLast()
            if last.mark == marker.mark,
                (marker.number != nil) == (last.mark == UInt8(ascii: ".") || last.mark == UInt8(ascii: ")"))
            {
                lists.append(List(id: last.id, mark: last.mark, itemIndent: itemIndent, number: last.number + 1))
            } else {
                appendList(marker.mark, itemIndent, marker.number)
            }
        } else {
            appendList(marker.mark, itemIndent, marker.number)
        }
        line.kind = .item
        if marker.number != nil, let list = lists.last {
            line.number = TextOutline.Number(
                list: list.id, value: list.number, digits: index..<(index + marker.width - 1))
        }
    }

    private mutating func appendList(_ mark: UInt8, _ itemIndent: Int, _ number: Int?) {
        lists.append(List(id: nextList, mark: mark, itemIndent: itemIndent, number: number ?? 0))
        nextList += 1
    }

    private mutating func leaveItems(indent: Int) {
        while let last = lists.last, indent < last.itemIndent { lists.removeLast() }
    }

    private static func isUnderline(_ text: ArraySlice<UInt8>) -> Bool {
        guard let first = text.first, first == UInt8(ascii: "=") || first == UInt8(ascii: "-") else { return false }
        return text.drop { $0 == first }.allSatisfy(\.isBlank)
    }

    private static func isRule(_ text: ArraySlice<UInt8>) -> Bool {
        guard let first = text.first else { return false }
        return text.count { $0 == first } >= 3 && text.allSatisfy { $0 == first || $0.isBlank }
    }
}
