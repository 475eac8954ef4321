/// Tells text that certainly has no Markdown in it, which most chat lines are, without parsing it.
enum MarkdownScan {
    /// False only when CommonMark would give back the same paragraphs of the same text.
    static func mayHoldMarkdown(_ source: UnsafeBufferPointer<UInt8>) -> Bool {
        var index = 0
        while index < source.count {
            if lineMayBeginBlock(source, at: index) { return true }
            while index < source.count, source[index] != UInt8(ascii: "\n") {
                switch source[index] {
                case UInt8(ascii: "*"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "["), UInt8(ascii: "<"),
                    UInt8(ascii: "&"), UInt8(ascii: "\\"), UInt8(ascii: "~"):
                    return true
                default:
                    index += 1
                }
            }
            index += 1
        }
        return false
    }

    private static func lineMayBeginBlock(_ source: UnsafeBufferPointer<UInt8>, at start: Int) -> Bool {
        var index = start
        while index < source.count, source[index] == UInt8(ascii: " ") { index += 1 }
        guard index < source.count else { return false }
        if index - start >= 4 { return true }  // code
        switch source[index] {
        case UInt8(ascii: "#"), UInt8(ascii: ">"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "="),
            UInt8(ascii: "|"), UInt8(ascii: ":"), UInt8(ascii: "\t"):
            return true
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
            while index < source.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(source[index]) { index += 1 }
            return index < source.count && (source[index] == UInt8(ascii: ".") || source[index] == UInt8(ascii: ")"))
        default:
            return false
        }
    }
}
