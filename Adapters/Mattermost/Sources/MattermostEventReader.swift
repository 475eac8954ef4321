internal import BridgeCore
internal import JSON

/// Makes events of outgoing webhooks, slash commands and interactive messages
/// (<https://developers.mattermost.com/integrate/>).
struct MattermostEventReader {
    let payload: MattermostPayload
    /// Names the event where Mattermost does not.
    let fallbackID: () -> String

    /// The event.
    func event() -> InboundEvent {
        if let command = payload["command"] { return slashCommand(command) }
        if payload.root["context"].exists || payload.root["type"].string == "button" { return action() }
        if payload["post_id"] != nil || payload.text("text") != nil { return post() }
        return other()
    }

    // MARK: Kinds

    /// A post that called an outgoing webhook by its channel or its first word.
    private func post() -> InboundEvent {
        let id = payload["post_id"]
        let attachments = payload.list("file_ids").map { Attachment(kind: .file, reference: $0) }
        var event = base(attachments.isEmpty ? .text : .file, id: id.map { "post:\($0)" })
        let text = payload.text("text") ?? ""
        event.text = text.isEmpty ? nil : text
        event.attachments = attachments
        event.messageID = id.map { PlatformMessageID($0) }
        event.sentAt = timestamp
        event.metadata.add("trigger_word", payload["trigger_word"])
        // Nobody says in which thread the post stands: an answer tries to begin one below it.
        if let id { event.replyContext[MattermostAdapter.rootKey] = id }
        event.replyContext[MattermostAdapter.askerKey] = payload["user_id"]
        if payload["channel_id"] != nil, event.text != nil || !attachments.isEmpty { event.disposition = .answer }
        return event
    }

    private func slashCommand(_ command: String) -> InboundEvent {
        var event = base(.command, id: payload["trigger_id"].map { "command:\($0)" })
        event.text = payload["text"].map { "\(command) \($0)" } ?? command
        event.metadata["command"] = .string(String(command.drop { $0 == "/" }))
        if let root = payload["root_id"] { event.place.thread = ThreadID(root) }
        if payload["channel_id"] != nil { event.disposition = .answer }
        return event
    }

    /// A button or menu of a message that an integration made; its context is what the integration gave it.
    private func action() -> InboundEvent {
        var event = base(.button, id: payload["trigger_id"].map { "action:\($0)" })
        let context = payload.root["context"]
        let names = ["selected_option", "value", "action", "text", "id"]
        event.text =
            names.lazy.compactMap { context[$0].identifier }.first ?? payload.root["selected_option"].identifier
            ?? payload["type"]
        event.target = payload["post_id"].map { PlatformMessageID($0) }
        if payload["channel_id"] != nil { event.disposition = .answer }
        return event
    }

    private func other() -> InboundEvent {
        var event = base(.event, id: nil)
        event.metadata.add("event", payload["type"] ?? payload["event"])
        return event
    }

    // MARK: Parts

    private func base(_ kind: ContentKind, id: String?) -> InboundEvent {
        let user = payload["user_id"]
        let channelName = payload["channel_name"]
        // A direct conversation's channel is named by the two who speak there.
        let isDirect = channelName?.contains("__") == true || channelName?.hasPrefix("@") == true
        var event = InboundEvent(
            id: EventID(id ?? fallbackID()), kind: kind, disposition: .record,
            place: InboundEvent.Place(
                conversation: ConversationID(payload["channel_id"] ?? user ?? "webhook"), isGroup: !isDirect),
            sender: user.map { InboundEvent.Sender(id: PlatformUserID($0), name: payload["user_name"]) })
        event.metadata.add("channel_name", channelName)
        event.metadata.add("team", payload["team_domain"])
        return event
    }

    /// The documentation's sample has seconds, servers send milliseconds.
    private var timestamp: Timestamp? {
        let number = payload.root["timestamp"].int ?? payload["timestamp"].flatMap { Int64($0) }
        guard let number, number > 0, number < 100_000_000_000_000 else { return nil }
        return number < 100_000_000_000 ? Timestamp(seconds: number) : Timestamp(microseconds: number * 1000)
    }
}
