internal import BridgeCore
internal import JSON

extension LineEventReader {
    /// Reads a `message` object; one of an unknown type leaves the event's kind as it is.
    func readMessage(_ message: JSONView, into event: inout InboundEvent, mayAnswer: Bool) {
        event.messageID = message["id"].identifier.map { PlatformMessageID($0) }
        event.replyTo = message["quotedMessageId"].identifier.map { PlatformMessageID($0) }
        var isAnswerable = true
        switch message["type"].string {
        case "text":
            event.kind = .text
            event.text = message["text"].string
            keep(message["emojis"], as: "emojis", in: &event)
            keep(message["mention"], as: "mention", in: &event)
            isAnswerable = event.text != nil && !(event.place.isGroup && isToOthers(message["mention"]))
        case "image":
            event.kind = .image
            event.attachments = [attachment(message, .image)]
            keep(message["imageSet"], as: "image_set", in: &event)
        case "video":
            event.kind = .video
            event.attachments = [attachment(message, .video)]
        case "audio":
            event.kind = .audio
            event.attachments = [attachment(message, .audio)]
        case "file":
            event.kind = .file
            event.attachments = [attachment(message, .file)]
        case "sticker":
            readSticker(message, into: &event)
        case "location":
            event.kind = .location
            let lines = [message["title"].string, message["address"].string].compactMap { $0 }
            event.text = lines.isEmpty ? nil : lines.joined(separator: "\n")
            var writer = JSONWriter()
            writer.object { json in
                if let latitude = message["latitude"].double { json.field("latitude", latitude) }
                if let longitude = message["longitude"].double { json.field("longitude", longitude) }
            }
            event.metadata["location"] = .json(writer.bytes)
        default:
            isAnswerable = false
        }
        if mayAnswer, isAnswerable {
            event.disposition = .answer
            event.replyContext[ReplyContextKey.quoteToken] = message["quoteToken"].identifier
        }
    }

    /// True when a message names people and the bot is not among them: it is meant for those.
    private func isToOthers(_ mention: JSONView) -> Bool {
        let people = mention["mentionees"]
        guard people.count > 0 else { return false }
        return !people.elements.contains { $0["isSelf"].bool == true || $0["type"].string == "all" }
    }

    /// A file that LINE keeps under the message's id, or somebody else at an address of theirs.
    private func attachment(_ message: JSONView, _ kind: ContentKind) -> Attachment {
        let provider = message["contentProvider"]
        let url = provider["type"].string == "line" ? nil : provider["originalContentUrl"].string
        return Attachment(
            kind: kind, reference: url == nil ? message["id"].identifier : nil, url: url,
            name: message["fileName"].string, size: message["fileSize"].int,
            duration: message["duration"].double.map { $0 / 1000 })
    }

    /// A sticker: its words where it shows some of the sender's, and what LINE's own keywords say that it means.
    private func readSticker(_ message: JSONView, into event: inout InboundEvent) {
        event.kind = .sticker
        let keywords = message["keywords"].elements.compactMap(\.string)
        event.text = message["text"].string
        if !keywords.isEmpty { keep(message["keywords"], as: "keywords", in: &event) }
        event.metadata.add("sticker_package", message["packageId"].identifier)
        event.metadata.add("sticker_type", message["stickerResourceType"].string)
        event.attachments = [
            Attachment(
                kind: .sticker, reference: message["stickerId"].identifier,
                name: keywords.isEmpty ? nil : keywords.prefix(5).joined(separator: ", "))
        ]
    }
}
