internal import BridgeCore
internal import JSON

/// Makes events of an activity
/// (<https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference>, "Activity object").
struct MSTeamsActivityReader {
    let activity: JSONView
    let type: String
    /// The bot's own id, with `28:` before it in activities.
    let appID: String
    /// Where the sender is to be answered.
    let serviceURL: String
    /// Names the activity where Teams does not.
    let fallbackID: () -> String

    /// What Teams is told: an invoke waits for a JSON body, everything else for a status.
    var acknowledgement: Acknowledgement {
        guard type == "invoke" else { return .ok }
        // The card stays as it is; its words come as a message ("Universal Actions", response format).
        let body =
            activity["name"].string == "adaptiveCard/action"
            ? #"{"statusCode":200,"type":"application/vnd.microsoft.activity.message","value":"OK"}"# : "{}"
        return Acknowledgement(contentType: "application/json", body: Array(body.utf8))
    }

    /// The events; none for what we said ourselves.
    func events() -> [InboundEvent] {
        switch type {
        case "message": message()
        case "messageUpdate": update()
        case "messageDelete": [deletion()]
        case "messageReaction": reactions()
        case "conversationUpdate": conversationUpdate()
        case "installationUpdate": [installation()]
        case "invoke": [invocation()]
        default: [other()]
        }
    }

    // MARK: Messages

    private func message() -> [InboundEvent] {
        if isOurs { return [] }
        var event = base(.text)
        event.messageID = activity["id"].identifier.map { PlatformMessageID($0) }
        let value = activity["value"]
        let raw = activity["text"].string
        if raw?.isEmpty != false, value.exists, !value.isNull {
            press(&event, value: value)
        } else {
            fill(&event)
            if value.exists { keep(value, as: "value", in: &event) }
        }
        let isAddressed = !event.place.isGroup || event.kind == .button || mentions.contains { isBot($0.id) }
        let isEmpty = event.text?.isEmpty != false && event.attachments.isEmpty
        if isAddressed, !isEmpty, isFromPerson, hasConversation { event.disposition = .answer }
        return [event]
    }

    /// A new text of an earlier message, or one that came back after it was deleted.
    private func update() -> [InboundEvent] {
        if isOurs { return [] }
        var event = base(.edited)
        event.target = activity["id"].identifier.map { PlatformMessageID($0) }
        fill(&event)
        event.kind = .edited
        event.metadata.add("event", activity["channelData"]["eventType"].identifier)
        return [event]
    }

    private func deletion() -> InboundEvent {
        var event = base(.deleted)
        event.target = activity["id"].identifier.map { PlatformMessageID($0) }
        event.metadata.add("event", activity["channelData"]["eventType"].identifier)
        return event
    }

    /// Words and attachments of a message.
    private func fill(_ event: inout InboundEvent) {
        event.text = activity["text"].string.map {
            MSTeamsText.readable($0, format: activity["textFormat"].string, mentions: mentions, isBot: isBot)
        }
        var cards = 0
        for item in activity["attachments"].elements {
            switch MSTeamsAttachment.read(item) {
            case .file(let attachment): event.attachments.append(attachment)
            case .quote(let id): event.replyTo = event.replyTo ?? PlatformMessageID(id)
            case .card: cards += 1
            case .copyOfText, .nothing: break
            }
        }
        if cards > 0 { event.metadata["cards"] = .integer(Int64(cards)) }
        if let kind = event.attachments.first?.kind { event.kind = kind }
        if event.replyTo == nil { event.replyTo = activity["replyToId"].identifier.map { PlatformMessageID($0) } }
    }

    /// A button of a card.
    private func press(_ event: inout InboundEvent, value: JSONView) {
        event.kind = .button
        event.messageID = nil
        event.target = activity["replyToId"].identifier.map { PlatformMessageID($0) }
        event.text = MSTeamsText.choice(in: value)
        keep(value, as: "value", in: &event)
    }

    // MARK: Other activities

    private func reactions() -> [InboundEvent] {
        var events: [InboundEvent] = []
        for (list, isRemoval) in [("reactionsAdded", false), ("reactionsRemoved", true)] {
            for reaction in activity[list].elements {
                guard let name = reaction["type"].identifier else { continue }
                var event = base(.reaction)
                // One message's reactions may share the activity's id, which is then that of the message.
                event.id = EventID("\(event.id):\(isRemoval ? "-" : "+")\(name)")
                event.target = activity["replyToId"].identifier.map { PlatformMessageID($0) }
                if isRemoval { event.metadata["removed"] = .string(name) } else { event.text = name }
                events.append(event)
            }
        }
        return events.isEmpty ? [other()] : events
    }

    /// Who came and who went; for all else, as a channel with a new name, the record of it.
    private func conversationUpdate() -> [InboundEvent] {
        var events: [InboundEvent] = []
        for (list, kind) in [("membersAdded", ContentKind.joined), ("membersRemoved", .left)] {
            for member in activity[list].elements {
                guard let id = member["id"].identifier else { continue }
                var event = base(kind)
                event.id = EventID("\(event.id):\(kind.rawValue):\(id)")
                event.sender = InboundEvent.Sender(id: PlatformUserID(id), name: member["name"].identifier)
                event.metadata.add("by", activity["from"]["id"].identifier)
                event.metadata.add("event", activity["channelData"]["eventType"].identifier)
                events.append(event)
            }
        }
        return events.isEmpty ? [other()] : events
    }

