internal import BridgeCore
internal import JSON

extension ZaloEventReader {
    /// Reads a `message` object.
    ///
    /// - Parameter content: what it is by the end of the event's name, as `text`.
    /// - Returns: whether somebody says something by it.
    func readMessage(_ message: JSONView, content: Substring, into event: inout InboundEvent) -> Bool {
        event.replyTo = message["quote_msg_id"].identifier.map { PlatformMessageID($0) }
        event.text = message["text"].string
        var isAnswerable = event.text?.isEmpty == false
        for attachment in message["attachments"].elements where read(attachment, into: &event) { isAnswerable = true }
        let kind = Self.kind(ofContent: content) ?? event.attachments.first?.kind ?? event.kind
        event.kind = kind == .event && event.text != nil ? .text : kind
        if event.kind == .event || !isAnswerable {
            event.metadata["event"] = .string(name)
            keep(message, as: "payload", in: &event)
        }
        if event.kind != .text, event.text?.isEmpty == true { event.text = nil }
        return isAnswerable
    }

    /// Reads one attachment; false when there is nothing in it that anybody could answer.
    private func read(_ attachment: JSONView, into event: inout InboundEvent) -> Bool {
        let payload = attachment["payload"]
        switch attachment["type"].string {
        case "link":
            // The address is what they said; what Zalo found there stands beside it.
            if event.text?.isEmpty != false { event.text = payload["url"].string }
            if payload["description"].string?.hasPrefix("{") == true {
                // A card's number and code are JSON within a text; its name is the message's text.
                keep(payload, as: "contact", in: &event)
            } else {
                keep(payload, as: "link", in: &event)
            }
            return event.text != nil
        case "location":
            event.kind = .location
            let coordinates = payload["coordinates"]
            var writer = JSONWriter()
            writer.object { json in
                if let latitude = Self.number(coordinates["latitude"]) { json.field("latitude", latitude) }
                if let longitude = Self.number(coordinates["longitude"]) { json.field("longitude", longitude) }
            }
            event.metadata["location"] = .json(writer.bytes)
            return coordinates.exists
        case let type?:
            guard let kind = Self.kind(ofContent: type[...]), payload.kind == .object else {
                keep(attachment, as: "attachment", in: &event)
                return false
            }
            if kind == .contact {
                keep(payload, as: "contact", in: &event)
                return true
            }
            event.attachments.append(
                Attachment(
                    kind: kind, reference: payload["id"].identifier ?? payload["token"].identifier,
                    url: payload["url"].string ?? payload["thumbnail"].string, name: payload["name"].string,
                    size: payload["size"].idString.flatMap { Int64($0) }))
            return true
        default:
            return false
        }
    }

    /// The kind that goes with the end of an event's name, or with an attachment's type.
    private static func kind(ofContent content: Substring) -> ContentKind? {
        switch content {
        case "text", "link": .text
        case "image", "gif": .image
        case "audio", "voice": .audio
        case "video": .video
        case "sticker": .sticker
        case "file": .file
        case "location": .location
        case "business_card", "recommended": .contact
        default: nil
        }
    }

    /// Coordinates are texts.
    private static func number(_ view: JSONView) -> Double? { view.double ?? view.string.flatMap { Double($0) } }
}
