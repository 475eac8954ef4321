/// Cuts a long answer into messages that keep to a platform's limit, counted in the platform's own unit.
///
/// Nothing is lost but white space at a cut. A cut falls between paragraphs if it can, else between lines, after a sentence,
/// between words, and only then between characters; never inside a character as people see it (an extended grapheme
/// cluster), unless that alone is over the limit. Blocks of code, tables, links, addresses and emphasis are kept whole where
/// they fit into a message; those that do not are closed and opened again, a table with its head. Numbered lists go on with
/// their numbers.
public struct TextSplitter: Sendable {
    /// The limit of one message.
    public let limit: Capabilities.TextLimit
    /// What the platform counts; nil: the text as it is.
    private let counted: (@Sendable (String, OutboundAction.Format) -> String)?

    /// The most that rendering adds for each byte that is neither letter nor digit nor space, and for the whole once.
    private static let growth = 48
    /// Tries to find a part that fits once rendered; each comes nearer by the share that is too much.
    private static let mostTries = 12

    /// A splitter for this limit.
    ///
    /// - Parameter counted: what the platform counts of a text, as ``Capabilities/countedText`` says; nil: the text as it is.
    public init(
        limit: Capabilities.TextLimit, counted: (@Sendable (String, OutboundAction.Format) -> String)? = nil
    ) {
        precondition(limit.count > 0, "a limit of at least one unit")
        self.limit = limit
        self.counted = counted
    }

    /// A splitter for a platform.
    public init(_ capabilities: Capabilities) {
        self.init(limit: capabilities.textLimit, counted: capabilities.countedText)
    }

    /// The parts of a text in order; one part when it fits, none when it is empty.
    public func split(_ text: String, format: OutboundAction.Format) -> [String] {
        guard !text.isEmpty else { return [] }
        // The common case costs one comparison, or one look at each byte where the platform counts what is rendered.
        if fits(text, format) { return [text] }
        return parts(of: text, format, atMost: .max)
    }

    /// The first of the parts, without the work of making the others.
    public func firstPart(of text: String, format: OutboundAction.Format) -> String {
        // More than the limit whatever its unit, so that what follows seldom changes the first part.
        let enough = limit.count * 4 + 64
        guard text.utf8.count > enough else {
            return fits(text, format) ? text : parts(of: text, format, atMost: 1).first ?? ""
        }
        let end = text.utf8.index(text.startIndex, offsetBy: enough)
        let start = String(text[..<end])
        return fits(start, format) ? start : parts(of: start, format, atMost: 1).first ?? ""
    }

    /// What follows in a Markdown text behind what a message shows of its beginning, mended as behind a cut.
    ///
    /// - Parameter shown: the beginning of the text, or the first of its parts; all of the text comes back when it is neither.
    public func rest(of text: String, after shown: String) -> String {
        let bytes = Array(text.utf8)
        let common = zip(bytes, shown.utf8).prefix { $0 == $1 }.count
        // What a part has beyond the text are the marks that close it.
        let isBeginning = shown.utf8.dropFirst(common).allSatisfy { !$0.isWordPart }
        guard isBeginning, common > 0 else { return text }
        guard common < bytes.count else { return "" }
        let outline = TextOutline(bytes, isMarkdown: true)
        guard let seam = outline.seam(at: common) else { return "" }
        return String(decoding: outline.part(from: seam, to: bytes.count, before: nil), as: UTF8.self)
    }

    /// How many units of the limit a text takes as it is.
    public func measure(_ text: Substring) -> Int {
        limit.unit.count(text)
    }

    /// How many units of the limit a text takes as the platform counts it.
    public func size(of text: String, format: OutboundAction.Format) -> Int {
        guard let counted else { return limit.unit.count(text[...]) }
        return limit.unit.count(counted(text, format)[...])
    }

    private func fits(_ text: String, _ format: OutboundAction.Format) -> Bool {
        let bytes = text.utf8.count
        guard counted != nil else {
            // A unit is one to four bytes: counting, which walks through all of it, is seldom needed.
            return bytes <= limit.count || bytes / 4 <= limit.count && limit.unit.count(text[...]) <= limit.count
        }
        if bytes * 2 + (bytes + 1) * Self.growth <= limit.count { return true }
        if bytes * 2 <= limit.count {
            let signs = text.utf8.withContiguousStorageIfAvailable { Self.signs(in: $0) }
            guard let signs else { return size(of: text, format: format) <= limit.count }
            if bytes * 2 + (signs + 1) * Self.growth <= limit.count { return true }
        }
        // Addresses behind labels may not be counted, so that a long text fits all the same; one of this length does not.
        return bytes / 16 <= limit.count && size(of: text, format: format) <= limit.count
    }

