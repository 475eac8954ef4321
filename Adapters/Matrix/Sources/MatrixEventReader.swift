internal import BridgeCore
internal import JSON

/// Makes events of what a homeserver pushes in a transaction.
struct MatrixEventReader: Sendable {
    /// Our own user.
    let userID: String

    /// The events of a transaction, in its order; those that it has more of than the room does (`ephemeral`) come last.
    ///
    /// - Parameter name: names the transaction, for events that have no name of their own.
    func events(of transaction: JSONView, name: () -> String) -> [InboundEvent] {
        var events: [InboundEvent] = []
        var encryptedRooms: Set<ConversationID> = []
        for (number, item) in transaction["events"].elements.enumerated() {
            guard item.kind == .object, let event = event(of: item, fallbackID: { "\(name()):\(number)" }) else {
                continue
            }
            events.append(event)
            let isEncrypted = event.kind == .event && MatrixEventType.encrypted.contains(item["type"].string ?? "")
            if isEncrypted, item["room_id"].identifier != nil,
                encryptedRooms.insert(event.place.conversation).inserted
            {
                events.append(refusal(of: event))
            }
        }
        // Before this was in the specification it had the name of its proposal; a homeserver may send both.
        let stable = transaction["ephemeral"]
        let ephemeral = stable.exists ? stable : transaction["de.sorunome.msc2409.ephemeral"]
        for item in ephemeral.elements { events += receipts(item) }
        return events
    }

    /// One event; nil for what we did ourselves: it was logged when we did it.
    private func event(of item: JSONView, fallbackID: () -> String) -> InboundEvent? {
        let type = item["type"].string ?? ""
        // "State or message" is told by the key alone, whatever the type.
        let isState = item["state_key"].exists
        if !isState, item["sender"].string == userID { return nil }
        switch type {
        case "m.room.message" where !isState, "m.sticker" where !isState:
            return message(item, type: type, fallbackID: fallbackID)
        case "m.reaction" where !isState:
            return reaction(item, fallbackID: fallbackID)
        case "m.room.redaction" where !isState:
            return redaction(item, fallbackID: fallbackID)
        case "m.room.member" where isState:
            return membership(item, fallbackID: fallbackID)
        default:
            return other(item, type: type, fallbackID: fallbackID)
        }
    }

    // MARK: Messages

    private func message(_ item: JSONView, type: String, fallbackID: () -> String) -> InboundEvent {
        let content = item["content"]
        let relation = content["m.relates_to"]
        let relationType = relation["rel_type"].string
        let isEdit = relationType == "m.replace"
        let newContent = content["m.new_content"]
        let isRenewed = isEdit && newContent.kind == .object
        let isReply = relation["m.in_reply_to"]["event_id"].identifier != nil
        let read = MatrixContent(isRenewed ? newContent : content, isSticker: type == "m.sticker", isReply: isReply)

        var event = base(item, isEdit ? .edited : read.kind, fallbackID: fallbackID)
        event.text = read.text
        event.attachments = read.attachments
        event.metadata = read.metadata
        if isEdit {
            event.target = relation["event_id"].identifier.map { PlatformMessageID($0) }
            // Clients that know no edits are shown the new text behind a star.
            if !isRenewed, let text = read.text, text.hasPrefix("* ") { event.text = String(text.dropFirst(2)) }
            return event
        }
        event.messageID = messageID(item)
        if relationType == "m.thread" { event.place.thread = relation["event_id"].identifier.map { ThreadID($0) } }
        // In a thread, every message replies to the last one for clients that know no threads.
        if relationType != "m.thread" || relation["is_falling_back"].bool != true {
            event.replyTo = relation["m.in_reply_to"]["event_id"].identifier.map { PlatformMessageID($0) }
        }
        let mentions = Mentions(content["m.mentions"], of: userID)
        event.place.isGroup = mentions.isAnybody
        guard read.isAnswerable, let sender = item["sender"].identifier, item["room_id"].identifier != nil,
            !mentions.isAnybody || mentions.isUs || read.text?.contains(userID) == true
        else { return event }
        event.disposition = .answer
        // Who calls us by name stands among others: the answer then shows what it answers.
        if mentions.isUs { event.replyContext[ReplyContextKey.asker] = sender }
        return event
    }

