internal import BridgeCore
internal import JSON

/// Makes events of Feishu's callbacks: version 2 with a header, version 1, and both kinds of cards.
struct FeishuEventReader {
    let root: JSONView
    /// The event itself; of a card of the older kind the whole body.
    let event: JSONView
    /// What Feishu calls it, as `im.message.receive_v1`.
    let type: String
    /// Names the event where Feishu does not.
    let fallbackID: () -> String

    /// Finds the event in a body; nil when there is none.
    init?(root: JSONView, fallbackID: @escaping () -> String) {
        self.root = root
        self.fallbackID = fallbackID
        if let type = root["header"]["event_type"].identifier {
            self.type = type
            event = root["event"]
        } else if root["event"].kind == .object {
            type = root["event"]["type"].identifier ?? root["type"].identifier ?? "unknown"
            event = root["event"]
        } else if root["action"].kind == .object, root["open_message_id"].exists || root["open_id"].exists {
            type = "card"
            event = root
        } else {
            return nil
        }
    }

    /// The events, in order.
    func events() -> [InboundEvent] {
        switch Self.withoutVersion(type) {
        case "im.message.receive": [message()]
        case "im.message.updated": [edit()]
        case "im.message.recalled": [deletion()]
        case "im.message.reaction.created": [reaction(isRemoval: false)]
        case "im.message.reaction.deleted": [reaction(isRemoval: true)]
        case "im.message.message_read": [reading(event["message_id_list"], by: event["reader"]["reader_id"])]
        case "im.chat.member.bot.added", "add_bot": [botMembership(.joined)]
        case "im.chat.member.bot.deleted", "remove_bot": [botMembership(.left)]
        case "im.chat.member.user.added", "add_user_to_chat": memberships(.joined)
        case "im.chat.member.user.deleted", "im.chat.member.user.withdrawn", "remove_user_from_chat",
            "revoke_add_user_from_chat":
            memberships(.left)
        case "card.action.trigger", "card": [press()]
        case "application.bot.menu": [menu()]
        case "message": [oldMessage()]
        case "message_read": [reading(event["open_message_ids"], by: event)]
        default: [other()]
        }
    }

    /// The name without its version, `_v1`, which tells nothing that we need.
    static func withoutVersion(_ type: String) -> String {
        let bytes = type.utf8
        guard let mark = bytes.lastIndex(of: UInt8(ascii: "_")) else { return type }
        let version = bytes[mark...].dropFirst()
        guard version.first == UInt8(ascii: "v"), version.count > 1,
            version.dropFirst().allSatisfy({ (0x30...0x39).contains($0) })
        else { return type }
        return String(type[..<mark])
    }

    // MARK: Messages

    private func message() -> InboundEvent {
        let message = event["message"]
        var result = base(.text, in: message["chat_id"].identifier, isGroup: message["chat_type"].string != "p2p")
        let mentions = fill(&result, from: message)
        result.sender = sender(event["sender"]["sender_id"])
        let id = message["message_id"].identifier
        result.messageID = id.map { PlatformMessageID($0) }
        result.replyTo = message["parent_id"].identifier.map { PlatformMessageID($0) }
        result.sentAt = Self.time(message["create_time"]) ?? result.sentAt
        // The root of a topic or of a chain of replies names it; a topic's first message is its own root.
        let isTopic = message["thread_id"].identifier != nil
        result.place.thread = (message["root_id"].identifier ?? (isTopic ? id : nil)).map { ThreadID($0) }
        if isTopic { result.replyContext[FeishuAdapter.topicKey] = "true" }
        // Who is not known to be a person may be the bot: without further rights Feishu sends only what mentions it.
        let isCalled = mentions.contains { $0.isBot ?? ($0.key != "@_all") }
        answer(
            &result,
            if: (!result.place.isGroup || isCalled) && event["sender"]["sender_type"].string != "app"
                && message["chat_id"].identifier != nil)
        return result
    }

