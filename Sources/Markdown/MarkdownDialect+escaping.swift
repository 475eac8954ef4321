extension MarkdownDialect {
    /// What keeps plain text from being read as marks.
    public enum Escaping: Sendable {
        /// `&`, `<` and `>` as entities, in code too.
        case html
        /// Nothing: the platform has no escapes, or no marks.
        case none
        /// A backslash before what would be a mark; before `<` too, where that begins a mention.
        case backslash(angle: Bool)
        /// The same, and `&` and `<` as entities.
        case backslashAndHTML
        /// Entities for what would be a mark.
        case entities
    }
}

extension [UInt8] {
    /// Appends text so that it is shown as it is.
    ///
    /// - Parameter atLineStart: signs that mark a line when they begin it are escaped too.
    mutating func appendText(
        _ text: UnsafeBufferPointer<UInt8>, in dialect: borrowing MarkdownDialect, atLineStart: Bool
    ) {
        switch dialect.escaping {
        case .html: return appendEscaped(text)
        case .none where dialect.disarmed.isEmpty: return append(contentsOf: text)
        default: break
        }
        var start = 0
        var index = 0
        var isLineStart = atLineStart
        while index < text.count {
            let byte = text[index]
            if let end = text.endOfAddress(at: index) {
                isLineStart = false
                index = end
                continue
            }
            if dialect.disarmed.contains(where: { text.holds($0, at: index) }) {
                append(contentsOf: UnsafeBufferPointer(rebasing: text[start...index]))
                append(contentsOf: "\u{200b}".utf8)
                start = index + 1
            } else if let escape = dialect.escaping.escape(text, at: index, isLineStart: isLineStart) {
                append(contentsOf: UnsafeBufferPointer(rebasing: text[start..<index]))
                escape.withUTF8Buffer { append(contentsOf: $0) }
                // An escape that ends in a backslash stands before its sign.
                let isBefore = escape.utf8CodeUnitCount == 1
                start = isBefore ? index : index + 1
            }
            // Spaces, and the digits of what may become a number of a list, leave a line at its start.
            isLineStart =
                byte == UInt8(ascii: "\n") || isLineStart && (byte == UInt8(ascii: " ") || byte.isDigit)
            index += 1
        }
        append(contentsOf: UnsafeBufferPointer(rebasing: text[start...]))
    }
}

extension MarkdownDialect.Escaping {
    /// What is written in place of a byte, or before it where it is a backslash; nil: the byte as it is.
    fileprivate func escape(_ text: UnsafeBufferPointer<UInt8>, at index: Int, isLineStart: Bool) -> StaticString? {
        let byte = text[index]
        let previous = index > 0 ? text[index - 1] : nil
        let next = index + 1 < text.count ? text[index + 1] : nil
        switch (self, byte) {
        case (.none, _), (.html, _):
            return nil
        case (.backslashAndHTML, UInt8(ascii: "<")), (.entities, UInt8(ascii: "<")):
            return "&lt;"
        case (.backslashAndHTML, UInt8(ascii: "&")):
            return "&amp;"
        case (.entities, UInt8(ascii: "&")):
            return next.map { $0 == UInt8(ascii: "#") || $0.isWord } == true ? "&amp;" : nil
        case (.entities, UInt8(ascii: "*")):
            return isLineStart || !(previous.isSpace && next.isSpace) ? "&#42;" : nil
        case (.entities, UInt8(ascii: "`")):
            return "&#96;"
        case (.entities, UInt8(ascii: "~")):
            return next == byte || previous == byte ? "&#126;" : nil
        case (.entities, UInt8(ascii: "]")):
            return next == UInt8(ascii: "(") ? "&#93;" : nil
        case (.entities, UInt8(ascii: "#")):
            return isLineStart ? "&#35;" : nil
        case (.entities, UInt8(ascii: ">")):
            return isLineStart ? "&gt;" : nil
        case (.entities, UInt8(ascii: "-")):
            return isLineStart && (next.isSpace || next == byte) ? "&#45;" : nil
        case (.entities, _):
            return nil
        default:
            return needsBackslash(byte, previous: previous, next: next, isLineStart: isLineStart) ? "\\" : nil
        }
    }

    private func needsBackslash(_ byte: UInt8, previous: UInt8?, next: UInt8?, isLineStart: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "*"), UInt8(ascii: "`"), UInt8(ascii: "~"): true
        case UInt8(ascii: "\\"): next?.isASCIIPunctuation ?? true
        case UInt8(ascii: "_"): !(previous?.isWord == true && next?.isWord == true)
        case UInt8(ascii: "|"): previous == byte || next == byte
        case UInt8(ascii: "]"): next == UInt8(ascii: "(")
        case UInt8(ascii: "<"): if case .backslash(angle: true) = self { true } else { false }
        case UInt8(ascii: "#"), UInt8(ascii: ">"): isLineStart && previous?.isDigit != true
        case UInt8(ascii: "-"), UInt8(ascii: "+"):
            isLineStart && previous?.isDigit != true
                && (next.isSpace || next == byte || next == UInt8(ascii: "#"))
        case UInt8(ascii: "="): isLineStart && previous?.isDigit != true
        case UInt8(ascii: "."), UInt8(ascii: ")"): isLineStart && previous?.isDigit == true && next.isSpace
        default: false
        }
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Where an address of the web that begins here ends; nil when none begins.
    ///
    /// Nothing in an address is escaped: the platforms make a link of it as it stands.
    fileprivate func endOfAddress(at start: Int) -> Int? {
        guard self[start] == UInt8(ascii: "h"), holds("http://", at: start) || holds("https://", at: start),
            start == 0 || !self[start - 1].isWord
        else { return nil }
        var end = start
        while end < count, !self[end].isASCIISpace, self[end] != UInt8(ascii: "<"), self[end] != UInt8(ascii: ">"),
            self[end] != UInt8(ascii: "`"), self[end] != UInt8(ascii: "|")
        {
            end += 1
        }
        return end
    }

    /// Whether a text of lower-case ASCII stands here, in any case.
    fileprivate func holds(_ word: String, at index: Int) -> Bool {
        guard let first = word.utf8.first, self[index].lowercased == first, index + word.utf8.count <= count else {
            return false
        }
        return zip(self[index...], word.utf8).allSatisfy { $0.lowercased == $1 }
    }
}

extension UInt8 {
    var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }

    var isASCIISpace: Bool { self == UInt8(ascii: " ") || self >= 9 && self <= 13 }

    /// A letter or digit of ASCII, or part of any other character.
    fileprivate var isWord: Bool {
        isDigit || lowercased >= UInt8(ascii: "a") && lowercased <= UInt8(ascii: "z") || self >= 0x80
    }

    fileprivate var isASCIIPunctuation: Bool { self > 32 && self < 127 && !isWord }

    fileprivate var lowercased: UInt8 {
        self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") ? self | 0x20 : self
    }
}

extension UInt8? {
    /// White space, or the end of the text.
    fileprivate var isSpace: Bool { self?.isASCIISpace ?? true }
}