    /// Whom a message is meant for, as far as its sender says so.
    private struct Mentions {
        let isAnybody: Bool
        let isUs: Bool

        init(_ mentions: JSONView, of userID: String) {
            var isAnybody = false
            var isUs = false
            for user in mentions["user_ids"].elements {
                guard let user = user.string else { continue }
                isAnybody = true
                if user == userID { isUs = true }
            }
            self.isAnybody = isAnybody
            self.isUs = isUs
        }
    }

    private func reaction(_ item: JSONView, fallbackID: () -> String) -> InboundEvent {
        let relation = item["content"]["m.relates_to"]
        var event = base(item, .reaction, fallbackID: fallbackID)
        event.messageID = messageID(item)
        event.target = relation["event_id"].identifier.map { PlatformMessageID($0) }
        event.text = relation["key"].string
        return event
    }

    private func redaction(_ item: JSONView, fallbackID: () -> String) -> InboundEvent {
        var event = base(item, .deleted, fallbackID: fallbackID)
        // Rooms of version 11 and later have it in the content.
        let target = item["redacts"].identifier ?? item["content"]["redacts"].identifier
        event.target = target.map { PlatformMessageID($0) }
        event.metadata.add("reason", item["content"]["reason"].identifier)
        return event
    }

    // MARK: Encrypted rooms

    /// What tells people once in each room that nobody here can read them.
    ///
    /// It is an event of its own, with the room for its name: whichever message is the first has it, and the engine
    /// takes it for a repetition afterwards.
    private func refusal(of event: InboundEvent) -> InboundEvent {
        InboundEvent(
            id: EventID("encrypted room \(event.place.conversation)"), kind: .event, disposition: .record,
            place: InboundEvent.Place(conversation: event.place.conversation),
            // By the same name the homeserver tells the note of a bridge that was started again.
            replyContext: [ReplyContextKey.transaction: "encrypted-room"],
            followUps: [.send(text: Self.refusalText, format: .plain)],
            metadata: ["type": "encrypted_room_refused"])
    }

    static let refusalText =
        "This room is encrypted, and I cannot read encrypted messages. Please invite me to a room without encryption."

    // MARK: Receipts

    /// One event for each who read messages, which an application service is told of when its registration asks for it.
    ///
    /// Typing and presence come the same way, every few seconds, and are nothing to write down.
    private func receipts(_ item: JSONView) -> [InboundEvent] {
        guard item["type"].string == "m.receipt", let room = item["room_id"].identifier else { return [] }
        var events: [InboundEvent] = []
        for (message, receipts) in item["content"].members {
            for (user, receipt) in receipts["m.read"].members where user != userID && !user.isEmpty {
                events.append(
                    InboundEvent(
                        id: EventID("read \(message) \(user)"), kind: .status, disposition: .record,
                        place: InboundEvent.Place(
                            conversation: ConversationID(room), thread: MatrixTime.thread(of: receipt)),
                        sender: InboundEvent.Sender(id: PlatformUserID(user)), target: PlatformMessageID(message),
                        sentAt: MatrixTime.timestamp(receipt["ts"]),
                        receipt: InboundEvent.Receipt(.read, of: [PlatformMessageID(message)])))
            }
        }
        return events
    }
}

/// The names of what the reader leaves in `InboundEvent.replyContext` for the encoder.
enum ReplyContextKey {
    /// Who asked, where the answer is to show it.
    static let asker = "asker"
    /// The transaction id of a send that must happen once.
    static let transaction = "transaction"
    /// A server by which the room can be found.
    static let server = "server"
    /// Another room than the event's, to come into.
    static let room = "room"
}

/// Sets of event types.
enum MatrixEventType {
    /// Those that say that a room is encrypted.
    static let encrypted: Set<String> = ["m.room.encrypted", "m.room.encryption"]
}

/// Matrix's times: milliseconds since 1970.
enum MatrixTime {
    static func timestamp(_ value: JSONView) -> Timestamp? {
        guard let milliseconds = value.int, milliseconds > 0, milliseconds < 253_402_300_800_000 else { return nil }
        return Timestamp(microseconds: milliseconds * 1000)
    }

    /// The thread of a receipt: `main` and none are the room itself.
    static func thread(of receipt: JSONView) -> ThreadID? {
        guard let id = receipt["thread_id"].identifier, id != "main" else { return nil }
        return ThreadID(id)
    }
}