    /// The bot was installed or removed; it comes beside a `conversationUpdate` or, in a personal chat, without one.
    private func installation() -> InboundEvent {
        let action = activity["action"].string
        guard action == "add" || action == "remove" else { return other() }
        var event = base(action == "add" ? .joined : .left)
        if let id = activity["recipient"]["id"].identifier {
            event.sender = InboundEvent.Sender(id: PlatformUserID(id), name: activity["recipient"]["name"].identifier)
        }
        event.metadata.add("by", activity["from"]["id"].identifier)
        event.metadata["event"] = "installationUpdate"
        return event
    }

    private func invocation() -> InboundEvent {
        let name = activity["name"].string
        let value = activity["value"]
        guard name == "adaptiveCard/action" || name == "actionableMessage/executeAction" else { return other() }
        var event = base(.button)
        let action = value["action"]
        press(&event, value: action["data"].exists && action["verb"].identifier == nil ? action["data"] : value)
        event.text = action["verb"].identifier ?? event.text ?? action["id"].identifier
        event.metadata.add("event", name)
        if isFromPerson, hasConversation { event.disposition = .answer }
        return event
    }

    /// The record of anything else, with all that it says.
    private func other() -> InboundEvent {
        var event = base(.event)
        event.text = activity["text"].identifier
        event.metadata["event"] = .string(
            activity["channelData"]["eventType"].identifier ?? activity["name"].identifier ?? type)
        keep(activity, as: "payload", in: &event)
        return event
    }

    private func keep(_ view: JSONView, as name: String, in event: inout InboundEvent) {
        var writer = JSONWriter()
        writer.value(view)
        event.metadata[name] = .json(writer.bytes)
    }

    // MARK: Parts

    /// An event with what every activity has: its name, place, author and time.
    private func base(_ kind: ContentKind) -> InboundEvent {
        let full = activity["conversation"]["id"].identifier
        let (conversation, thread) = MSTeamsConversation.split(full ?? "activity:\(type)")
        return InboundEvent(
            id: EventID(eventID(in: full ?? "")), kind: kind, disposition: .record,
            place: InboundEvent.Place(
                account: account, conversation: ConversationID(conversation), thread: thread.map { ThreadID($0) },
                isGroup: isGroup(conversation)), sender: sender,
            sentAt: activity["timestamp"].string.flatMap { Timestamp($0) },
            replyContext: [MSTeamsAdapter.serviceURLKey: serviceURL])
    }

    /// Ids are unique for messages within a conversation alone; an edit has that of the message, and other activities share
    /// theirs now and then: the time tells those.
    private func eventID(in conversation: String) -> String {
        guard let id = activity["id"].identifier else { return fallbackID() }
        let name = "\(type):\(conversation):\(id)"
        if type == "message" { return name }
        return "\(name):\(activity["timestamp"].identifier ?? fallbackID())"
    }

    private var account: AccountName {
        let tenant =
            activity["conversation"]["tenantId"].identifier ?? activity["channelData"]["tenant"]["id"].identifier
        return tenant.map { AccountName($0) } ?? .default
    }

    private func isGroup(_ conversation: String) -> Bool {
        switch activity["conversation"]["conversationType"].string {
        case "personal": false
        case "groupChat", "channel": true
        default: activity["conversation"]["isGroup"].bool ?? conversation.hasPrefix("19:")
        }
    }

    private var hasConversation: Bool { activity["conversation"]["id"].identifier != nil }

    private var sender: InboundEvent.Sender? {
        let from = activity["from"]
        guard let id = from["id"].identifier else { return nil }
        let locale =
            activity["locale"].identifier
            ?? activity["entities"].elements.first { $0["type"].string == "clientInfo" }?["locale"].identifier
        return InboundEvent.Sender(id: PlatformUserID(id), name: from["name"].identifier, locale: locale)
    }

    private var mentions: [MSTeamsText.Mention] {
        activity["entities"].elements.compactMap { entity in
            guard entity["type"].string == "mention" else { return nil }
            return MSTeamsText.Mention(
                id: entity["mentioned"]["id"].identifier, name: entity["mentioned"]["name"].identifier,
                text: entity["text"].identifier)
        }
    }

    /// Whether an id is the bot's: that to which the activity is addressed, or the app's with `28:` before it or without.
    private func isBot(_ id: String?) -> Bool {
        guard let id else { return false }
        return id == activity["recipient"]["id"].identifier || id == appID || id == "28:" + appID
    }

    private var isOurs: Bool { isBot(activity["from"]["id"].identifier) }

    /// Bots are called `28:…`, people `29:…`.
    private var isFromPerson: Bool {
        guard let id = activity["from"]["id"].identifier else { return false }
        return !isOurs && !id.hasPrefix("28:") && activity["from"]["role"].string != "bot"
    }
}
