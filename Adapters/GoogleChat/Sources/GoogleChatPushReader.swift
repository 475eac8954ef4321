internal import BridgeCore
internal import Crypto
internal import JSON

/// Makes events of a push by Pub/Sub with an event of Google Workspace inside
/// (<https://developers.google.com/workspace/events/guides/events-chat>).
///
/// They tell of everything in a space, the app's own messages included. They are for the record: what is meant for the app comes
/// as an interaction too, and is answered there.
struct GoogleChatPushReader {
    let message: JSONView
    let fallbackID: () -> String

    private let data: JSONView
    private let type: String

    init(message: JSONView, fallbackID: @escaping () -> String) {
        self.message = message
        self.fallbackID = fallbackID
        data =
            message["data"].string.flatMap { Base64.decode($0) ?? Base64.decode($0, alphabet: .urlSafe) }.flatMap {
                try? JSONView(parsing: $0)
            } ?? .missing
        type = message["attributes"]["ce-type"].string ?? ""
    }

    /// The events; several where Google tells of several things at once.
    func events() -> [InboundEvent] {
        // `google.workspace.chat.message.v1.batchCreated`: the words behind the last two dots matter.
        let words = type.split(separator: ".")
        let subject = words.count >= 3 ? String(words[words.count - 3]) : ""
        let change = words.last.map { $0.hasPrefix("batch") ? $0.dropFirst(5).lowercased() : String($0) } ?? ""
        let items: [JSONView]
        let member: String
        switch subject {
        case "message" where type.contains(".chat."): (items, member) = (parts("messages", "message"), "message")
        case "reaction": (items, member) = (parts("reactions", "reaction"), "reaction")
        case "membership": (items, member) = (parts("memberships", "membership"), "membership")
        // Without its attributes an event is told by what is in it.
        default: (items, member) = type.isEmpty && data["message"].exists ? ([data["message"]], "message") : ([], "")
        }
        var events = items.compactMap { item -> InboundEvent? in
            switch member {
            case "message": about(message: item, change: change)
            case "reaction": reaction(item, isRemoval: change == "deleted")
            default: membership(item, change: change)
            }
        }
        if events.isEmpty, items.isEmpty { events = [other()] }
        if events.count > 1 {
            for index in events.indices { events[index].id = EventID("\(events[index].id):\(index)") }
        }
        return events
    }

    private func parts(_ list: String, _ name: String) -> [JSONView] {
        if data[list].kind == .array {
            return data[list].elements.map { $0[name].exists ? $0[name] : $0 }.filter { $0.kind == .object }
        }
        return data[name].kind == .object ? [data[name]] : []
    }

    /// A message that was written, changed or deleted; nil for one that we wrote ourselves.
    private func about(message item: JSONView, change: String) -> InboundEvent? {
        let read = GoogleChatMessage(json: item)
        if item["clientAssignedMessageId"].string?.hasPrefix(GoogleChatAdapter.messageIDPrefix) == true { return nil }
        var event = base(.text, about: read.name ?? item["space"]["name"].identifier, by: read.sender)
        if event.place.conversation.rawValue == fallbackConversation, let space = item["space"]["name"].identifier {
            event.place.conversation = ConversationID(space)
        }
        event.place.thread = read.thread(isGroup: true)
        let name = read.name.map { PlatformMessageID($0) }
        switch change {
        case "deleted":
            event.kind = .deleted
            event.target = name
            return event
        case "updated":
            event.kind = .edited
            event.target = name
        default:
            event.messageID = name
            event.sentAt = read.sentAt ?? event.sentAt
            event.replyTo = read.quoted
        }
        event.text = read.words
        event.attachments = read.attachments
        if change != "updated", let kind = event.attachments.first?.kind { event.kind = kind }
        return event
    }

    /// An emoji at a message, whose name is the beginning of the reaction's: `spaces/S/messages/M/reactions/R`.
    private func reaction(_ item: JSONView, isRemoval: Bool) -> InboundEvent {
        let name = item["name"].identifier
        var event = base(.reaction, about: name, by: item["user"])
        event.target = GoogleChatName.prefix(4, of: name).map { PlatformMessageID($0) }
        let emoji = item["emoji"]
        let text =
            emoji["unicode"].identifier ?? emoji["customEmoji"]["emojiName"].identifier
            ?? emoji["customEmoji"]["uid"].identifier
        if isRemoval { event.metadata.add("removed", text) } else { event.text = text }
        return event
    }

    private func membership(_ item: JSONView, change: String) -> InboundEvent {
        let kind: ContentKind =
            switch change {
            case "created": .joined
            case "deleted": .left
            default: .event
            }
        var event = base(kind, about: item["name"].identifier, by: item["member"])
        event.metadata.add("role", item["role"].identifier)
        if kind == .event { event.metadata["event"] = .string(type) }
        return event
    }

    /// The record of anything else: a space's new name, the end of the subscription, and kinds that we do not know.
    private func other() -> InboundEvent {
        var event = base(.event, about: data["space"]["name"].identifier, by: .missing)
        event.metadata["event"] = .string(type.isEmpty ? "push" : type)
        if data.exists {
            var writer = JSONWriter()
            writer.value(data)
            event.metadata["payload"] = .json(writer.bytes)
        }
        return event
    }

    /// Where an event goes that names no space.
    private var fallbackConversation: String { type.isEmpty ? "push" : type }

    private func base(_ kind: ContentKind, about name: String?, by person: JSONView) -> InboundEvent {
        let attributes = message["attributes"]
        let subject = attributes["ce-subject"].string.map { String($0.drop { $0 == "/" }) }
        // `//chat.googleapis.com/spaces/AAA`.
        let space =
            GoogleChatName.prefix(2, of: name)
            ?? GoogleChatName.prefix(2, of: subject?.split(separator: "/", maxSplits: 1).last.map(String.init))
        // A push that is repeated has the same `messageId`, an event that is published again the same `ce-id`.
        let id = attributes["ce-id"].identifier ?? message["messageId"].identifier ?? message["message_id"].identifier
        let time = attributes["ce-time"].string ?? message["publishTime"].string
        return InboundEvent(
            id: EventID(id.map { "push:\($0)" } ?? fallbackID()), kind: kind, disposition: .record,
            place: InboundEvent.Place(conversation: ConversationID(space ?? fallbackConversation), isGroup: true),
            sender: person["name"].identifier.map {
                InboundEvent.Sender(id: PlatformUserID($0), name: person["displayName"].identifier)
            }, sentAt: time.flatMap { Timestamp($0) })
    }
}
