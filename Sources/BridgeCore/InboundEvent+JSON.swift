public import JSON

/// An event between two bridges: everything that an answer needs, and nothing that was done when it was taken.
///
/// ``InboundEvent/followUps`` and ``InboundEvent/receipt`` stay behind: whoever took the event has seen to them.
extension InboundEvent {
    /// Writes the event as one object; what is not known is left out.
    public func write(to writer: inout JSONWriter) {
        writer.object { object in
            object.field("id", self.id.rawValue)
            object.field("kind", self.kind.rawValue)
            if self.disposition == .record { object.field("recorded", true) }
            object.field("account", self.place.account.rawValue)
            object.field("conversation", self.place.conversation.rawValue)
            object.field("thread", self.place.thread?.rawValue)
            if self.place.isGroup { object.field("group", true) }
            if let sender = self.sender {
                object.field("sender", sender.id.rawValue)
                object.field("name", sender.name)
                object.field("locale", sender.locale)
            }
            object.field("message", self.messageID?.rawValue)
            object.field("target", self.target?.rawValue)
            object.field("reply_to", self.replyTo?.rawValue)
            object.field("text", self.text)
            if !self.attachments.isEmpty {
                object.arrayField("attachments") { list in
                    for attachment in self.attachments { attachment.write(to: &list) }
                }
            }
            object.field("sent_at", self.sentAt?.description)
            if !self.replyContext.isEmpty {
                object.objectField("context") { context in
                    for (name, value) in self.replyContext {
                        context.key(name)
                        context.value(value)
                    }
                }
            }
            if !self.metadata.isEmpty { object.objectField("metadata") { self.metadata.writeFields(to: &$0) } }
        }
    }

    /// Reads what ``write(to:)`` has written; nil for anything else.
    public init?(_ json: JSONView) {
        guard let id = json["id"].string, let kind = json["kind"].string.flatMap(ContentKind.init(rawValue:)),
            let conversation = json["conversation"].string
        else {
            return nil
        }
        var context: [String: String] = [:]
        for (name, value) in json["context"].members { context[name] = value.string }
        self.init(
            id: EventID(id), kind: kind, disposition: json["recorded"].bool == true ? .record : .answer,
            place: Place(
                account: AccountName(json["account"].string ?? AccountName.default.rawValue),
                conversation: ConversationID(conversation), thread: json["thread"].string.map { ThreadID($0) },
                isGroup: json["group"].bool == true),
            sender: json["sender"].string.map {
                Sender(id: PlatformUserID($0), name: json["name"].string, locale: json["locale"].string)
            },
            messageID: json["message"].string.map { PlatformMessageID($0) },
            target: json["target"].string.map { PlatformMessageID($0) },
            replyTo: json["reply_to"].string.map { PlatformMessageID($0) }, text: json["text"].string,
            attachments: json["attachments"].elements.compactMap { Attachment(written: $0) },
            sentAt: json["sent_at"].string.flatMap { Timestamp($0) }, replyContext: context,
            metadata: Metadata(json["metadata"]))
    }
}

extension Attachment {
    /// Reads what ``write(to:)`` has written, also where it tells of a kind alone.
    fileprivate init?(written json: JSONView) {
        guard let kind = json["kind"].string.flatMap(ContentKind.init(rawValue:)) else { return nil }
        self.init(
            kind: kind, reference: json["reference"].string, url: json["url"].string, name: json["name"].string,
            contentType: json["content_type"].string, size: json["size"].int, width: json["width"].int,
            height: json["height"].int, duration: json["duration"].double)
    }
}

extension Metadata {
    /// The members of an object, each as it is written there.
    public init(_ json: JSONView) {
        self.init()
        for (name, value) in json.members {
            self[name] =
                if let text = value.string {
                    .string(text)
                } else if let flag = value.bool {
                    .boolean(flag)
                } else if let number = value.int {
                    .integer(number)
                } else if let number = value.double {
                    .number(number)
                } else {
                    .json(value.encoded)
                }
        }
    }
}

extension JSONView {
    /// The value as JSON text.
    fileprivate var encoded: [UInt8] {
        var writer = JSONWriter()
        writer.value(self)
        return writer.bytes
    }
}
