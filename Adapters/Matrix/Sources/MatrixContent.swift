internal import BridgeCore
internal import JSON

/// What the content of a message holds: its words, its media or a place.
struct MatrixContent {
    var kind = ContentKind.event
    var text: String?
    var attachments: [Attachment] = []
    var metadata: Metadata = [:]
    /// Whether a person says something by it.
    var isAnswerable = false

    /// Reads a content.
    ///
    /// - Parameters:
    ///   - isSticker: true for the event type `m.sticker`, which has no `msgtype`.
    ///   - isReply: whether the body may begin with the words to which it replies.
    init(_ content: JSONView, isSticker: Bool, isReply: Bool) {
        if isSticker {
            kind = .sticker
            text = content["body"].string
            attachments = [Self.attachment(content, .sticker)]
            isAnswerable = true
            return
        }
        let type = content["msgtype"].string
        if type != "m.text" { metadata.add("msgtype", type) }
        switch type {
        case "m.text", "m.emote":
            kind = .text
            text = words(content, isReply: isReply)
            isAnswerable = text?.allSatisfy(\.isWhitespace) == false
        case "m.notice", "m.server_notice":
            // Said by a program; programs that answered each other's notices would never end.
            kind = .text
            text = words(content, isReply: isReply)
        case "m.image": readMedia(content, .image)
        case "m.audio": readMedia(content, .audio)
        case "m.video": readMedia(content, .video)
        case "m.file": readMedia(content, .file)
        case "m.location": readLocation(content)
        default:
            // Requests to verify a device, polls of some clients, and all that later versions add.
            text = content["body"].string
        }
    }

    // MARK: Words

    private func words(_ content: JSONView, isReply: Bool) -> String? {
        guard let body = content["body"].string else { return content["formatted_body"].string }
        return isReply ? MatrixReply.stripped(body) : body
    }

    // MARK: Media

    private mutating func readMedia(_ content: JSONView, _ mediaKind: ContentKind) {
        kind = mediaKind
        attachments = [Self.attachment(content, mediaKind)]
        isAnswerable = true
        // Where both are there and differ, the body is a caption (version 1.10); else it is the file's name.
        if let name = content["filename"].identifier, let body = content["body"].string, body != name, !body.isEmpty {
            text = body
        }
        if content["m.voice"].exists || content["org.matrix.msc3245.voice"].exists { metadata["voice"] = true }
        if content["file"].kind == .object { metadata["encrypted"] = true }
    }

    private static func attachment(_ content: JSONView, _ kind: ContentKind) -> Attachment {
        let info = content["info"]
        return Attachment(
            kind: kind,
            // In encrypted rooms the address is that of the encrypted bytes.
            reference: content["url"].identifier ?? content["file"]["url"].identifier,
            name: content["filename"].identifier ?? content["body"].identifier,
            contentType: info["mimetype"].identifier, size: info["size"].int, width: info["w"].int,
            height: info["h"].int, duration: info["duration"].double.map { $0 / 1000 })
    }

    // MARK: Places

    private mutating func readLocation(_ content: JSONView) {
        kind = .location
        text = content["body"].string
        isAnswerable = true
        let uri =
            content["geo_uri"].string ?? content["m.location"]["uri"].string
            ?? content["org.matrix.msc3488.location"]["uri"].string
        guard let uri else { return }
        metadata["geo_uri"] = .string(uri)
        guard let (latitude, longitude) = Self.coordinates(uri) else { return }
        var writer = JSONWriter()
        writer.object { place in
            place.field("latitude", latitude)
            place.field("longitude", longitude)
        }
        metadata["location"] = .json(writer.bytes)
    }

    /// The degrees in a `geo:` address (RFC 5870), as in `geo:51.5008,0.1247;u=35`.
    private static func coordinates(_ uri: String) -> (latitude: Double, longitude: Double)? {
        guard uri.hasPrefix("geo:") else { return nil }
        let numbers = uri.dropFirst(4).prefix { $0 != ";" && $0 != "?" }.split(separator: ",")
        guard numbers.count >= 2, let latitude = Double(numbers[0]), let longitude = Double(numbers[1]),
            abs(latitude) <= 90, abs(longitude) <= 180
        else { return nil }
        return (latitude, longitude)
    }
}

/// Replies, whose body used to begin with a quotation of the message to which they reply.
enum MatrixReply {
    /// A body without the quotation ("Fallbacks for rich replies", in the specification until version 1.12).
    ///
    /// It is told from a quotation of the user's own by the name that its first line begins with.
    static func stripped(_ body: String) -> String {
        guard body.hasPrefix("> <@") || body.hasPrefix("> * <@") else { return body }
        var rest = body[...]
        while rest.utf8.first == UInt8(ascii: ">") {
            guard let end = rest.utf8.firstIndex(of: UInt8(ascii: "\n")) else { return body }
            rest = rest[rest.utf8.index(after: end)...]
        }
        if rest.utf8.first == UInt8(ascii: "\n") { rest = rest[rest.utf8.index(after: rest.startIndex)...] }
        return String(rest)
    }
}
