internal import BridgeCore
internal import JSON

extension TelegramUpdateReader {
    /// Where something with a `chat` happened; nil without one.
    func place(of message: JSONView) -> InboundEvent.Place? {
        let chat = message["chat"]
        guard let id = chat["id"].identifier else { return nil }
        let isGroup =
            switch chat["type"].string {
            case "private": false
            case nil: id.utf8.first == UInt8(ascii: "-")  // groups and channels have negative ids
            default: true
            }
        var place = InboundEvent.Place(conversation: ConversationID(id), isGroup: isGroup)
        // A plain reply in a supergroup has a `message_thread_id` too; only a topic is a thread. General has none.
        if message["is_topic_message"].bool == true {
            place.thread = message["message_thread_id"].identifier.map { ThreadID($0) }
        }
        return place
    }

    /// The author as people see him: the chat in whose name somebody writes, else the user.
    func sender(of message: JSONView) -> InboundEvent.Sender? {
        chat(in: message["sender_chat"]) ?? user(in: message["from"])
    }

    /// A `User`.
    func user(in view: JSONView) -> InboundEvent.Sender? {
        guard let id = view["id"].identifier else { return nil }
        var name = view["first_name"].string
        if let last = view["last_name"].string { name = name.map { "\($0) \(last)" } ?? last }
        return InboundEvent.Sender(id: PlatformUserID(id), name: name ?? view["username"].string)
    }

    /// A `Chat` that acts as a sender.
    func chat(in view: JSONView) -> InboundEvent.Sender? {
        view["id"].identifier.map { InboundEvent.Sender(id: PlatformUserID($0), name: view["title"].string) }
    }

    /// The `message_id`, if there is one.
    func messageID(_ message: JSONView) -> PlatformMessageID? {
        message["message_id"].identifier.map { PlatformMessageID($0) }
    }

    /// Unix seconds; 0 stands for "unknown" in messages that are no longer accessible.
    func time(_ view: JSONView) -> Timestamp? {
        guard let seconds = view.int, seconds > 0 else { return nil }
        return Timestamp(seconds: seconds)
    }

    /// The message to which this one replies; every message of a topic "replies" to the topic's own, which says
    /// nothing.
    func replyTarget(of message: JSONView) -> PlatformMessageID? {
        let original = message["reply_to_message"]
        guard original.exists, !original["forum_topic_created"].exists else { return nil }
        return messageID(original)
    }

    /// Adds what a reader of the log would miss from around the message.
    func addContext(of message: JSONView, isGroup: Bool, to metadata: inout Metadata) {
        if isGroup {
            let chat = message["chat"]
            metadata.add("chat_type", chat["type"].string)
            if metadata["chat_type"] != nil { metadata.add("chat_title", chat["title"].string) }
        }
        metadata.add("media_group_id", message["media_group_id"].identifier)
        metadata.add("quote", message["quote"]["text"].string)
        let origin = message["forward_origin"]
        if origin.exists {
            var writer = JSONWriter()
            writer.value(origin)
            metadata["forward_origin"] = .json(writer.bytes)
        }
    }
}

extension PlatformMessageID {
    private static let inlinePrefix = "inline:"

    /// The name of a message that was sent through inline mode or as a guest: the bot is no member where it stands.
    static func inline(_ id: String) -> PlatformMessageID { PlatformMessageID(inlinePrefix + id) }

    /// The `inline_message_id`, of such a message alone.
    var inlineID: String? {
        rawValue.hasPrefix(Self.inlinePrefix) ? String(rawValue.dropFirst(Self.inlinePrefix.count)) : nil
    }
}
