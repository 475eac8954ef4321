internal import BridgeCore
internal import JSON

/// The parts of a message object ("Message resource") that become parts of an event.
struct DiscordMessage {
    let object: JSONView

    /// The words: content, else those of a forwarded message, a poll's question; nil where there are none.
    var text: String? {
        if let content = object["content"].string, !content.isEmpty {
            return DiscordText.readable(content, of: object)
        }
        let forwarded = object["message_snapshots"][0]["message"]
        if let content = forwarded["content"].string, !content.isEmpty {
            return DiscordText.readable(content, of: forwarded)
        }
        return object["poll"]["question"]["text"].identifier
    }

    /// The files and stickers, those of a forwarded message included.
    var attachments: [Attachment] {
        var found = object["attachments"].elements.map { Self.attachment($0) }
        for snapshot in object["message_snapshots"].elements {
            found += snapshot["message"]["attachments"].elements.map { Self.attachment($0) }
        }
        found += object["sticker_items"].elements.map { sticker in
            Attachment(kind: .sticker, reference: sticker["id"].identifier, name: sticker["name"].identifier)
        }
        return found
    }

    /// The message to which this one replies; a forwarded one is no reply.
    var replyTo: PlatformMessageID? {
        let reference = object["message_reference"]
        guard (reference["type"].int ?? 0) == 0 else { return nil }
        return reference["message_id"].identifier.map { PlatformMessageID($0) }
    }

    /// When it was sent.
    var sentAt: Timestamp? {
        object["timestamp"].string.flatMap { Timestamp($0) } ?? DiscordSnowflake.timestamp(object["id"].identifier)
    }

    /// Whether a person wrote it: no bot, no webhook.
    var isFromPerson: Bool {
        object["author"]["id"].identifier != nil && object["author"]["bot"].bool != true
            && object["author"]["system"].bool != true && object["webhook_id"].identifier == nil
    }

    /// A file as Discord describes it; its address is signed and expires after about a day.
    static func attachment(_ file: JSONView) -> Attachment {
        let type = file["content_type"].identifier
        return Attachment(
            kind: ContentKind(mediaType: type), reference: file["id"].identifier,
            url: file["url"].identifier ?? file["proxy_url"].identifier, name: file["filename"].identifier,
            contentType: type, size: file["size"].int, width: file["width"].int, height: file["height"].int,
            duration: file["duration_secs"].double)
    }
}
