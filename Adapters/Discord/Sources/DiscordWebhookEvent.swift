internal import BridgeCore
internal import JSON

/// Makes events of what Discord sends to the URL for webhook events ("Webhook events"): changes of the application's
/// installations and entitlements, and messages of games.
struct DiscordWebhookEvent {
    /// The outermost object.
    let root: JSONView
    /// The bot's user id.
    let botID: String
    /// Names an event that has no identifier of its own.
    let fallbackID: () -> String

    /// The events; none for a PING.
    func events() -> [InboundEvent] {
        let event = root["event"]
        guard event.kind == .object else { return [] }
        let type = event["type"].identifier ?? "event"
        let data = event["data"]
        let isMessage = type.hasPrefix("LOBBY_MESSAGE_") || type.hasPrefix("GAME_DIRECT_MESSAGE_")
        return [isMessage ? message(data, type: type) : other(event, type: type)]
    }

    /// A message between players of a game, which is recorded alone.
    private func message(_ data: JSONView, type: String) -> InboundEvent {
        let message = DiscordMessage(object: data)
        let attachments = message.attachments
        let id = data["id"].identifier
        let kind: ContentKind =
            if type.hasSuffix("_UPDATE") {
                .edited
            } else if type.hasSuffix("_DELETE") {
                .deleted
            } else {
                attachments.first?.kind ?? .text
            }
        var event = base(kind, data, type: type)
        event.sender = DiscordUser.sender(data["author"])
        if kind == .edited || kind == .deleted {
            event.target = id.map { PlatformMessageID($0) }
        } else {
            event.messageID = id.map { PlatformMessageID($0) }
        }
        event.text = kind == .deleted ? nil : message.text
        event.attachments = attachments
        event.sentAt = message.sentAt
        return event
    }

    private func other(_ object: JSONView, type: String) -> InboundEvent {
        let data = object["data"]
        var event = base(.event, data, type: type)
        event.sender =
            DiscordUser.sender(data["user"])
            ?? data["user_id"].identifier.map { InboundEvent.Sender(id: PlatformUserID($0)) }
        event.sentAt = object["timestamp"].string.flatMap { Timestamp($0) ?? Timestamp($0 + "Z") }
        event.metadata["payload"] = .json(DiscordInteraction.copy(data))
        return event
    }

    private func base(_ kind: ContentKind, _ data: JSONView, type: String) -> InboundEvent {
        let place =
            data["channel_id"].identifier ?? data["lobby_id"].identifier ?? data["guild"]["id"].identifier ?? type
        var event = InboundEvent(
            id: EventID(fallbackID()), kind: kind, disposition: .record,
            place: InboundEvent.Place(conversation: ConversationID(place), isGroup: data["lobby_id"].exists))
        event.metadata["event"] = .string(type)
        return event
    }
}
