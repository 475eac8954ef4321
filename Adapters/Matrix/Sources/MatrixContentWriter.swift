internal import JSON
internal import Markdown

/// Writes the content of a message: its text plain and formatted, within the size of an event.
///
/// What an event has no room for is left out, in this order: in an edit the new text for clients that know no edits, the
/// formatting, and the escapes of control characters, which become U+FFFD. The words themselves are always there.
struct MatrixContentWriter {
    /// The most bytes of a content: an event's 65,536 ("Size limits") but for what the server adds to it, which are the
    /// identifiers of room, sender and up to twenty earlier events, hashes and signatures.
    static let maximumBytes = 60_000

    /// What a message relates to.
    enum Relation {
        /// It stands in the room.
        case none
        /// It answers a message of a user, who is called by it.
        case reply(to: String, of: String)
        /// It stands in a thread; clients that know no threads show it as a reply.
        case thread(root: String, last: String)
        /// It takes the place of a message.
        case edit(of: String)
    }

    let text: String
    let isMarkdown: Bool
    let relation: Relation
    /// The transaction id, by which the message can be found again.
    let transaction: String

    /// Under what the transaction id stands in a content.
    ///
    /// A homeserver tells it to nobody, and forgets it when it is started again.
    static let transactionKey: StaticString = "chatbridge.transaction"

    /// The content as JSON.
    func content() -> [UInt8] {
        // Databases hold no NUL, and neither do homeservers.
        let text = text.utf8.contains(0) ? Self.replacing(text) { $0 == 0 } : text
        let html = isMarkdown ? Self.formatted(text) : nil
        var bytes = write(text, html: html, isWholeFallback: true)
        if bytes.count > Self.maximumBytes, case .edit = relation {
            bytes = write(text, html: html, isWholeFallback: false)
        }
        if bytes.count > Self.maximumBytes { bytes = write(text, html: nil, isWholeFallback: false) }
        if bytes.count > Self.maximumBytes {
            let bare = Self.replacing(text) { $0 < 0x20 && $0 != 0x0A && $0 != 0x09 && $0 != 0x0D }
            bytes = write(bare, html: nil, isWholeFallback: false)
        }
        return bytes
    }

    private func write(_ text: String, html: String?, isWholeFallback: Bool) -> [UInt8] {
        var writer = JSONWriter(capacity: text.utf8.count * 2 + (html?.utf8.count ?? 0) * 2 + 512)
        writer.object { content in
            // What programs say are notices, which programs do not answer ("m.notice").
            content.field("msgtype", "m.notice")
            if case .edit(let message) = relation {
                content.field("body", isWholeFallback ? "* \(text)" : "* \(text.prefix(200)) …")
                if isWholeFallback, let html { Self.writeHTML("* \(html)", to: &content) }
                content.objectField("m.new_content") { new in
                    new.field("msgtype", "m.notice")
                    new.field("body", text)
                    if let html { Self.writeHTML(html, to: &new) }
                    new.objectField("m.mentions") { _ in }
                }
                content.objectField("m.relates_to") { relates in
                    relates.field("rel_type", "m.replace")
                    relates.field("event_id", message)
                }
            } else {
                content.field("body", text)
                if let html { Self.writeHTML(html, to: &content) }
            }
            Self.writeRelation(relation, to: &content)
            content.field(Self.transactionKey, transaction)
        }
        return writer.bytes
    }

    /// Writes what a message answers and whom it calls: an empty list keeps clients from finding names in the text.
    static func writeRelation(_ relation: Relation, to content: inout JSONWriter) {
        content.objectField("m.mentions") { mentions in
            guard case .reply(_, let user) = relation else { return }
            mentions.arrayField("user_ids") { $0.value(user) }
        }
        switch relation {
        case .none, .edit:
            break
        case .reply(let message, _):
            content.objectField("m.relates_to") { relates in
                relates.objectField("m.in_reply_to") { $0.field("event_id", message) }
            }
        case .thread(let root, let last):
            content.objectField("m.relates_to") { relates in
                relates.field("rel_type", "m.thread")
                relates.field("event_id", root)
                relates.field("is_falling_back", true)
                relates.objectField("m.in_reply_to") { $0.field("event_id", last) }
            }
        }
    }

    private static func writeHTML(_ html: String, to content: inout JSONWriter) {
        content.field("format", "org.matrix.custom.html")
        content.field("formatted_body", html)
    }

    /// The text as HTML, or nil when there is nothing to format: then it goes as it is.
    static func formatted(_ markdown: String) -> String? {
        var html = MarkdownDialect.matrixHTML.render(markdown)
        // One paragraph by itself is none: it stands in its line, as plain text does.
        if html.hasPrefix("<p>"), html.hasSuffix("</p>"), !html.dropFirst(3).dropLast(4).contains("<p>") {
            html = String(html.dropFirst(3).dropLast(4))
        }
        return html == escaped(markdown) ? nil : html
    }

    private static func escaped(_ text: String) -> String {
        guard
            text.utf8.contains(where: { $0 == UInt8(ascii: "&") || $0 == UInt8(ascii: "<") || $0 == UInt8(ascii: ">") })
        else { return text }
        var output: [UInt8] = []
        output.reserveCapacity(text.utf8.count + 64)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "&"): output += "&amp;".utf8
            case UInt8(ascii: "<"): output += "&lt;".utf8
            case UInt8(ascii: ">"): output += "&gt;".utf8
            default: output.append(byte)
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    private static func replacing(_ text: String, _ isUnwanted: (UInt8) -> Bool) -> String {
        var output: [UInt8] = []
        output.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            if isUnwanted(byte) { output += "\u{FFFD}".utf8 } else { output.append(byte) }
        }
        return String(decoding: output, as: UTF8.self)
    }
}
