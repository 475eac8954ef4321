internal import BridgeCore
internal import JSON

/// Makes events of what the Gateway dispatches ("Gateway events", receive events).
struct DiscordDispatch {
    /// The bot's user id.
    let botID: String
    /// The roles that stand for the bot alone, which people mention by mistake.
    var botRoles: Set<String> = []
    /// Names an event that has no identifier of its own.
    let fallbackID: () -> String

    /// What tells only of the state of servers, which nobody asked for.
    private static let unremarkable: Set<String> = [
        "READY", "RESUMED", "GUILD_CREATE", "GUILD_UPDATE", "CHANNEL_CREATE", "CHANNEL_UPDATE", "CHANNEL_DELETE",
        "CHANNEL_PINS_UPDATE", "CHANNEL_TOPIC_UPDATE", "VOICE_CHANNEL_STATUS_UPDATE", "THREAD_UPDATE",
        "THREAD_LIST_SYNC", "THREAD_MEMBER_UPDATE", "GUILD_ROLE_CREATE", "GUILD_ROLE_UPDATE", "GUILD_ROLE_DELETE",
        "GUILD_MEMBER_UPDATE", "GUILD_EMOJIS_UPDATE", "GUILD_STICKERS_UPDATE", "GUILD_INTEGRATIONS_UPDATE",
        "INTEGRATION_CREATE", "INTEGRATION_UPDATE", "INTEGRATION_DELETE", "STAGE_INSTANCE_CREATE",
        "STAGE_INSTANCE_UPDATE", "STAGE_INSTANCE_DELETE", "PRESENCE_UPDATE", "TYPING_START", "USER_UPDATE",
        "VOICE_STATE_UPDATE", "VOICE_SERVER_UPDATE", "GUILD_SOUNDBOARD_SOUNDS_UPDATE", "SOUNDBOARD_SOUNDS",
        "APPLICATION_COMMAND_PERMISSIONS_UPDATE", "GUILD_JOIN_REQUEST_UPDATE", "GUILD_JOIN_REQUEST_DELETE",
    ]

    /// The events of a dispatch; none for what is not worth a record.
    func events(_ name: String, _ data: JSONView) -> [InboundEvent] {
        switch name {
        case "MESSAGE_CREATE": message(data)
        case "MESSAGE_UPDATE": update(data)
        case "MESSAGE_DELETE": [deletion(of: data["id"].identifier, data)]
        case "MESSAGE_DELETE_BULK": data["ids"].elements.map { deletion(of: $0.identifier, data) }
        case "MESSAGE_REACTION_ADD", "MESSAGE_REACTION_REMOVE", "MESSAGE_REACTION_REMOVE_ALL",
            "MESSAGE_REACTION_REMOVE_EMOJI":
            [reaction(name, data)]
        case "GUILD_MEMBER_ADD": [membership(.joined, data["user"], data)]
        case "GUILD_MEMBER_REMOVE": [membership(.left, data["user"], data)]
        case "THREAD_MEMBERS_UPDATE": threadMembers(data)
        case "INTERACTION_CREATE": [interaction(data)]
        case "GUILD_DELETE" where data["unavailable"].bool == true: []
        case _ where Self.unremarkable.contains(name): []
        default: [other(name, data)]
        }
    }

    // MARK: Messages

    private func message(_ data: JSONView) -> [InboundEvent] {
        if isOurEcho(data) { return [] }
        let message = DiscordMessage(object: data)
        let attachments = message.attachments
        let id = data["id"].identifier
        var event = base(kind(of: data, attachments), data, id: id.map { "message:\($0)" })
        event.sender = sender(of: data)
        event.messageID = id.map { PlatformMessageID($0) }
        event.replyTo = message.replyTo
        event.text = message.text
        event.attachments = attachments
        event.sentAt = message.sentAt
        let isTalk = Self.isTalk(data)
        if !isTalk { event.metadata["message_type"] = data["type"].int.map { .integer($0) } }
        if isTalk, event.text != nil || !attachments.isEmpty, message.isFromPerson, !isOurs(data),
            data["channel_id"].identifier != nil, !event.place.isGroup || isAddressed(data)
        {
            event.disposition = .answer
        }
        return [event]
    }

    /// What people write, replies and what commands show; all other types are the client's own announcements
    /// ("Message resource", message types).
    private static func isTalk(_ data: JSONView) -> Bool {
        switch data["type"].int {
        case nil, 0, 19, 20, 23: true
        default: false
        }
    }

    private func kind(of data: JSONView, _ attachments: [Attachment]) -> ContentKind {
        switch data["type"].int {
        case 7, 1: .joined
        case 2: .left
        case _ where Self.isTalk(data): attachments.first?.kind ?? .text
        default: .event
        }
    }

    /// Whether a message in a server speaks to the bot: by mention, by the mention of its role, or as a reply to it.
    private func isAddressed(_ data: JSONView) -> Bool {
        if data["mentions"].elements.contains(where: { $0["id"].string == botID }) { return true }
        let content = data["content"].string ?? ""
        if DiscordText.mentions(botID, in: content) { return true }
        if botRoles.contains(where: { DiscordText.mentionsRole($0, in: content) }) { return true }
        return data["referenced_message"]["author"]["id"].string == botID
            && (data["message_reference"]["type"].int ?? 0) == 0
    }

    private func isOurs(_ data: JSONView) -> Bool { data["author"]["id"].string == botID }

