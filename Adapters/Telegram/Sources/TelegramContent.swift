internal import BridgeCore
internal import JSON

/// What a `Message` holds: its words, its media, or the service that it announces.
struct TelegramContent {
    var kind = ContentKind.event
    var text: String?
    var attachments: [Attachment] = []
    var target: PlatformMessageID?
    var metadata: Metadata = [:]
    /// Whether a person says something by it: announcements and what holds nothing to read are only recorded.
    var isAnswerable = false

    init(of message: JSONView) {
        if let text = message["text"].string {
            readText(text, of: message)
        } else if !readMedia(message), !readPlaceOrPerson(message) {
            readService(message)
        }
    }

    // MARK: Words

    private mutating func readText(_ words: String, of message: JSONView) {
        text = words
        isAnswerable = true
        kind = .text
        if let command = TelegramCommand(words) {
            kind = .command
            metadata["command"] = .string(command.name)
            metadata.add("command_bot", command.bot)
        }
        keepEntities(message["entities"])
    }

    /// Keeps the entities when one says more than the text does: a link behind words, a person without a name, an
    /// emoji.
    private mutating func keepEntities(_ entities: JSONView) {
        let isTelling = entities.elements.contains { entity in
            switch entity["type"].string {
            case "text_link", "text_mention", "custom_emoji": true
            default: false
            }
        }
        guard isTelling else { return }
        var writer = JSONWriter()
        writer.value(entities)
        metadata["entities"] = .json(writer.bytes)
    }

    // MARK: Media

    /// The fields that hold a file; an animation comes with a `document` twin, so it stands before it.
    private static let files: [(field: String, kind: ContentKind)] = [
        ("animation", .video), ("video", .video), ("video_note", .video), ("voice", .audio), ("audio", .audio),
        ("document", .file), ("sticker", .sticker),
    ]

    private mutating func readMedia(_ message: JSONView) -> Bool {
        // The sizes of a photo ascend.
        if let photo = message["photo"].elements.reduce(nil, { (_: JSONView?, size) in size }), photo.kind == .object {
            kind = .image
            attachments = [attachment(photo, .image)]
        } else if let (field, fileKind) = Self.files.first(where: { message[$0.field].kind == .object }) {
            let file = message[field]
            kind = fileKind
            attachments = [attachment(file, fileKind)]
            if field != fileKind.rawValue { metadata["content"] = .string(field) }
            if fileKind == .sticker {
                text = file["emoji"].string
                metadata.add("sticker_set", file["set_name"].string)
            }
        } else {
            return false
        }
        if let caption = message["caption"].string {
            text = caption
            keepEntities(message["caption_entities"])
        }
        isAnswerable = true
        return true
    }

    private func attachment(_ file: JSONView, _ kind: ContentKind) -> Attachment {
        // A video note is a square, of which only `length` is told.
        let side = file["length"].int
        return Attachment(
            kind: kind, reference: file["file_id"].string, name: file["file_name"].string ?? file["title"].string,
            contentType: file["mime_type"].string ?? contentType(ofSticker: file, kind), size: file["file_size"].int,
            width: file["width"].int ?? side, height: file["height"].int ?? side, duration: file["duration"].double)
    }

    /// Stickers do not tell their media type: they are WebP, TGS or WebM.
    private func contentType(ofSticker file: JSONView, _ kind: ContentKind) -> String? {
        guard kind == .sticker else { return nil }
        if file["is_video"].bool == true { return "video/webm" }
        return file["is_animated"].bool == true ? "application/x-tgsticker" : "image/webp"
    }

    // MARK: Places, people, dice, forms

    private mutating func readPlaceOrPerson(_ message: JSONView) -> Bool {
        if message["location"].kind == .object {
            kind = .location
            keep(message["location"], as: "location")
            let venue = message["venue"]
            if venue.kind == .object {
                let lines = [venue["title"].string, venue["address"].string].compactMap { $0 }
                text = lines.isEmpty ? nil : lines.joined(separator: "\n")
            }
        } else if message["contact"].kind == .object {
            kind = .contact
            keep(message["contact"], as: "contact")
        } else if let emoji = message["dice"]["emoji"].string {
            kind = .sticker
            text = emoji
            if let value = message["dice"]["value"].int { metadata["dice"] = .integer(value) }
        } else if let data = message["web_app_data"]["data"].string {
            kind = .button
            text = data
            metadata.add("button_text", message["web_app_data"]["button_text"].string)
        } else {
            return false
        }
        isAnswerable = true
        return true
    }

    private mutating func keep(_ value: JSONView, as name: String) {
        var writer = JSONWriter()
        writer.value(value)
        metadata[name] = .json(writer.bytes)
    }

    // MARK: Announcements

    private mutating func readService(_ message: JSONView) {
        if message["new_chat_members"].kind == .array {
            kind = .joined
        } else if message["left_chat_member"].kind == .object {
            kind = .left
        } else if let (name, value) = message.members.first(where: { !Self.envelope.contains($0.key) }) {
            // Pinned messages, topics, titles, polls, stories, payments and all that later versions of the API add.
            metadata["content"] = .string(name)
            text = value.string ?? value["question"].string
            target = value["message_id"].identifier.map { PlatformMessageID($0) }
            if value.kind == .object, target == nil { keep(value, as: "payload") }
        }
    }

    /// The fields of a `Message` that say where it comes from and how it looks, not what it holds.
    private static let envelope: Set<String> = [
        "author_signature", "business_connection_id", "caption", "caption_entities", "chat", "date",
        "direct_messages_topic", "edit_date", "effect_id", "entities", "external_reply", "forward_date", "forward_from",
        "forward_from_chat", "forward_from_message_id", "forward_origin", "forward_sender_name", "forward_signature",
        "from", "guest_query_id", "has_media_spoiler", "has_protected_content", "is_automatic_forward",
        "is_from_offline", "is_paid_post", "is_topic_message", "link_preview_options", "media_group_id", "message_id",
        "message_thread_id", "paid_star_count", "quote", "reply_markup", "reply_to_checklist_task_id",
        "reply_to_message", "reply_to_story", "sender_boost_count", "sender_business_bot", "sender_chat",
        "show_caption_above_media", "suggested_post_info", "user_shared", "via_bot",
    ]
}

/// A command at the start of a text: `/name`, perhaps `@bot`, then the end or white space.
struct TelegramCommand {
    /// The name without its slash.
    let name: String
    /// The bot that it is addressed to, where the text says so.
    let bot: String?

    init?(_ text: String) {
        var rest = text.utf8[...]
        guard rest.popFirst() == UInt8(ascii: "/") else { return nil }
        func isWord(_ byte: UInt8) -> Bool {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"): true
            default: false
            }
        }
        // "The command must be at most 32 characters" (Bots: Features, Commands).
        let name = rest.prefix(while: isWord)
        rest = rest.dropFirst(name.count)
        guard (1...32).contains(name.count) else { return nil }
        var bot: Substring.UTF8View?
        if rest.first == UInt8(ascii: "@") {
            let word = rest.dropFirst().prefix(while: isWord)
            rest = rest.dropFirst(1 + word.count)
            bot = word
        }
        // Anything else behind it is a path or a fraction, as in "/usr/bin".
        guard rest.isEmpty || rest.first == 0x20 || rest.first == 0x0A || rest.first == 0x09 else { return nil }
        self.name = String(Substring(name))
        self.bot = bot.map { String(Substring($0)) }
    }
}