    /// A message as version 1 tells it.
    private func oldMessage() -> InboundEvent {
        let isGroup = event["chat_type"].string != "private"
        var result = base(.text, in: event["open_chat_id"].identifier, isGroup: isGroup)
        let id = event["open_message_id"].identifier
        result.sender = sender(event)
        result.messageID = id.map { PlatformMessageID($0) }
        result.replyTo = event["parent_id"].identifier.map { PlatformMessageID($0) }
        result.place.thread = event["root_id"].identifier.map { ThreadID($0) }
        let text = event["text_without_at_bot"].string ?? event["text"].string ?? event["title"].string
        var keys: [(ContentKind, String)] = [(.image, "image_key"), (.file, "file_key")].filter {
            event[$0.1].identifier != nil
        }
        if event["msg_type"].string == "audio", let index = keys.firstIndex(where: { $0.1 == "file_key" }) {
            keys[index].0 = .audio
        }
        result.attachments = keys.map { kind, name in
            Attachment(kind: kind, reference: "\(id ?? "")/\(event[name].identifier ?? "")")
        }
        result.attachments += event["image_keys"].elements.compactMap(\.identifier).map {
            Attachment(kind: .image, reference: "\(id ?? "")/\($0)")
        }
        result.kind = result.attachments.first?.kind ?? .text
        result.text = text
        answer(
            &result, if: (!isGroup || event["is_mention"].bool == true) && event["open_chat_id"].identifier != nil)
        return result
    }

    private func edit() -> InboundEvent {
        let message = event["message"].exists ? event["message"] : event
        var result = base(.edited, in: message["chat_id"].identifier, isGroup: message["chat_type"].string != "p2p")
        _ = fill(&result, from: message)
        result.kind = .edited
        result.sender = sender(event["sender"]["sender_id"])
        result.target = message["message_id"].identifier.map { PlatformMessageID($0) }
        return result
    }

    private func deletion() -> InboundEvent {
        var result = base(.deleted, in: event["chat_id"].identifier)
        result.target = event["message_id"].identifier.map { PlatformMessageID($0) }
        result.metadata.add("by", event["recall_type"].identifier)
        return result
    }

    /// Puts kind, words and attachments of a message into an event; returns who is mentioned.
    private func fill(_ result: inout InboundEvent, from message: JSONView) -> [FeishuMention] {
        let mentions = message["mentions"].elements.compactMap { FeishuMention($0) }
        let type = message["message_type"].identifier ?? message["msg_type"].identifier ?? "text"
        let content = FeishuContent(
            type: type, content: message["content"].string ?? message["body"]["content"].string, mentions: mentions,
            message: message["message_id"].identifier)
        result.kind = content.kind
        result.text = content.text
        result.attachments = content.attachments
        for field in content.metadata.fields { result.metadata[field.name] = field.value }
        if content.kind == .event { result.metadata["event"] = .string(type) }
        return mentions
    }

    /// Has a message answered that says something, under the message's name too: Feishu is known to send events twice.
    private func answer(_ result: inout InboundEvent, if isAddressed: Bool) {
        let saysSomething = result.text?.isEmpty == false || !result.attachments.isEmpty
        guard isAddressed, saysSomething, result.sender != nil, result.kind != .event else { return }
        result.disposition = .answer
        if let id = result.messageID { result.aliases.append(EventID("message:\(id)")) }
    }

    // MARK: Other events

    /// An emoji at a message; Feishu does not say in which chat that stands.
    private func reaction(isRemoval: Bool) -> InboundEvent {
        var result = base(.reaction, in: event["chat_id"].identifier)
        result.sender = sender(event["user_id"])
        if result.sender == nil, let app = event["app_id"].identifier {
            result.sender = InboundEvent.Sender(id: PlatformUserID(app))
        }
        result.target = event["message_id"].identifier.map { PlatformMessageID($0) }
        result.sentAt = Self.time(event["action_time"]) ?? result.sentAt
        let name = event["reaction_type"]["emoji_type"].identifier
        if isRemoval { result.metadata.add("removed", name) } else { result.text = name }
        return result
    }

    /// Our messages were read.
    private func reading(_ list: JSONView, by reader: JSONView) -> InboundEvent {
        let chat = event["open_chat_id"].identifier ?? event["chat_id"].identifier
        var result = base(.status, in: chat, isGroup: false)
        result.sender = sender(reader)
        let messages = list.elements.compactMap(\.identifier).map { PlatformMessageID($0) }
        result.receipt = InboundEvent.Receipt(.read, of: messages)
        result.target = messages.first
        return result
    }

    private func botMembership(_ kind: ContentKind) -> InboundEvent {
        var result = base(kind, in: event["chat_id"].identifier ?? event["open_chat_id"].identifier)
        let app = root["header"]["app_id"].identifier ?? event["app_id"].identifier
        result.sender = app.map { InboundEvent.Sender(id: PlatformUserID($0)) }
        result.metadata.add("by", sender(event["operator_id"])?.id.rawValue)
        return result
    }

