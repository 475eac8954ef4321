internal import BridgeCore
internal import JSON

/// What a `message` of Messenger or Instagram holds: its words and what came with them.
struct MessagingContent {
    var kind = ContentKind.event
    var text: String?
    var attachments: [Attachment] = []
    var metadata: Metadata = [:]
    /// Whether a person says something by it.
    var isAnswerable = false

    private let origin: String

    init(of message: JSONView, origin: String) {
        self.origin = origin
        if let words = message["text"].string {
            text = words
            kind = .text
            isAnswerable = true
        }
        var isFirst = true
        for attachment in message["attachments"].elements {
            add(attachment, decidesKind: isFirst)
            isFirst = false
        }
        if let payload = message["quick_reply"]["payload"].string {
            kind = .button
            metadata.add("title", text)
            text = payload
            isAnswerable = true
        }
        metadata.add("story", json: message["reply_to"]["story"])
        metadata.add("referral", json: message["referral"])
        if message["is_unsupported"].bool == true {
            metadata["unsupported"] = true
            isAnswerable = false
        } else if kind == .event {
            metadata.add("payload", json: message)
        }
    }

    private mutating func add(_ attachment: JSONView, decidesKind: Bool) {
        let type = attachment["type"].string ?? ""
        let payload = attachment["payload"]
        switch type {
        case "image":
            guard let sticker = payload["sticker_id"].identifier else {
                return add(.image, payload, decidesKind: decidesKind)
            }
            add(.sticker, payload, reference: sticker, decidesKind: decidesKind)
            if text == nil, Self.thumbs.contains(sticker) { text = "👍" }
        case "audio", "video", "file":
            add(ContentKind(rawValue: type) ?? .file, payload, decidesKind: decidesKind)
        case "ig_reel", "reel":
            add(.video, payload, reference: payload["reel_video_id"].identifier, decidesKind: decidesKind)
        case "like_heart":
            if decidesKind { kind = .sticker }
            if text == nil { text = "❤️" }
            isAnswerable = true
        case "location":
            if decidesKind { kind = .location }
            metadata.add("location", json: payload["coordinates"].exists ? payload["coordinates"] : payload)
            isAnswerable = true
        case "fallback":
            // A link with its preview; the words of the message usually hold the link itself.
            let url = payload["url"].string ?? attachment["url"].string
            metadata.add("link", url)
            metadata.add("link_title", payload["title"].string ?? attachment["title"].string)
            guard text == nil, let url else { return }
            text = url
            if decidesKind { kind = .text }
            isAnswerable = true
        case "template":
            metadata.add("template", json: payload)
            if text == nil { text = payload["text"].string ?? payload["elements"][0]["title"].string }
        default:
            // Shared posts and stories, mentions in stories, and what comes with later versions.
            metadata.add("attachment_type", type.isEmpty ? nil : type)
            if payload["url"].string != nil { add(.file, payload, decidesKind: decidesKind) }
        }
    }

    /// The small, the middle and the large thumb: the sign at the right of Messenger's input field.
    private static let thumbs: Set<String> = ["369239263222822", "369239343222814", "369239383222810"]

    private mutating func add(
        _ attachmentKind: ContentKind, _ payload: JSONView, reference: String? = nil, decidesKind: Bool
    ) {
        if decidesKind { kind = attachmentKind }
        attachments.append(
            Attachment(
                kind: attachmentKind, reference: reference ?? payload["attachment_id"].identifier,
                url: payload["url"].string.map { $0.hasPrefix("/") ? origin + $0 : $0 }, name: payload["title"].string))
        isAnswerable = true
    }
}
