internal import BridgeCore
internal import JSON

/// Makes events of the updates that webhooks and `getUpdates` bring.
struct TelegramUpdateReader: Sendable {
    /// The bot's own user id.
    let botID: String

    /// How a message reached us, which decides what it is and whether it may be answered.
    enum Route {
        case message, edited, channelPost, editedChannelPost, business, editedBusiness, guest

        init?(updateKind: String) {
            switch updateKind {
            case "message": self = .message
            case "edited_message": self = .edited
            case "channel_post": self = .channelPost
            case "edited_channel_post": self = .editedChannelPost
            case "business_message": self = .business
            case "edited_business_message": self = .editedBusiness
            case "guest_message": self = .guest
            default: return nil
            }
        }

        var isEdit: Bool { self == .edited || self == .editedChannelPost || self == .editedBusiness }
        var isBusiness: Bool { self == .business || self == .editedBusiness }
        var isChannel: Bool { self == .channelPost || self == .editedChannelPost }
    }

    /// The events of one update; nil when this is no update at all.
    ///
    /// An update of an unknown kind, or one whose parts are not of the types they should be, is one recorded event.
    func events(of update: JSONView) -> [InboundEvent]? {
        let number = update["update_id"]
        guard number.int != nil, let id = number.identifier else { return nil }
        // Nearly every update is a message: look for it before walking the members.
        let message = update["message"]
        if message.exists { return messageEvents(message, updateKind: "message", route: .message, id: id) }
        guard let (kind, payload) = update.members.first(where: { $0.key != "update_id" && !$0.key.isEmpty }) else {
            return [unknown(.missing, updateKind: "update", id: id)]
        }
        if let route = Route(updateKind: kind) {
            return messageEvents(payload, updateKind: kind, route: route, id: id)
        }
        let event: InboundEvent? =
            switch kind {
            case "callback_query": buttonPress(payload, id: id)
            case "message_reaction": reaction(payload, id: id)
            case "my_chat_member", "chat_member": membership(payload, updateKind: kind, id: id)
            default: nil
            }
        if let event { return [event] }
        if kind == "deleted_business_messages", let events = deletions(payload, id: id) { return events }
        return [unknown(payload, updateKind: kind, id: id)]
    }

    // MARK: Messages

    private func messageEvents(_ message: JSONView, updateKind: String, route: Route, id: String) -> [InboundEvent] {
        // Asked for dozens of members, of which a usual message has six.
        let message = message.indexed
        guard var place = place(of: message) else { return [unknown(message, updateKind: updateKind, id: id)] }
        var replyContext: [String: String] = [:]
        if route.isBusiness, let connection = message["business_connection_id"].string {
            // The same person may also write to the bot itself: another account keeps the two conversations apart.
            place.account = AccountName(connection)
            replyContext[ReplyContextKey.businessConnection] = connection
        }
        if route == .guest, let query = message["guest_query_id"].string {
            replyContext[ReplyContextKey.guestQuery] = query
        }
        let content = TelegramContent(of: message)
        var event = InboundEvent(
            id: EventID(id), kind: content.kind, disposition: .record, place: place, sender: sender(of: message),
            messageID: messageID(message), text: content.text, attachments: content.attachments,
            sentAt: time(message["date"]), replyContext: replyContext, metadata: content.metadata)
        event.replyTo = replyTarget(of: message)
        event.target = content.target
        event.movedTo = message["migrate_to_chat_id"].identifier.map { ConversationID($0) }
        addContext(of: message, isGroup: place.isGroup, to: &event.metadata)
        if updateKind != "message" { event.metadata["update"] = .string(updateKind) }
        if route.isEdit {
            event.kind = .edited
            event.target = event.messageID
            event.messageID = nil
            event.sentAt = time(message["edit_date"]) ?? event.sentAt
            return [event]
        }
        if content.isAnswerable, isFromPerson(message, route: route, place: place) { event.disposition = .answer }
        switch content.kind {
        case .joined:
            return joins(message["new_chat_members"], like: event)
        case .left:
            return [moved(user(in: message["left_chat_member"]), like: event, by: "removed_by")]
        default:
            return [event]
        }
    }

    /// One event for each who came.
    private func joins(_ members: JSONView, like event: InboundEvent) -> [InboundEvent] {
        let newcomers = members.elements.compactMap { user(in: $0) }
        guard !newcomers.isEmpty else { return [event] }
        return newcomers.map { newcomer in
            var joined = moved(newcomer, like: event, by: "invited_by")
            if newcomers.count > 1 { joined.id = EventID("\(event.id):\(newcomer.id)") }
            return joined
        }
    }

    /// The event of one who came or went; whoever let them in or out is kept in the metadata.
    private func moved(_ member: InboundEvent.Sender?, like event: InboundEvent, by name: String) -> InboundEvent {
        guard let member else { return event }
        var moved = event
        if let other = event.sender, other.id != member.id { moved.metadata[name] = .string(other.id.rawValue) }
        moved.sender = member
        return moved
    }

