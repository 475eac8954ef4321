internal import BridgeCore
internal import JSON

/// Reads the content of a message, which is JSON within a string and differs with the message's type
/// (<https://open.feishu.cn/document/server-docs/im-v1/message-content-description/message_content>).
struct FeishuContent {
    /// What the message is.
    var kind: ContentKind
    /// Its words.
    var text: String?
    /// What came with it.
    var attachments: [Attachment] = []
    /// What else is worth keeping.
    var metadata = Metadata()

    /// Reads a message's content.
    ///
    /// - Parameters:
    ///   - type: `message_type` or `msg_type`.
    ///   - content: the string.
    ///   - mentions: who is meant by `@_user_1` in the text.
    ///   - message: the message's id, without which no file can be fetched.
    init(type: String, content: String?, mentions: [FeishuMention], message: String?) {
        let json = content.flatMap { try? JSONView(parsing: $0) } ?? .missing
        func file(_ kind: ContentKind, _ key: String = "file_key") -> Attachment {
            Attachment(
                kind: kind, reference: json[key].identifier.map { "\(message ?? "")/\($0)" },
                name: json["file_name"].identifier, size: json["file_size"].int ?? json["file_size"].idNumber,
                duration: json["duration"].double.map { $0 / 1000 })
        }
        switch type {
        case "text":
            kind = .text
            // What is no JSON is text all the same.
            text = (json["text"].string ?? (json.exists ? nil : content)).map {
                FeishuMention.written(out: $0, mentions)
            }
        case "post":
            var post = FeishuPost(mentions: mentions, message: message)
            post.read(json)
            text = post.text
            attachments = post.attachments
            kind = attachments.first?.kind ?? .text
        case "image":
            (kind, attachments) = (.image, [file(.image, "image_key")])
        case "audio":
            (kind, attachments) = (.audio, [file(.audio)])
        case "media", "video":
            (kind, attachments) = (.video, [file(.video)])
        case "file", "folder":
            (kind, attachments) = (.file, [file(.file)])
        case "sticker":
            (kind, attachments) = (.sticker, [file(.sticker)])
        case "location":
            kind = .location
            text = json["name"].identifier
            for name in ["latitude", "longitude"] {
                metadata.add(name, json[name].identifier ?? json[name].double?.description)
            }
        case "share_user":
            kind = .contact
            text = json["user_id"].identifier
        default:
            // Cards, forwarded messages, votes, to-dos and what comes next year: kept as they are.
            kind = .event
            text = json["title"].identifier ?? json["text"].identifier ?? json["topic"].identifier
            if json.exists {
                // As it was read: the text may hold what only our reader takes, such as half a surrogate pair.
                var writer = JSONWriter()
                writer.value(json)
                metadata["content"] = .json(writer.bytes)
            }
        }
    }
}

extension JSONView {
    /// A number written as text.
    fileprivate var idNumber: Int64? { string.flatMap { Int64($0) } }
}