    /// The bytes that are neither part of a word nor a space.
    ///
    /// Eight at a time: the high bit of each byte of a word tells of one that is either.
    static func signs(in bytes: UnsafeBufferPointer<UInt8>) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs = ones &* 0x80
        let raw = UnsafeRawBufferPointer(bytes)
        var signs = 0
        var index = 0
        while index + 8 <= raw.count {
            let word = raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            // Without their high bits, no sum of two bytes reaches into the next.
            let low = word & ~highs
            let letter = low | (ones &* 0x20)
            // What has come to `a` less what is beyond `z`, and the same for digits.
            let letters = (letter &+ ones &* (0x80 - 0x61)) & ~(letter &+ ones &* (0x80 - 0x7B))
            let digits = (low &+ ones &* (0x80 - 0x30)) & ~(low &+ ones &* (0x80 - 0x3A))
            let spaces = ~((low ^ (ones &* 0x20)) &+ ones &* 0x7F)
            let others = ~(word | letters | digits | spaces) & highs
            signs += Int(((others >> 7) &* ones) >> 56)
            index += 8
        }
        while index < raw.count {
            if !raw[index].isWordPart, raw[index] != UInt8(ascii: " ") { signs += 1 }
            index += 1
        }
        return signs
    }

    private func parts(of text: String, _ format: OutboundAction.Format, atMost most: Int) -> [String] {
        let outline = TextOutline(Array(text.utf8), isMarkdown: format == .markdown)
        var parts: [String] = []
        var seam: TextSeam? = TextSeam(start: outline.bytes.firstIndex { $0 != UInt8(ascii: "\n") } ?? 0)
        while let start = seam, start.start < outline.bytes.count, parts.count < most {
            let (part, next) = nextPart(of: outline, from: start, format)
            if !part.isEmpty { parts.append(part) }
            seam = next
        }
        return parts
    }

    /// The part that begins at a seam, and the seam behind it; nil at the end.
    private func nextPart(
        of outline: TextOutline, from seam: TextSeam, _ format: OutboundAction.Format
    ) -> (String, TextSeam?) {
        var seam = seam
        // What opens code or a table again must leave room for it; else its lines go on bare.
        if limit.unit.count(seam.prefix) * 2 > limit.count { seam.dropPrefix() }
        var budget = max(1, limit.count - limit.unit.count(seam.prefix))
        // Without what mends the cuts: the words are worth more than their marks.
        var isBare = false
        for attempt in 0... {
            let reach = limit.unit.end(of: budget, from: seam.start, in: outline.bytes)
            let cut = outline.bestCut(from: seam.start, reach: reach)
            var next = cut < outline.bytes.count ? outline.seam(at: cut) : nil
            if isBare { next?.suffix = [] }
            let part = String(decoding: outline.part(from: seam, to: cut, before: next), as: UTF8.self)
            let size = size(of: part, format: format)
            let taken = limit.unit.count(outline.bytes[seam.start..<cut])
            let isTooSmall = taken <= 1 || budget <= 1 || outline.continuesCharacter(at: cut)
            if !isBare, isTooSmall, !(seam.prefix.isEmpty && next?.suffix.isEmpty ?? true) {
                isBare = true
                seam.dropPrefix()
                budget = limit.count
                continue
            }
            // One character that cannot be made to fit goes out as it is: the platform has the last word.
            if size <= limit.count || taken <= 1 || budget <= 1 { return (part, next) }
            budget = max(1, min(taken - 1, attempt > Self.mostTries ? taken / 2 : taken * limit.count / size))
        }
        preconditionFailure("a part is found or given up")
    }
}

extension Capabilities.TextLimit.Unit {
    /// How many units a text takes.
    public func count(_ text: Substring) -> Int {
        switch self {
        case .utf16: text.utf16.count
        case .utf8: text.utf8.count
        case .scalars: text.unicodeScalars.count
        }
    }

    /// How many units a text in UTF-8 takes.
    func count(_ bytes: some Sequence<UInt8>) -> Int {
        bytes.reduce(0) { $0 + units(at: $1) }
    }

    /// Where so many units end, between two scalars.
    func end(of count: Int, from start: Int, in bytes: [UInt8]) -> Int {
        var units = 0
        var index = start
        while index < bytes.count {
            var next = index + 1
            while next < bytes.count, bytes[next] & 0xc0 == 0x80 { next += 1 }
            units += self == .utf8 ? next - index : self.units(at: bytes[index])
            if units > count, index > start { return index }
            index = next
        }
        return index
    }

    /// The units of the scalar that begins with a byte; none for the bytes that follow it.
    private func units(at byte: UInt8) -> Int {
        switch self {
        case .utf8: 1
        case .scalars: byte & 0xc0 == 0x80 ? 0 : 1
        case .utf16: byte & 0xc0 == 0x80 ? 0 : byte >= 0xf0 ? 2 : 1
        }
    }
}
