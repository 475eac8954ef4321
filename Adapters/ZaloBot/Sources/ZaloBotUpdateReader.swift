internal import BridgeCore
internal import JSON

/// Makes an event of the update that a webhook or `getUpdates` brings.
struct ZaloBotUpdateReader: Sendable {
    /// The bot's own id.
    let botID: String

    /// The event of an update, by itself or in an answer's `result`; nil when this is none.
    func event(of body: JSONView, fallbackID: () -> String) -> InboundEvent? {
        let update = body["event_name"].exists ? body : body["result"]
        guard let name = update["event_name"].string, !name.isEmpty else { return nil }
        let message = update["message"]
        let chat = message["chat"]
        let from = message["from"]
        let author = from["id"].identifier
        let conversation = chat["id"].identifier ?? author
        let id = message["message_id"].identifier
        var event = InboundEvent(
            id: EventID("\(name):\(id ?? fallbackID())"), kind: .event, disposition: .record,
            place: .init(
                conversation: ConversationID(conversation ?? name), isGroup: chat["chat_type"].string == "GROUP"),
            sender: author.map {
                .init(id: PlatformUserID($0), name: from["display_name"].string ?? from["name"].string)
            }, messageID: id.map { PlatformMessageID($0) }, sentAt: Self.time(message["date"]))
        let isAnswerable = read(message, name: name, into: &event)
        if event.kind == .event {
            event.metadata["event"] = .string(name)
            keep(update, as: "payload", in: &event)
        }
        let isBot = from["is_bot"].bool == true || author == botID
        if isAnswerable, !isBot, conversation != nil { event.disposition = .answer }
        return event
    }

    /// Reads what a message holds, by the event's name where that is known, else by what is there.
    ///
    /// - Returns: whether somebody says something by it.
    private func read(_ message: JSONView, name: String, into event: inout InboundEvent) -> Bool {
        event.text = message["text"].string ?? message["caption"].string
        let picture = message["photo_url"].string ?? message["photo"].string
        let voice = message["voice_url"].string ?? message["voice"].string
        switch name {
        case "message.text.received":
            event.kind = .text
            return event.text != nil
        case "message.image.received":
            attach(.image, url: picture ?? message["url"].string, to: &event)
        case "message.voice.received":
            attach(.audio, url: voice ?? message["url"].string, to: &event)
        case "message.sticker.received":
            let sticker = message["sticker"]
            attach(
                .sticker, reference: sticker.identifier ?? sticker["id"].identifier,
                url: message["url"].string ?? sticker["url"].string, to: &event)
        case "message.unsupported.received":
            // Zalo keeps the content back: there is nothing to answer.
            return false
        default:
            if let picture {
                attach(.image, url: picture, to: &event)
            } else if let voice {
                attach(.audio, url: voice, to: &event)
            } else if event.text != nil {
                event.kind = .text
            } else {
                return false
            }
        }
        return true
    }

    private func attach(
        _ kind: ContentKind, reference: String? = nil, url: String?, to event: inout InboundEvent
    ) {
        event.kind = kind
        event.attachments = [Attachment(kind: kind, reference: reference, url: url)]
    }

    /// Milliseconds, though some of the platform's clients take them for seconds: a number too small for the one is the other.
    static func time(_ view: JSONView) -> Timestamp? {
        guard let number = view.idString.flatMap({ Int64($0) }), number > 0 else { return nil }
        if number < 100_000_000_000 { return Timestamp(seconds: number) }
        let (microseconds, overflow) = number.multipliedReportingOverflow(by: 1000)
        return overflow ? nil : Timestamp(microseconds: microseconds)
    }

    private func keep(_ value: JSONView, as name: String, in event: inout InboundEvent) {
        var writer = JSONWriter()
        writer.value(value)
        event.metadata[name] = .json(writer.bytes)
    }
}
