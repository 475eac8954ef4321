internal import Glibc
internal import Markdown

/// Words with the HTML that Telegram reads, where they need any.
enum TelegramHTML {
    /// The text as HTML, or nil when there is nothing to format: then it goes as it is, byte for byte, without
    /// `parse_mode`.
    static func formatted(_ markdown: String) -> String? {
        let html = telegramHTML(markdown)
        return isOnlyEscaped(html, from: markdown) ? nil : html
    }

    /// Whether the HTML is the text itself, byte for byte, or that but for the escapes that plain text does not need.
    private static func isOnlyEscaped(_ html: String, from text: String) -> Bool {
        var (html, text) = (html, text)
        return html.withUTF8 { html in
            text.withUTF8 { text in
                guard let start = text.baseAddress, let other = html.baseAddress else {
                    return text.isEmpty && html.isEmpty
                }
                if text.count == html.count, memcmp(start, other, text.count) == 0 { return true }
                return isOnlyEscaped(text, in: html)
            }
        }
    }

    private static func isOnlyEscaped(_ text: UnsafeBufferPointer<UInt8>, in html: UnsafeBufferPointer<UInt8>) -> Bool {
        var place = 0
        func skip(_ escape: StaticString) -> Bool {
            let expected = UnsafeBufferPointer(start: escape.utf8Start, count: escape.utf8CodeUnitCount)
            guard html[place...].starts(with: expected) else { return false }
            place += expected.count
            return true
        }
        for byte in text {
            switch byte {
            case UInt8(ascii: "&"): if !skip("&amp;") { return false }
            case UInt8(ascii: "<"): if !skip("&lt;") { return false }
            case UInt8(ascii: ">"): if !skip("&gt;") { return false }
            default:
                guard place < html.count, html[place] == byte else { return false }
                place += 1
            }
        }
        return place == html.count
    }
}
