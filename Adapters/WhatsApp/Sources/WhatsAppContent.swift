internal import BridgeCore
internal import JSON
internal import MetaGraph

/// What a message of the Cloud API holds: its words, its media, or what was chosen in it.
struct WhatsAppContent {
    var kind = ContentKind.event
    var text: String?
    var attachments: [Attachment] = []
    var metadata: Metadata = [:]
    /// Whether a person says something by it.
    var isAnswerable = false

    init(of message: JSONView) {
        let type = message["type"].string ?? Self.types.first { message[$0].exists } ?? ""
        let part = message[type]
        let isRead =
            switch type {
            case "text": readText(part)
            case "image": readMedia(part, .image)
            case "video": readMedia(part, .video)
            case "audio", "voice": readMedia(part, .audio)
            case "document": readMedia(part, .file)
            case "sticker": readMedia(part, .sticker)
            case "location": readLocation(part)
            case "contacts": readContacts(part)
            case "interactive": readChoice(part)
            case "button": readButton(part)
            case "order": readOrder(part)
            default: false
            }
        if isRead {
            isAnswerable = true
        } else {
            // `unsupported` with its errors, `request_welcome`, and what later versions add.
            metadata.add("type", type.isEmpty ? nil : type)
            metadata.add("payload", json: message)
        }
    }

    /// The members that a message without a type may be told by.
    private static let types = [
        "text", "image", "video", "audio", "document", "sticker", "location", "contacts", "interactive", "button",
        "order",
    ]

    private mutating func readText(_ part: JSONView) -> Bool {
        guard let body = part["body"].string else { return false }
        kind = .text
        text = body
        return true
    }

    private mutating func readMedia(_ part: JSONView, _ mediaKind: ContentKind) -> Bool {
        guard part.kind == .object else { return false }
        kind = mediaKind
        text = part["caption"].string
        attachments = [
            Attachment(
                kind: mediaKind, reference: part["id"].identifier, url: part["url"].string,
                name: part["filename"].string, contentType: part["mime_type"].string, size: part["file_size"].int)
        ]
        if part["voice"].bool == true { metadata["voice"] = true }
        return true
    }

    private mutating func readLocation(_ part: JSONView) -> Bool {
        guard part.kind == .object else { return false }
        kind = .location
        metadata.add("location", json: part)
        let lines = [part["name"].identifier, part["address"].identifier].compactMap { $0 }
        text = lines.isEmpty ? nil : lines.joined(separator: "\n")
        return true
    }

    private mutating func readContacts(_ part: JSONView) -> Bool {
        guard part.kind == .array else { return false }
        kind = .contact
        metadata.add("contacts", json: part)
        let lines = part.elements.compactMap { contact in
            let name = contact["name"]["formatted_name"].identifier ?? contact["name"]["first_name"].identifier
            let phones = contact["phones"].elements.compactMap { $0["phone"].identifier ?? $0["wa_id"].identifier }
            let words = ([name].compactMap { $0 } + phones).joined(separator: " ")
            return words.isEmpty ? nil : words
        }
        text = lines.isEmpty ? nil : lines.joined(separator: "\n")
        return true
    }

    /// A button, a list's row, or a form that was sent.
    private mutating func readChoice(_ part: JSONView) -> Bool {
        for name in ["button_reply", "list_reply"] where part[name].kind == .object {
            kind = .button
            text = part[name]["id"].identifier ?? part[name]["title"].string
            metadata.add("title", part[name]["title"].string)
            metadata.add("description", part[name]["description"].string)
            return true
        }
        let form = part["nfm_reply"]
        guard form.kind == .object else { return false }
        kind = .button
        text = form["response_json"].string ?? form["body"].string
        metadata.add("title", form["name"].string)
        return true
    }

    /// The quick reply of a template.
    private mutating func readButton(_ part: JSONView) -> Bool {
        guard let words = part["payload"].string ?? part["text"].string else { return false }
        kind = .button
        text = words
        metadata.add("title", part["text"].string)
        return true
    }

    /// A cart; its words are those of the person, else a line for each thing in it.
    private mutating func readOrder(_ part: JSONView) -> Bool {
        guard part.kind == .object else { return false }
        metadata["type"] = "order"
        metadata.add("payload", json: part)
        let lines = part["product_items"].elements.map { item in
            let name = item["product_retailer_id"].identifier ?? "?"
            let price = item["item_price"].double.map { " (\(amount($0)) \(item["currency"].string ?? ""))" } ?? ""
            return "\(item["quantity"].identifier ?? "1") × \(name)\(price)"
        }
        text = part["text"].identifier ?? (lines.isEmpty ? nil : lines.joined(separator: "\n"))
        return true
    }

    private func amount(_ price: Double) -> String {
        Int64(exactly: price).map { String($0) } ?? String(price)
    }
}
