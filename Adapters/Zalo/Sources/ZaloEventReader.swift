internal import BridgeCore
internal import JSON

/// Makes an event of a webhook.
struct ZaloEventReader {
    /// The webhook.
    let root: JSONView
    /// Its `event_name`.
    let name: String

    /// What a webhook is about, by its name.
    private enum Family {
        /// Somebody writes to the account, perhaps without being signed in.
        case userMessage(anonymous: Bool)
        /// The account has written: by us, by another program or by a person.
        case echo
        case received, seen, follow, unfollow, reaction
        case other

        init(_ name: String) {
            // Nearly every event is one of these. Messages of groups name other places than people do, in a way that nobody
            // has written down.
            if name.hasPrefix("user_send_") {
                self = name.hasPrefix("user_send_group") ? .other : .userMessage(anonymous: false)
                return
            }
            switch name {
            case "user_received_message": self = .received
            case "user_seen_message": self = .seen
            case "follow": self = .follow
            case "unfollow": self = .unfollow
            case "user_reacted_message", "anonymous_reacted_message", "oa_reacted_message": self = .reaction
            case _ where name.hasPrefix("anonymous_send_"): self = .userMessage(anonymous: true)
            case _ where name.hasPrefix("oa_send_"): self = name.hasPrefix("oa_send_group") ? .other : .echo
            default: self = .other
            }
        }
    }

    func event(fallbackID: () -> String) -> InboundEvent {
        let family = Family(name)
        let message = root["message"]
        let sender = Self.id(root["sender"])
        let user = user(in: family, sender: sender)
        let messageID = message["msg_id"].identifier ?? root["msg_id"].identifier
        var event = InboundEvent(
            id: EventID(id(in: family, user: user, message: messageID) ?? fallbackID()), kind: .event,
            disposition: .record, place: .init(conversation: ConversationID(user ?? name)),
            sender: user.map { .init(id: PlatformUserID($0)) }, sentAt: Timestamp(milliseconds: root["timestamp"]))
        event.metadata.add("user_id_by_app", root["user_id_by_app"].identifier)
        switch family {
        case .userMessage(let isAnonymous):
            event.messageID = messageID.map { PlatformMessageID($0) }
            let isOwn = sender == nil || sender == root["oa_id"].identifier
            let content = name.dropFirst(isAnonymous ? "anonymous_send_".count : "user_send_".count)
            if readMessage(message, content: content, into: &event), !isOwn { event.disposition = .answer }
            if isAnonymous {
                event.metadata["anonymous"] = true
                event.replyContext[ReplyContextKey.anonymousConversation] = message["conversation_id"].identifier ?? ""
            }
        case .echo:
            event.messageID = messageID.map { PlatformMessageID($0) }
            event.sender = sender.map { .init(id: PlatformUserID($0)) }
            let content = name.dropFirst(
                (name.hasPrefix("oa_send_anonymous_") ? "oa_send_anonymous_" : "oa_send_").count)
            _ = readMessage(message, content: content, into: &event)
            event.metadata["event"] = .string(name)
            // A person answers the user in OA Manager.
            event.metadata.add("admin_id", root["sender"]["admin_id"].identifier)
        case .received, .seen:
            readReceipt(family, message: messageID, into: &event)
        case .follow:
            event.kind = .joined
            event.metadata.add("source", root["source"].string)
        case .unfollow:
            event.kind = .left
            event.metadata.add("source", root["source"].string)
        case .reaction:
            event.kind = .reaction
            event.sender = sender.map { .init(id: PlatformUserID($0)) }
            event.target = messageID.map { PlatformMessageID($0) }
            event.text = message["react_icon"].string
        case .other:
            event.metadata["event"] = .string(name)
            keep(root, as: "payload", in: &event)
        }
        return event
    }

    // MARK: Who, and what it is called

    /// The one who talks with the account: they stand elsewhere in each family.
    private func user(in family: Family, sender: String?) -> String? {
        let recipient = Self.id(root["recipient"])
        switch family {
        case .userMessage: return sender
        case .echo, .received, .seen: return recipient ?? sender
        case .follow, .unfollow: return Self.id(root["follower"]) ?? sender
        case .reaction: return name.hasPrefix("oa_") ? recipient ?? sender : sender ?? recipient
        case .other:
            if name.hasPrefix("oa_") { return recipient ?? sender }
            return sender ?? Self.id(root["user"]) ?? root["user_id"].identifier ?? Self.id(root["follower"])
        }
    }

    /// An id in its object, or by itself as in the receipts of templates.
    private static func id(_ view: JSONView) -> String? { view["id"].identifier ?? view.identifier }

    /// The name by which a repetition is told: that of the message, or the moment of what has none of its own.
    private func id(in family: Family, user: String?, message: String?) -> String? {
        switch family {
        case .userMessage, .echo, .received:
            if let message { return "\(name):\(message)" }
        default: break
        }
        guard let time = root["timestamp"].identifier else { return nil }
        return [name, user, message, time].compactMap { $0 }.joined(separator: ":")
    }

    private func readReceipt(_ family: Family, message: String?, into event: inout InboundEvent) {
        event.kind = .status
        var messages = root["message"]["msg_ids"].elements.compactMap { $0.identifier.map { PlatformMessageID($0) } }
        if let message { messages.append(PlatformMessageID(message)) }
        let status: InboundEvent.Receipt.Status = if case .seen = family { .read } else { .delivered }
        event.receipt = .init(status, of: messages)
        if messages.count == 1 { event.target = messages.first }
    }

    // MARK: Records

    /// Keeps a value under a name, if there is one.
    func keep(_ value: JSONView, as name: String, in event: inout InboundEvent) {
        guard value.exists, !value.isNull else { return }
        var writer = JSONWriter()
        writer.value(value)
        event.metadata[name] = .json(writer.bytes)
    }
}

extension Timestamp {
    /// Milliseconds since 1970, as Zalo writes times: mostly as text; nil for anything else.
    init?(milliseconds view: JSONView) {
        guard let milliseconds = view.idString.flatMap({ Int64($0) }), milliseconds > 0 else { return nil }
        let (microseconds, overflow) = milliseconds.multipliedReportingOverflow(by: 1000)
        guard !overflow else { return nil }
        self.init(microseconds: microseconds)
    }
}
