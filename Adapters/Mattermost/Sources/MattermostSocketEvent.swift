internal import BridgeCore
internal import JSON

/// Makes events of what the WebSocket tells; posts and reactions are JSON within a string of JSON.
struct MattermostSocketEvent {
    let name: String
    let frame: JSONView
    /// The bot's user id.
    let botID: String
    /// Names the event where Mattermost does not.
    let fallbackID: String

    /// The events; none for what only concerns clients, and for the bot's own posts and reactions.
    func events() -> [InboundEvent] {
        switch name {
        case "posted": posted(inner("post"))
        case "post_edited": edited(inner("post"))
        case "post_deleted": [deleted(inner("post"))]
        case "reaction_added", "reaction_removed": reaction(inner("reaction"))
        case "user_added": [membership(.joined)]
        case "user_removed": [membership(.left)]
        default: []
        }
    }

    /// The object whose text stands in the event's data.
    private func inner(_ name: String) -> JSONView {
        let value = frame["data"][name]
        if value.kind == .object { return value }
        return value.string.flatMap { try? JSONView(parsing: $0) } ?? .missing
    }

    // MARK: Posts

    private func posted(_ post: JSONView) -> [InboundEvent] {
        if post["user_id"].string == botID { return [] }
        let attachments = files(of: post)
        let type = post["type"].string ?? ""
        let kind: ContentKind =
            switch type {
            case "": attachments.first?.kind ?? .text
            case "system_join_channel", "system_add_to_channel", "system_join_team", "system_add_to_team": .joined
            case "system_leave_channel", "system_remove_from_channel", "system_leave_team": .left
            // Drawn by integrations, spoken by people.
            case _ where !type.hasPrefix("system_"): attachments.first?.kind ?? .text
            default: .event
            }
        let id = post["id"].identifier
        // An outgoing webhook may tell of the same post, under the same name.
        var event = base(kind, post, id: id.map { "post:\($0)" })
        event.messageID = id.map { PlatformMessageID($0) }
        event.replyTo = post["root_id"].identifier.map { PlatformMessageID($0) }
        event.text = post["message"].identifier
        event.attachments = attachments
        if !type.isEmpty { event.metadata["post_type"] = .string(type) }
        let isTalk = type.isEmpty || !type.hasPrefix("system_")
        if !isTalk { event.place.thread = post["root_id"].identifier.map { ThreadID($0) } }
        if isTalk, isFromPerson(post), post["channel_id"].identifier != nil, id != nil,
            event.text != nil || !attachments.isEmpty, !event.place.isGroup || mentionsBot
        {
            event.disposition = .answer
        }
        return [event]
    }

    private func edited(_ post: JSONView) -> [InboundEvent] {
        // Our own answers grow by edits; what was said at last is logged where it was sent.
        if post["user_id"].string == botID { return [] }
        let id = post["id"].identifier
        let time = post["edit_at"].int ?? post["update_at"].int
        var event = base(.edited, post, id: id.flatMap { id in time.map { "edit:\(id):\($0)" } })
        event.target = id.map { PlatformMessageID($0) }
        event.text = post["message"].identifier
        event.attachments = files(of: post)
        event.sentAt = time.flatMap { timestamp($0) }
        return [event]
    }

    private func deleted(_ post: JSONView) -> InboundEvent {
        let id = post["id"].identifier
        var event = base(.deleted, post, id: id.map { "delete:\($0)" })
        event.target = id.map { PlatformMessageID($0) }
        event.sentAt = nil
        return event
    }

    private var mentionsBot: Bool {
        let mentions = frame["data"]["mentions"]
        let list = mentions.string.flatMap { try? JSONView(parsing: $0) } ?? mentions
        return list.elements.contains { $0.string == botID }
    }

    private func isFromPerson(_ post: JSONView) -> Bool {
        let props = post["props"]
        return !["from_bot", "from_webhook", "from_plugin"].contains { name in
            props[name].string == "true" || props[name].bool == true
        }
    }

    private func files(of post: JSONView) -> [Attachment] {
        let known = post["metadata"]["files"].elements.map { file in
            let type = file["mime_type"].identifier
            return Attachment(
                kind: ContentKind(mediaType: type), reference: file["id"].identifier, name: file["name"].identifier,
                contentType: type, size: file["size"].int, width: file["width"].int, height: file["height"].int)
        }
        if !known.isEmpty { return known }
        return post["file_ids"].elements.compactMap(\.identifier).map { Attachment(kind: .file, reference: $0) }
    }

    // MARK: Other events

    private func reaction(_ reaction: JSONView) -> [InboundEvent] {
        if reaction["user_id"].string == botID { return [] }
        var event = base(.reaction, reaction, id: nil)
        event.target = reaction["post_id"].identifier.map { PlatformMessageID($0) }
        event.sentAt = reaction["create_at"].int.flatMap { timestamp($0) }
        // Nobody says in which thread the post stands.
        event.place.thread = nil
        let emoji = reaction["emoji_name"].identifier
        if name == "reaction_added" { event.text = emoji } else { event.metadata["removed"] = .string(emoji ?? "?") }
        return [event]
    }

    private func membership(_ kind: ContentKind) -> InboundEvent {
        var event = base(kind, frame["data"], id: nil)
        event.place.thread = nil
        return event
    }

    // MARK: Parts

    private func base(_ kind: ContentKind, _ object: JSONView, id: String?) -> InboundEvent {
        let data = frame["data"]
        let channel = object["channel_id"].identifier ?? frame["broadcast"]["channel_id"].identifier
        let isGroup = data["channel_type"].string != "D"
        // In channels an answer begins a thread below the post, and that is a conversation of its own.
        let thread = object["root_id"].identifier ?? (isGroup ? object["id"].identifier : nil)
        let name = data["sender_name"].identifier.map { String($0.drop { $0 == "@" }) }
        var event = InboundEvent(
            id: EventID(id ?? fallbackID), kind: kind, disposition: .record,
            place: InboundEvent.Place(
                conversation: ConversationID(channel ?? data["team_id"].identifier ?? "websocket"),
                thread: thread.map { ThreadID($0) }, isGroup: isGroup),
            sender: (object["user_id"].identifier ?? frame["broadcast"]["user_id"].identifier).map {
                InboundEvent.Sender(id: PlatformUserID($0), name: name)
            }, sentAt: object["create_at"].int.flatMap { timestamp($0) })
        event.metadata.add("channel_name", data["channel_name"].identifier)
        return event
    }

    private func timestamp(_ milliseconds: Int64) -> Timestamp? {
        guard milliseconds > 0, milliseconds < 100_000_000_000_000 else { return nil }
        return Timestamp(microseconds: milliseconds * 1000)
    }
}