    /// Whether a message is one that this bridge sent, which is in the log already.
    private func isOurEcho(_ data: JSONView) -> Bool {
        guard isOurs(data) else { return false }
        return data["nonce"].string.map { DiscordNonce.isOurs($0) } == true
            || data["interaction_metadata"].kind == .object || data["interaction"].kind == .object
            || data["webhook_id"].identifier != nil
    }

    /// An edit; an update without a new time of editing only shows that Discord found a preview for a link.
    private func update(_ data: JSONView) -> [InboundEvent] {
        // Our own answers grow by edits; what was said at last is logged where it was sent.
        if isOurs(data) { return [] }
        let message = DiscordMessage(object: data)
        let id = data["id"].identifier
        let editedAt = data["edited_timestamp"].identifier
        // A preview that is found after an edit bears that edit's time again, and so its name.
        let name = id.flatMap { id in editedAt.map { "edit:\(id):\($0)" } }
        var event = base(editedAt == nil ? .event : .edited, data, id: name)
        event.sender = sender(of: data)
        event.target = id.map { PlatformMessageID($0) }
        event.text = message.text
        event.attachments = message.attachments
        event.replyTo = message.replyTo
        event.sentAt = editedAt.flatMap { Timestamp($0) }
        if editedAt == nil { event.metadata["event"] = "MESSAGE_UPDATE" }
        return [event]
    }

    private func deletion(of id: String?, _ data: JSONView) -> InboundEvent {
        var event = base(.deleted, data, id: id.map { "delete:\($0)" })
        event.target = id.map { PlatformMessageID($0) }
        return event
    }

    // MARK: Other events

    private func reaction(_ name: String, _ data: JSONView) -> InboundEvent {
        var event = base(.reaction, data, id: nil)
        event.sender =
            DiscordUser.sender(data["member"]["user"], member: data["member"])
            ?? data["user_id"].identifier.map { InboundEvent.Sender(id: PlatformUserID($0)) }
        event.target = data["message_id"].identifier.map { PlatformMessageID($0) }
        let emoji = data["emoji"]["name"].identifier ?? data["emoji"]["id"].identifier
        if name == "MESSAGE_REACTION_ADD" {
            event.text = emoji
        } else {
            event.metadata["removed"] = .string(emoji ?? "all")
        }
        event.metadata.add("emoji_id", data["emoji"]["id"].identifier)
        return event
    }

    private func membership(_ kind: ContentKind, _ user: JSONView, _ data: JSONView) -> InboundEvent {
        var event = base(kind, data, id: nil)
        event.sender = DiscordUser.sender(user, member: data)
        return event
    }

    private func threadMembers(_ data: JSONView) -> [InboundEvent] {
        let added = data["added_members"].elements.compactMap { $0["user_id"].identifier ?? $0["id"].identifier }
        let removed = data["removed_member_ids"].elements.compactMap(\.identifier)
        let changes = added.map { (ContentKind.joined, $0) } + removed.map { (ContentKind.left, $0) }
        return changes.enumerated().map { number, change in
            var event = base(change.0, data, id: nil)
            if changes.count > 1 { event.id = EventID("\(event.id):\(number)") }
            event.place.conversation = ConversationID(data["id"].identifier ?? event.place.conversation.rawValue)
            event.sender = InboundEvent.Sender(id: PlatformUserID(change.1))
            return event
        }
    }

    /// An interaction, where no interactions endpoint is set; Discord is told by a request that it was seen.
    private func interaction(_ data: JSONView) -> InboundEvent {
        var event = DiscordInteraction(root: data, fallbackID: fallbackID).event()
        guard let id = data["id"].identifier, var token = DiscordReplyToken(data) else { return event }
        token.isFromGateway = true
        event.replyContext = token.replyContext
        if DiscordInteraction(root: data, fallbackID: fallbackID).kind != nil {
            event.followUps = [.acknowledgeButton(id: id)]
        }
        return event
    }

    /// The record of anything else, known or not, with all that it says.
    private func other(_ name: String, _ data: JSONView) -> InboundEvent {
        let isThread = name.hasPrefix("THREAD_") || name.hasPrefix("CHANNEL_")
        var event = base(.event, data, id: nil)
        if isThread, let id = data["id"].identifier { event.place.conversation = ConversationID(id) }
        if event.place.conversation.rawValue == Self.nowhere {
            event.place.conversation = ConversationID(name.isEmpty ? "event" : name)
        }
        event.sender =
            sender(of: data) ?? DiscordUser.sender(data["user"])
            ?? (data["user_id"].identifier ?? data["owner_id"].identifier).map {
                InboundEvent.Sender(id: PlatformUserID($0))
            }
        event.metadata["event"] = .string(name)
        event.metadata["payload"] = .json(DiscordInteraction.copy(data))
        return event
    }

    // MARK: Parts

    private static let nowhere = "gateway"

    /// An event with its name and place: the channel (a thread is one), else the server.
    private func base(_ kind: ContentKind, _ data: JSONView, id: String?) -> InboundEvent {
        let guild = data["guild_id"].identifier
        var event = InboundEvent(
            id: EventID(id ?? fallbackID()), kind: kind, disposition: .record,
            place: InboundEvent.Place(
                conversation: ConversationID(data["channel_id"].identifier ?? guild ?? Self.nowhere),
                isGroup: guild != nil || data["channel_type"].int == 3))
        event.metadata.add("guild", guild)
        return event
    }

    private func sender(of data: JSONView) -> InboundEvent.Sender? {
        DiscordUser.sender(data["author"], member: data["member"])
    }
}
