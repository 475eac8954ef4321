internal import BridgeCore
internal import JSON

/// Makes an event of a callback.
struct ViberEventReader {
    /// The callback.
    let root: JSONView
    /// Its `event`.
    let name: String
    /// Its `message_token`: of the message that came, or of the message of ours that it is about.
    let token: String?

    func event(id: String) -> InboundEvent {
        // Messages name a sender, openings and subscriptions a user, everything else a user's id alone.
        let person = root["sender"].kind == .object ? root["sender"] : root["user"]
        let user = person["id"].identifier ?? root["user_id"].identifier
        var event = InboundEvent(
            id: EventID(id), kind: .event, disposition: .record,
            place: .init(conversation: ConversationID(user ?? name)),
            sender: user.map {
                .init(id: PlatformUserID($0), name: person["name"].string, locale: person["language"].identifier)
            }, sentAt: Timestamp(milliseconds: root["timestamp"]))
        event.metadata.add("country", person["country"].identifier)
        switch name {
        case "message":
            event.messageID = token.map { PlatformMessageID($0) }
            readMessage(root["message"], into: &event, isAnswerable: user != nil)
        case "subscribed":
            event.kind = .joined
        case "unsubscribed":
            event.kind = .left
        case "delivered":
            readReceipt(.delivered, into: &event)
        case "seen":
            readReceipt(.read, into: &event)
        case "failed":
            readReceipt(.failed, into: &event)
        default:
            keepPayload(in: &event)
        }
        return event
    }

    private func readReceipt(_ status: InboundEvent.Receipt.Status, into event: inout InboundEvent) {
        event.kind = .status
        let message = token.map { PlatformMessageID($0) }
        event.target = message
        event.receipt = .init(status, of: message.map { [$0] } ?? [], reason: root["desc"].string)
    }

    // MARK: Messages

    private func readMessage(_ message: JSONView, into event: inout InboundEvent, isAnswerable: Bool) {
        event.text = message["text"].string
        var isAnswerable = isAnswerable
        switch message["type"].string {
        case "text":
            event.kind = .text
            isAnswerable = isAnswerable && event.text != nil
        case "url":
            // A link that the user shared: its address is what they said.
            event.kind = .text
            event.text = event.text ?? message["media"].string
            isAnswerable = isAnswerable && event.text != nil
        case "picture":
            event.kind = .image
            event.attachments = [attachment(message, .image)]
        case "video":
            event.kind = .video
            event.attachments = [attachment(message, .video)]
        case "file":
            event.kind = .file
            event.attachments = [attachment(message, .file)]
        case "sticker":
            event.kind = .sticker
            event.attachments = [attachment(message, .sticker)]
        case "contact":
            event.kind = .contact
            keep(message["contact"], as: "contact", in: &event)
        case "location":
            event.kind = .location
            event.text = event.text ?? message["location"]["address"].string
            keep(message["location"], as: "location", in: &event)
        default:
            isAnswerable = false
            keepPayload(in: &event)
        }
        event.metadata.add("tracking_data", message["tracking_data"].string)
        if root["silent"].bool == true { event.metadata["silent"] = true }
        if isAnswerable { event.disposition = .answer }
    }

    private func attachment(_ message: JSONView, _ kind: ContentKind) -> Attachment {
        Attachment(
            kind: kind, reference: message["sticker_id"].identifier, url: message["media"].string,
            name: message["file_name"].string,
            size: message["size"].int ?? message["file_size"].int ?? message["size"].string.flatMap { Int64($0) },
            duration: message["duration"].double)
    }

    // MARK: Records

    private func keepPayload(in event: inout InboundEvent) {
        event.metadata["event"] = .string(name)
        keep(root, as: "payload", in: &event)
    }

    private func keep(_ value: JSONView, as name: String, in event: inout InboundEvent) {
        guard value.exists, !value.isNull else { return }
        var writer = JSONWriter()
        writer.value(value)
        event.metadata[name] = .json(writer.bytes)
    }
}

extension Timestamp {
    /// Milliseconds since 1970, as Viber writes times; nil for anything else.
    init?(milliseconds view: JSONView) {
        guard let milliseconds = view.int, milliseconds > 0 else { return nil }
        let (microseconds, overflow) = milliseconds.multipliedReportingOverflow(by: 1000)
        guard !overflow else { return nil }
        self.init(microseconds: microseconds)
    }
}
