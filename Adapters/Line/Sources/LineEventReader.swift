internal import BridgeCore
internal import JSON

/// Makes events of the objects in a webhook's `events`.
struct LineEventReader {
    /// A name for the body, for events that have none of their own.
    let fallbackID: () -> String

    /// The events of all objects, in order.
    ///
    /// LINE gives each object an id of its own; where a body repeats one, the later objects get its number too, so that
    /// none is taken for a repetition of another.
    func events(in list: JSONView) -> [InboundEvent] {
        if list.count == 1 { return events(of: list[0], position: 0) }
        var events: [InboundEvent] = []
        var seen: Set<EventID> = []
        for (position, object) in list.elements.enumerated() {
            for var event in self.events(of: object, position: position) {
                if !seen.insert(event.id).inserted {
                    event.id = EventID("\(event.id):\(position)")
                    seen.insert(event.id)
                }
                events.append(event)
            }
        }
        return events
    }

    private func events(of object: JSONView, position: Int) -> [InboundEvent] {
        let type = object["type"].string ?? ""
        let source = LineSource(object["source"])
        let isStandby = object["mode"].string == "standby"
        var event = InboundEvent(
            id: id(of: object, type: type, source: source, position: position), kind: .event, disposition: .record,
            place: source.place ?? .init(conversation: ConversationID(type.isEmpty ? "unknown" : type)),
            sender: source.user.map { .init(id: $0) }, sentAt: Timestamp(milliseconds: object["timestamp"]))
        if isStandby { event.metadata["mode"] = "standby" }
        // In standby mode somebody else answers (another module, or a person): the API would refuse us.
        let mayAnswer = !isStandby && source.place != nil && !Self.isConsoleTest(object["replyToken"])
        if mayAnswer { event.replyContext[ReplyContextKey.replyToken] = object["replyToken"].identifier }
        switch type {
        case "message":
            readMessage(object["message"], into: &event, mayAnswer: mayAnswer)
            if event.kind == .event { keep(object, type: type, in: &event) }
        case "messageEdited":
            readMessage(object["message"], into: &event, mayAnswer: false)
            event.kind = .edited
            event.target = event.messageID
            event.messageID = nil
        case "unsend":
            event.kind = .deleted
            event.target = object["unsend"]["messageId"].identifier.map { PlatformMessageID($0) }
        case "postback":
            event.kind = .button
            event.text = object["postback"]["data"].string
            keep(object["postback"]["params"], as: "params", in: &event)
            if mayAnswer { event.disposition = .answer }
        case "follow":
            event.kind = .joined
            if object["follow"]["isUnblocked"].bool == true { event.metadata["unblocked"] = true }
        case "join":
            event.kind = .joined
            event.metadata["who"] = "bot"
        case "unfollow":
            event.kind = .left
        case "leave":
            event.kind = .left
            event.metadata["who"] = "bot"
        case "memberJoined":
            return members(object["joined"], .joined, like: event)
        case "memberLeft":
            return members(object["left"], .left, like: event)
        default:
            keep(object, type: type, in: &event)
        }
        return [event]
    }

    /// One event for each who came or went.
    private func members(_ change: JSONView, _ kind: ContentKind, like event: InboundEvent) -> [InboundEvent] {
        var event = event
        event.kind = kind
        let members = change["members"].elements.compactMap { $0["userId"].identifier }
        guard members.count > 1 else {
            if let member = members.first { event.sender = .init(id: PlatformUserID(member)) }
            return [event]
        }
        return members.map { member in
            var each = event
            each.id = EventID("\(event.id):\(member)")
            each.sender = .init(id: PlatformUserID(member))
            return each
        }
    }

    // MARK: Names

    /// The `webhookEventId`; for payloads of the time before there was one, the message's id or what else sets it apart.
    private func id(of object: JSONView, type: String, source: LineSource, position: Int) -> EventID {
        if let id = object["webhookEventId"].identifier { return EventID(id) }
        let message = object["message"]["id"].identifier
        if type == "message", let message { return EventID(message) }
        guard let time = object["timestamp"].identifier, !type.isEmpty else {
            return EventID("\(fallbackID()):\(position)")
        }
        let parts = [
            type, time, source.place?.conversation.rawValue, source.user?.rawValue, message,
            object["unsend"]["messageId"].identifier,
        ]
        return EventID(parts.compactMap { $0 }.joined(separator: ":"))
    }

    /// The reply tokens of the events that the old console sent to try a webhook; nobody is there to be answered.
    private static func isConsoleTest(_ token: JSONView) -> Bool {
        guard let token = token.string?.utf8, token.count == 32 else { return false }
        return token.allSatisfy { $0 == UInt8(ascii: "0") } || token.allSatisfy { $0 == UInt8(ascii: "f") }
    }

    // MARK: Records

    /// Keeps what is not understood as it came, without the token, which is a right to write to the user.
    private func keep(_ object: JSONView, type: String, in event: inout InboundEvent) {
        if !type.isEmpty { event.metadata["event"] = .string(type) }
        guard object.kind == .object else { return keep(object, as: "payload", in: &event) }
        var writer = JSONWriter()
        writer.object { json in
            for (name, value) in object.members where name != "replyToken" {
                json.key(name)
                json.value(value)
            }
        }
        event.metadata["payload"] = .json(writer.bytes)
    }

    /// Keeps a value under a name, if there is one.
    func keep(_ value: JSONView, as name: String, in event: inout InboundEvent) {
        guard value.exists, !value.isNull else { return }
        var writer = JSONWriter()
        writer.value(value)
        event.metadata[name] = .json(writer.bytes)
    }
}

/// The `source` of an event: who and where.
struct LineSource {
    /// The group, the room or the person; nil where none is named.
    let place: InboundEvent.Place?
    /// The person; nil where they have not agreed to be known.
    let user: PlatformUserID?

    init(_ view: JSONView) {
        user = view["userId"].identifier.map { PlatformUserID($0) }
        if let group = view["groupId"].identifier ?? view["roomId"].identifier {
            place = .init(conversation: ConversationID(group), isGroup: true)
        } else {
            place = user.map { .init(conversation: ConversationID($0.rawValue)) }
        }
    }
}

extension Timestamp {
    /// Milliseconds since 1970, as LINE writes times; nil for anything else.
    init?(milliseconds view: JSONView) {
        guard let milliseconds = view.int, milliseconds > 0 else { return nil }
        let (microseconds, overflow) = milliseconds.multipliedReportingOverflow(by: 1000)
        guard !overflow else { return nil }
        self.init(microseconds: microseconds)
    }
}
