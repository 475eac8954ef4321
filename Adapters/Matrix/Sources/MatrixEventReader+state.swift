internal import BridgeCore
internal import JSON

extension MatrixEventReader {
    // MARK: Who comes and goes

    /// An invitation, an arrival, a departure, or a new name or picture; ours are followed by coming in.
    func membership(_ item: JSONView, fallbackID: () -> String) -> InboundEvent {
        let content = item["content"]
        let membership = content["membership"].string ?? ""
        let before = item["unsigned"]["prev_content"]["membership"].string ?? item["prev_content"]["membership"].string
        var event = base(item, kind(of: membership, before: before), fallbackID: fallbackID)
        event.metadata["type"] = "m.room.member"
        event.metadata["membership"] = .string(membership)
        event.metadata.add("reason", content["reason"].identifier)
        let subject = item["state_key"].identifier
        switch membership {
        case "invite":
            event.metadata.add("invited", subject)
            if content["is_direct"].bool == true { event.metadata["is_direct"] = true }
            if subject == userID, item["room_id"].identifier != nil {
                event.followUps = [.join]
                // A room of another server is found by the server of who invites.
                event.replyContext[ReplyContextKey.server] =
                    item["sender"].identifier.flatMap { MatrixIdentifier.server(of: $0) }
            }
        case "join", "leave", "ban":
            // What happened is the subject's, whoever did it.
            guard let subject else { break }
            if let actor = event.sender?.id.rawValue, actor != subject {
                event.metadata[membership == "join" ? "invited_by" : "removed_by"] = .string(actor)
            }
            event.sender = InboundEvent.Sender(
                id: PlatformUserID(subject), name: membership == "join" ? content["displayname"].identifier : nil)
        default:
            break
        }
        return event
    }

    private func kind(of membership: String, before: String?) -> ContentKind {
        switch (membership, before) {
        // A join after a join is a new name or picture.
        case ("join", "join"): .event
        case ("join", _): .joined
        // Who declines an invitation, takes one back or lifts a ban was not there.
        case ("leave", "invite"), ("leave", "ban"), ("leave", "knock"), ("leave", "leave"): .event
        case ("leave", _): .left
        case ("ban", "join"), ("ban", nil): .left
        default: .event
        }
    }

    // MARK: Anything else

    /// The record of any other event, state or not: its type, and its content as it came.
    func other(_ item: JSONView, type: String, fallbackID: () -> String) -> InboundEvent {
        let content = item["content"]
        var event = base(item, .event, fallbackID: fallbackID)
        event.metadata["type"] = .string(type)
        event.metadata.add("state_key", item["state_key"].identifier)
        switch type {
        case "m.room.encrypted":
            // What nobody can read is not kept; it may be 64 KiB.
            event.messageID = messageID(item)
            event.metadata.add("algorithm", content["algorithm"].identifier)
            return event
        case "m.room.topic": event.text = content["topic"].string
        case "m.room.name": event.text = content["name"].string
        case "m.room.tombstone":
            event.text = content["body"].string
            if let room = content["replacement_room"].identifier, room != event.place.conversation.rawValue {
                event.movedTo = ConversationID(room)
                event.followUps = [.join]
                event.replyContext[ReplyContextKey.room] = room
                event.replyContext[ReplyContextKey.server] =
                    item["sender"].identifier.flatMap { MatrixIdentifier.server(of: $0) }
            }
        default: event.text = content["body"].string
        }
        if content.exists {
            var writer = JSONWriter()
            writer.value(content)
            event.metadata["payload"] = .json(writer.bytes)
        }
        return event
    }

    // MARK: Parts

    /// An event with what every event has: its name, room, author and time.
    func base(_ item: JSONView, _ kind: ContentKind, fallbackID: () -> String) -> InboundEvent {
        let sender = item["sender"].identifier
        let room = item["room_id"].identifier ?? sender ?? item["type"].identifier ?? "unknown"
        return InboundEvent(
            id: eventID(item, fallbackID: fallbackID), kind: kind, disposition: .record,
            place: InboundEvent.Place(conversation: ConversationID(room)),
            sender: sender.map { InboundEvent.Sender(id: PlatformUserID($0)) },
            sentAt: MatrixTime.timestamp(item["origin_server_ts"]))
    }

    func messageID(_ item: JSONView) -> PlatformMessageID? {
        item["event_id"].identifier.map { PlatformMessageID($0) }
    }

    /// The event's name; that of anything but a message bears the type too.
    ///
    /// It is unique by itself, and costs nothing to be sure of where a test or a careless server repeats one.
    private func eventID(_ item: JSONView, fallbackID: () -> String) -> EventID {
        guard let id = item["event_id"].identifier else { return EventID(fallbackID()) }
        guard let type = item["type"].string, type != "m.room.message" else { return EventID(id) }
        return EventID("\(type) \(id)")
    }
}
