public import BridgeCore

/// Cuts a long answer into messages that keep to a platform's limit, counted in the platform's own unit.
///
/// Nothing is lost but white space at a cut. A cut falls between paragraphs if it can, else between lines, after a sentence,
/// between words, and only then between characters; never inside a character as people see it (an extended grapheme
/// cluster), unless that alone is over the limit. A Markdown code fence that a cut falls into is closed and opened again.
public struct TextSplitter: Sendable {
    /// The limit of one message.
    public let limit: Capabilities.TextLimit

    /// A splitter for this limit.
    public init(limit: Capabilities.TextLimit) {
        precondition(limit.count > 0, "a limit of at least one unit")
        self.limit = limit
    }

    /// The parts of a text in order; one part when it fits, none when it is empty.
    public func split(_ text: String, format: OutboundAction.Format) -> [String] {
        guard !text.isEmpty else { return [] }
        // Every unit is at most as many as the bytes: the common case costs one comparison.
        if fits(text[...], limit.count) { return [text] }
        var parts: [String] = []
        var rest = text[...]
        var fence: CodeFence?
        while !rest.isEmpty {
            let opening = fence.map { $0.opening + "\n" } ?? ""
            // Room for the lines that reopen and close a fence; a limit too small for them gets the bare text.
            let room = limit.count - measure(opening[...])
            let spare = format == .markdown ? 16 : 0
            if fits(rest, room) {
                parts.append(opening + rest)
                break
            }
            let budget = room > spare * 2 ? room - spare : room
            let cut = bestCut(in: rest, budget: max(1, budget))
            let part = rest[..<cut]
            let next = format == .markdown ? CodeFence.open(after: part, startingIn: fence) : nil
            var message = opening + part
            if let next, room > spare * 2 { message += (message.hasSuffix("\n") ? "" : "\n") + next.closing }
            rest = rest[cut...]
            if next == nil {
                message = String(message.trimmingTrailingWhitespace())
                rest = rest.drop { $0.isNewline || $0 == " " }
            } else if rest.first?.isNewline == true {
                rest = rest.dropFirst()
            }
            if !message.isEmpty { parts.append(message) }
            fence = room > spare * 2 ? next : nil
        }
        return parts
    }

    /// The first of the parts, without the work of making the others.
    func firstPart(of text: String, format: OutboundAction.Format) -> String {
        // More than the limit whatever its unit, so that what follows cannot change the first part.
        let enough = limit.count * 4 + 64
        guard text.utf8.count > enough else { return split(text, format: format).first ?? "" }
        let end = text.utf8.index(text.startIndex, offsetBy: enough)
        return split(String(text[..<end]), format: format).first ?? ""
    }

    private func fits(_ text: Substring, _ room: Int) -> Bool {
        // A unit is one to four bytes: counting, which walks through all that is left, is seldom needed.
        if text.utf8.count <= room { return true }
        return text.utf8.count <= room * 4 && measure(text) <= room
    }

    /// How many units of the limit a text takes.
    public func measure(_ text: Substring) -> Int {
        switch limit.unit {
        case .utf16: text.utf16.count
        case .utf8: text.utf8.count
        case .scalars: text.unicodeScalars.count
        }
    }

    private func bestCut(in text: Substring, budget: Int) -> Substring.Index {
        var used = 0
        var index = text.startIndex
        var paragraph: Substring.Index?
        var line: Substring.Index?
        var sentence: Substring.Index?
        var word: Substring.Index?
        var previous: Character?
        while index < text.endIndex {
            let next = text.index(after: index)
            let cost = measure(text[index..<next])
            if used + cost > budget {
                // One character that alone is over the limit: cut between its scalars.
                if index == text.startIndex { return scalarCut(in: text, budget: budget) }
                break
            }
            used += cost
            let character = text[index]
            // Cuts in the first third would make a row of very short messages.
            if used * 3 > budget {
                if character.isNewline {
                    if previous?.isNewline == true { paragraph = next }
                    line = next
                } else if character == " " || character == "\u{3000}" {
                    if let previous, ".!?…。".contains(previous) { sentence = next }
                    word = next
                }
            }
            previous = character
            index = next
        }
        return paragraph ?? line ?? sentence ?? word ?? index
    }

    private func scalarCut(in text: Substring, budget: Int) -> Substring.Index {
        var used = 0
        var index = text.startIndex
        while index < text.endIndex {
            let next = text.unicodeScalars.index(after: index)
            let cost = measure(text[index..<next])
            if used + cost > budget && index > text.startIndex { break }
            used += cost
            index = next
        }
        return index
    }
}

/// A fenced code block of CommonMark (section 4.5) that is open at some point of a text.
struct CodeFence: Equatable {
    /// The line that opens it, with its info string.
    let opening: String
    /// The line that closes it.
    let closing: String

    /// The fence that is open at the end of a text, given the one open at its start.
    static func open(after text: Substring, startingIn fence: CodeFence?) -> CodeFence? {
        var current = fence
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let trimmed = line.drop { $0 == " " }
            guard line.count - trimmed.count <= 3, let mark = trimmed.first, mark == "`" || mark == "~" else {
                continue
            }
            let run = trimmed.prefix { $0 == mark }
            guard run.count >= 3 else { continue }
            let info = trimmed.dropFirst(run.count)
            if let open = current {
                let isClosing = open.closing.first == mark && run.count >= open.closing.count
                if isClosing && info.allSatisfy({ $0 == " " || $0 == "\t" || $0 == "\r" }) { current = nil }
            } else if mark == "~" || !info.contains("`") {
                current = CodeFence(opening: String(run + info.prefix(40)), closing: String(run))
            }
        }
        return current
    }
}

extension StringProtocol {
    fileprivate func trimmingTrailingWhitespace() -> SubSequence {
        var end = endIndex
        while end > startIndex, self[index(before: end)].isWhitespace { end = index(before: end) }
        return self[..<end]
    }
}