    /// Whether a person wrote this where the bot may answer.
    private func isFromPerson(_ message: JSONView, route: Route, place: InboundEvent.Place) -> Bool {
        if route.isChannel || place.isGroup && message["chat"]["type"].string == "channel" { return false }
        // A channel's post that Telegram copies into the channel's discussion group; it may be our own.
        if message["is_automatic_forward"].bool == true { return false }
        if message["via_bot"]["id"].identifier == botID { return false }
        let from = message["from"]
        if route == .business {
            // The owner's own words to the customer come too, and so do those that a bot wrote for the owner.
            return !message["sender_business_bot"].exists && from["is_bot"].bool != true
                && from["id"].identifier == place.conversation.rawValue
        }
        // An anonymous administrator, or one who writes as a channel: `from` is then one of Telegram's own bots.
        if message["sender_chat"]["id"].identifier != nil { return true }
        guard from.exists else { return !place.isGroup }
        return from["is_bot"].bool != true
    }

    // MARK: Other updates

    private func buttonPress(_ query: JSONView, id: String) -> InboundEvent? {
        guard let sender = user(in: query["from"]) else { return nil }
        let message = query["message"]
        // The button of an inline message, or of one in a channel, hangs where the bot has no conversation with the
        // presser.
        let home = place(of: message)
        let isChannel = message["chat"]["type"].string == "channel"
        var event = InboundEvent(
            id: EventID(id), kind: .button, disposition: home == nil || isChannel ? .record : .answer,
            place: home ?? InboundEvent.Place(conversation: ConversationID(sender.id.rawValue)), sender: sender,
            target: messageID(message) ?? query["inline_message_id"].string.map { .inline($0) },
            text: query["data"].string ?? query["game_short_name"].string)
        if query["from"]["is_bot"].bool == true { event.disposition = .record }
        if let query = query["id"].identifier { event.followUps = [.acknowledgeButton(id: query)] }
        return event
    }

    private func reaction(_ reaction: JSONView, id: String) -> InboundEvent? {
        guard let place = place(of: reaction) else { return nil }
        let before = reactions(reaction["old_reaction"])
        let after = reactions(reaction["new_reaction"])
        let added = after.filter { !before.contains($0) }
        let removed = before.filter { !after.contains($0) }
        var event = InboundEvent(
            id: EventID(id), kind: .reaction, disposition: .record, place: place,
            sender: user(in: reaction["user"]) ?? chat(in: reaction["actor_chat"]), target: messageID(reaction),
            text: added.isEmpty ? nil : added.joined(separator: " "), sentAt: time(reaction["date"]))
        if !removed.isEmpty { event.metadata["removed"] = .string(removed.joined(separator: " ")) }
        return event
    }

    /// The reactions in a list: an emoji as itself, a custom one as `custom_emoji:ID`, another kind as its name.
    private func reactions(_ list: JSONView) -> [String] {
        list.elements.compactMap { item in
            item["emoji"].string ?? item["custom_emoji_id"].identifier.map { "custom_emoji:\($0)" }
                ?? item["type"].string
        }
    }

    private func membership(_ change: JSONView, updateKind: String, id: String) -> InboundEvent? {
        guard let place = place(of: change) else { return nil }
        let before = change["old_chat_member"]["status"].string ?? ""
        let after = change["new_chat_member"]["status"].string ?? ""
        let absent: [String] = ["left", "kicked"]
        let kind: ContentKind =
            switch (absent.contains(before), absent.contains(after)) {
            case (false, true): .left
            case (true, false): .joined
            default: .event
            }
        // What happened to the bot was done by `from`, in a private chat by blocking it; what happened to others is
        // theirs.
        let subject = updateKind == "my_chat_member" ? change["from"] : change["new_chat_member"]["user"]
        return InboundEvent(
            id: EventID(id), kind: kind, disposition: .record, place: place, sender: user(in: subject),
            sentAt: time(change["date"]),
            metadata: ["update": .string(updateKind), "old_status": .string(before), "new_status": .string(after)])
    }

    private func deletions(_ payload: JSONView, id: String) -> [InboundEvent]? {
        guard var place = place(of: payload) else { return nil }
        if let connection = payload["business_connection_id"].string { place.account = AccountName(connection) }
        let messages = payload["message_ids"].elements.compactMap(\.identifier)
        guard !messages.isEmpty else { return nil }
        return messages.map { message in
            InboundEvent(
                id: EventID(messages.count == 1 ? id : "\(id):\(message)"), kind: .deleted, disposition: .record,
                place: place, target: PlatformMessageID(message), metadata: ["update": "deleted_business_messages"])
        }
    }

    /// The record of anything else: its kind, who and where as far as the usual fields tell, and the payload as it
    /// came.
    private func unknown(_ payload: JSONView, updateKind: String, id: String) -> InboundEvent {
        let sender =
            user(in: payload["from"]) ?? user(in: payload["user"]) ?? user(in: payload["boost"]["source"]["user"])
        let conversation =
            payload["user_chat_id"].identifier ?? sender?.id.rawValue ?? payload["voter_chat"]["id"].identifier
            ?? updateKind
        var event = InboundEvent(
            id: EventID(id), kind: .event, disposition: .record,
            place: place(of: payload) ?? InboundEvent.Place(conversation: ConversationID(conversation)),
            sender: sender, text: payload["query"].string, sentAt: time(payload["date"]),
            metadata: ["update": .string(updateKind)])
        if payload.exists {
            var writer = JSONWriter()
            writer.value(payload)
            event.metadata["payload"] = .json(writer.bytes)
        }
        return event
    }
}

/// The names of what the reader leaves in `InboundEvent.replyContext` for the encoder.
enum ReplyContextKey {
    static let businessConnection = "business_connection_id"
    static let guestQuery = "guest_query_id"
}