    private func memberships(_ kind: ContentKind) -> [InboundEvent] {
        let people = event["users"].elements.compactMap { user -> InboundEvent.Sender? in
            let id = user["user_id"].kind == .object ? user["user_id"] : user
            guard var person = sender(id) else { return nil }
            person.name = user["name"].identifier
            return person
        }
        guard !people.isEmpty else { return [other()] }
        return people.enumerated().map { number, person in
            var result = base(kind, in: event["chat_id"].identifier ?? event["open_chat_id"].identifier)
            if people.count > 1 { result.id = EventID("\(result.id):\(number)") }
            result.sender = person
            result.metadata.add("by", (sender(event["operator_id"]) ?? sender(event["operator"]))?.id.rawValue)
            return result
        }
    }

    /// A control of a card.
    private func press() -> InboundEvent {
        let context = event["context"]
        let chat = context["open_chat_id"].identifier ?? event["open_chat_id"].identifier
        var result = base(.button, in: chat)
        result.sender = sender(event["operator"].exists ? event["operator"] : event)
        result.target = (context["open_message_id"].identifier ?? event["open_message_id"].identifier).map {
            PlatformMessageID($0)
        }
        let action = event["action"]
        result.text = FeishuChoice.text(of: action)
        for name in ["value", "form_value"] where action[name].kind == .object {
            var writer = JSONWriter()
            writer.value(action[name])
            result.metadata[name] = .json(writer.bytes)
        }
        result.metadata.add("tag", action["tag"].identifier)
        if chat != nil, result.sender != nil, result.text != nil { result.disposition = .answer }
        return result
    }

    /// An item of the bot's menu; Feishu does not name the chat, but whoever pressed it can be written to.
    private func menu() -> InboundEvent {
        var result = base(.button, in: nil, isGroup: false)
        result.sender = sender(event["operator"]["operator_id"])
        result.sender?.name = event["operator"]["operator_name"].identifier
        result.text = event["event_key"].identifier
        if let person = result.sender, result.text != nil {
            result.place.conversation = ConversationID(person.id.rawValue)
            result.disposition = .answer
        }
        return result
    }

    /// The record of anything else, with all that it says.
    private func other() -> InboundEvent {
        var result = base(.event, in: event["chat_id"].identifier ?? event["open_chat_id"].identifier)
        result.sender = sender(event["operator_id"]) ?? sender(event["user_id"])
        result.metadata["event"] = .string(type)
        var writer = JSONWriter()
        writer.value(event)
        result.metadata["payload"] = .json(writer.bytes)
        return result
    }

    // MARK: Parts

    private func base(_ kind: ContentKind, in chat: String?, isGroup: Bool = true) -> InboundEvent {
        let header = root["header"]
        let id = header["event_id"].identifier ?? root["uuid"].identifier
        let tenant =
            header["tenant_key"].identifier ?? root["tenant_key"].identifier ?? event["tenant_key"].identifier
        return InboundEvent(
            id: EventID(id ?? fallbackID()), kind: kind, disposition: .record,
            place: InboundEvent.Place(
                account: tenant.map { AccountName($0) } ?? .default,
                conversation: ConversationID(chat ?? "event:\(type)"),
                isGroup: isGroup), sentAt: Self.time(header["create_time"]) ?? Self.time(root["ts"]))
    }

    /// A person by the id that holds for our app, else by another.
    private func sender(_ ids: JSONView) -> InboundEvent.Sender? {
        let id =
            ids["open_id"].identifier ?? ids["user_id"].identifier ?? ids["union_id"].identifier
            ?? ids["employee_id"].identifier ?? (ids.kind == .object ? nil : ids.identifier)
        return id.map { InboundEvent.Sender(id: PlatformUserID($0)) }
    }

    /// A time: milliseconds as text, in places microseconds, in version 1 seconds with a fraction.
    static func time(_ json: JSONView) -> Timestamp? {
        guard let text = json.identifier ?? json.double?.description else { return nil }
        guard let number = Int64(text) else {
            guard let seconds = Double(text), seconds > 0, seconds < 1e11 else { return nil }
            return Timestamp(microseconds: Int64(seconds * 1e6))
        }
        switch number {
        case 1..<100_000_000_000: return Timestamp(seconds: number)
        case 100_000_000_000..<100_000_000_000_000: return Timestamp(microseconds: number * 1000)
        case 100_000_000_000_000..<100_000_000_000_000_000: return Timestamp(microseconds: number)
        default: return nil
        }
    }
}
