internal import BridgeCore
internal import JSON

/// Makes events of what people do with the app: the classic events and those of Workspace add-ons, which differ in where
/// things stand (<https://developers.google.com/workspace/chat/receive-respond-interactions>).
struct GoogleChatInteractionReader {
    /// What happened.
    enum Kind {
        case message
        case added
        case removed
        case button
        case command
        /// Anything else, by Google's name of it.
        case other(String)
    }

    let kind: Kind
    let root: JSONView
    let payload: JSONView
    let space: JSONView
    let message: JSONView
    let user: JSONView
    let time: JSONView
    let common: JSONView
    /// Names the event where Google does not.
    let fallbackID: () -> String

    /// The events, in order.
    func events() -> [InboundEvent] {
        switch kind {
        case .message: [utterance()]
        case .added:
            // Who adds the app by mentioning it says something at the same time.
            message["text"].exists || message["argumentText"].exists ? [addition(), utterance()] : [addition()]
        case .removed: [base(.left, name: "left")]
        case .button: [press()]
        case .command: [command()]
        case .other(let name): [other(name)]
        }
    }

    private func utterance() -> InboundEvent {
        let read = GoogleChatMessage(json: message)
        var event = base(.text, name: "message")
        event.text = read.isCommand ? message["text"].string ?? read.words : read.words
        event.attachments = read.attachments
        event.kind = read.isCommand ? .command : event.attachments.first?.kind ?? .text
        event.replyTo = read.quoted
        event.sentAt = read.sentAt ?? event.sentAt
        event.metadata.add("command_id", message["slashCommand"]["commandId"].identifier)
        if let name = read.name {
            event.id = EventID("message:\(name)")
            event.messageID = PlatformMessageID(name)
        }
        if isFromPerson(read.sender.exists ? read.sender : user), hasSpace,
            event.text?.isEmpty == false || !event.attachments.isEmpty
        {
            event.disposition = .answer
        }
        return event
    }

    private func addition() -> InboundEvent {
        base(.joined, name: "joined")
    }

    /// A button or another control of a card.
    private func press() -> InboundEvent {
        var event = base(.button, name: "button")
        let choice = GoogleChatChoice(action: root["action"], common: common)
        event.text = choice.text
        event.target = message["name"].identifier.map { PlatformMessageID($0) }
        event.metadata.add("function", choice.function)
        for (name, part) in [("parameters", choice.parameters), ("form", common["formInputs"])] where part.exists {
            keep(part, as: name, in: &event)
        }
        // A form that was closed without an answer is no question.
        let isCancelled = payload["dialogEventType"].string == "CANCEL_DIALOG"
        if isFromPerson(user), hasSpace, event.text != nil, !isCancelled { event.disposition = .answer }
        return event
    }

    /// A command from the menu, with a message or without.
    private func command() -> InboundEvent {
        var event = message["text"].exists ? utterance() : base(.command, name: "command")
        event.kind = .command
        let id = payload["appCommandMetadata"]["appCommandId"].identifier
        event.metadata.add("command_id", id)
        event.metadata.add("command_type", payload["appCommandMetadata"]["appCommandType"].identifier)
        if event.text?.isEmpty != false { event.text = id }
        if isFromPerson(user), hasSpace, event.text != nil { event.disposition = .answer }
        return event
    }

    private func other(_ name: String) -> InboundEvent {
        var event = base(.event, name: name)
        event.metadata["event"] = .string(name)
        keep(root, as: "payload", in: &event)
        return event
    }

    // MARK: Parts

    private func keep(_ view: JSONView, as name: String, in event: inout InboundEvent) {
        var writer = JSONWriter()
        writer.value(view)
        event.metadata[name] = .json(writer.bytes)
    }

    private func base(_ kind: ContentKind, name: String) -> InboundEvent {
        let author = message["sender"].exists && kind == .text ? message["sender"] : user
        let read = GoogleChatMessage(json: message)
        let thread = read.thread(isGroup: isGroup) ?? payload["thread"]["name"].identifier.map { ThreadID($0) }
        return InboundEvent(
            id: EventID(eventID(name)), kind: kind, disposition: .record,
            place: InboundEvent.Place(
                conversation: ConversationID(spaceName ?? "event:\(name)"),
                thread: isGroup || read.json.exists ? thread : nil,
                isGroup: isGroup), sender: sender(author),
            sentAt: time.string.flatMap { Timestamp($0) })
    }

    /// Only messages have names; other events are told by their place, time and author.
    private func eventID(_ name: String) -> String {
        guard let time = time.string, !time.isEmpty, let spaceName else { return fallbackID() }
        return "\(name):\(spaceName):\(time):\(user["name"].identifier ?? "")"
    }

    private var spaceName: String? {
        space["name"].identifier ?? message["space"]["name"].identifier
            ?? GoogleChatName.prefix(2, of: message["name"].identifier)
    }

    private var hasSpace: Bool { spaceName != nil }

    private var isGroup: Bool {
        let place = space.exists ? space : message["space"]
        if let kind = place["spaceType"].string { return kind != "DIRECT_MESSAGE" }
        return place["type"].string != "DM" && place["singleUserBotDm"].bool != true
    }

    private func sender(_ person: JSONView) -> InboundEvent.Sender? {
        guard let id = person["name"].identifier else { return nil }
        return InboundEvent.Sender(
            id: PlatformUserID(id), name: person["displayName"].identifier, locale: common["userLocale"].identifier)
    }

    private func isFromPerson(_ person: JSONView) -> Bool {
        person["name"].identifier != nil && person["type"].string != "BOT"
    }
}
