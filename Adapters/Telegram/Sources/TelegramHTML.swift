internal import Markdown

/// Words with the HTML that Telegram reads, where they need any.
enum TelegramHTML {
    /// The text as HTML, or nil when there is nothing to format: then it goes as it is, byte for byte, without
    /// `parse_mode`.
    static func formatted(_ markdown: String) -> String? {
        let html = telegramHTML(markdown)
        if html == markdown { return nil }
        return isOnlyEscaped(html, from: markdown) ? nil : html
    }

    /// Whether the HTML is the text itself, but for the escapes that plain text does not need.
    private static func isOnlyEscaped(_ html: String, from text: String) -> Bool {
        var html = html.utf8.makeIterator()
        func skip(_ escape: StaticString) -> Bool {
            for index in 0..<escape.utf8CodeUnitCount where html.next() != escape.utf8Start[index] { return false }
            return true
        }
        for byte in text.utf8 {
            let isSame =
                switch byte {
                case UInt8(ascii: "&"): skip("&amp;")
                case UInt8(ascii: "<"): skip("&lt;")
                case UInt8(ascii: ">"): skip("&gt;")
                default: html.next() == byte
                }
            guard isSame else { return false }
        }
        return html.next() == nil
    }
}
