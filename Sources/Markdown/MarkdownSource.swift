import CCMark

/// The text that a tree was made of, line by line, for what cmark does not tell.
struct MarkdownSource {
    private let bytes: UnsafeBufferPointer<UInt8>
    /// A table has pipes: where there are none, nothing is looked at.
    private let mayHoldTable: Bool
    /// Where each line begins.
    private let starts: [Int]

    /// The source, which outlives this value.
    init(bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
        mayHoldTable = bytes.contains(UInt8(ascii: "|"))
        starts = mayHoldTable ? Self.starts(bytes) : []
    }

    /// The table that a paragraph is or holds.
    func table(in paragraph: MarkdownNode) -> MarkdownTable? {
        guard mayHoldTable, paragraph.endLine > paragraph.startLine else { return nil }
        let numbers = (paragraph.startLine - 1)..<min(paragraph.endLine, starts.count)
        // Most paragraphs have no line that begins as a row of dashes does.
        let mayBeTable = numbers.dropFirst().contains { number in
            line(number).first { !" \t>".utf8.contains($0) }.map { "|:-".utf8.contains($0) } ?? false
        }
        guard mayBeTable else { return nil }
        let lines = numbers.map { number in
            // The first line begins behind the marks of items and quotes; others have only indentation and `>`.
            number == numbers.lowerBound
                ? Array(line(number).dropFirst(paragraph.startColumn - 1))
                : Array(line(number).drop { " \t>".utf8.contains($0) })
        }
        return MarkdownTable(lines: lines)
    }

    private func line(_ number: Int) -> Slice<UnsafeBufferPointer<UInt8>> {
        let end = number + 1 < starts.count ? starts[number + 1] : bytes.count
        var line = bytes[starts[number]..<end]
        while let last = line.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") { line.removeLast() }
        return line
    }

    private static func starts(_ bytes: UnsafeBufferPointer<UInt8>) -> [Int] {
        var starts = [0]
        for index in bytes.indices {
            let isEnd =
                switch bytes[index] {
                case UInt8(ascii: "\n"): true
                case UInt8(ascii: "\r"): index + 1 == bytes.count || bytes[index + 1] != UInt8(ascii: "\n")
                default: false
                }
            if isEnd { starts.append(index + 1) }
        }
        return starts
    }
}
