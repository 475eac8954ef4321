internal import BridgeCore
internal import Crypto
internal import JSON
internal import MetaGraph

/// Makes events of the Cloud API's webhooks: `entry[].changes[]` with messages, statuses, echoes and errors in any number.
///
/// The account is the business number's id, the conversation the person's user id, else their number, or the group.
struct WhatsAppEventReader: Sendable {
    /// The events of one verified body, in its order; a message that stands in it twice is one event.
    func events(of root: JSONView) -> [InboundEvent] {
        guard root["entry"].kind == .array else { return [unknown(root, field: "entry", account: .default)] }
        var events: [InboundEvent] = []
        for entry in root["entry"].elements {
            guard entry["changes"].kind == .array else {
                events.append(unknown(entry, field: "entry", account: .default))
                continue
            }
            for change in entry["changes"].elements { events += news(in: change) }
        }
        return events.withoutRepeats()
    }

    /// What is the same for everything in one change.
    private struct Context {
        let field: String
        let account: AccountName
        let people: WhatsAppPeople
    }

    private func news(in change: JSONView) -> [InboundEvent] {
        let value = change["value"]
        let context = Context(
            field: change["field"].identifier ?? "messages",
            account: value["metadata"]["phone_number_id"].identifier.map { AccountName($0) } ?? .default,
            people: WhatsAppPeople(value))
        var events: [InboundEvent] = []
        for message in value["messages"].elements { events.append(self.message(message, in: context)) }
        for status in value["statuses"].elements { events.append(self.status(status, in: context)) }
        for echo in value["message_echoes"].elements { events.append(self.echo(echo, in: context)) }
        for error in value["errors"].elements { events.append(self.error(error, in: context)) }
        if events.isEmpty { events.append(other(change, in: context)) }
        return events
    }

    // MARK: Messages

    private func message(_ message: JSONView, in context: Context) -> InboundEvent {
        let person = context.people.person(
            phone: message["from"].identifier, userID: message["from_user_id"].identifier)
        var event = base(message, with: person, group: message["group_id"].identifier, in: context)
        event.sender = person.map { InboundEvent.Sender(id: PlatformUserID($0.id), name: $0.name) }
        event.metadata.add("username", person?.username)
        if let person, let phone = person.phone, phone != person.id {
            event.metadata["phone"] = .string(phone)
            if !event.place.isGroup { event.replyContext[ReplyContextKey.phone] = phone }
        }
        read(message, into: &event)
        if person == nil { event.disposition = .record }
        return event
    }

    /// What somebody wrote on the business's behalf, in the WhatsApp Business app.
    private func echo(_ echo: JSONView, in context: Context) -> InboundEvent {
        let person = context.people.person(phone: echo["to"].identifier, userID: echo["to_user_id"].identifier)
        var event = base(echo, with: person, group: echo["group_id"].identifier, in: context)
        event.sender = echo["from"].identifier.map { InboundEvent.Sender(id: PlatformUserID($0)) }
        read(echo, into: &event)
        event.disposition = .record
        event.movedTo = nil
        event.metadata["echo"] = true
        return event
    }

    private func base(
        _ message: JSONView, with person: WhatsAppPeople.Person?, group: String?, in context: Context
    ) -> InboundEvent {
        let id = message["id"].identifier
        var event = InboundEvent(
            id: EventID(id ?? "message:\(digest(message))"), kind: .event, disposition: .record,
            place: InboundEvent.Place(
                account: context.account, conversation: ConversationID(group ?? person?.id ?? context.field),
                isGroup: group != nil),
            messageID: id.map { PlatformMessageID($0) }, sentAt: GraphTime.timestamp(message["timestamp"]))
        let origin = message["context"]
        if origin["forwarded"].bool == true || origin["frequently_forwarded"].bool == true {
            event.metadata["forwarded"] = true
        }
        event.metadata.add("referred_product", json: origin["referred_product"])
        event.metadata.add("referral", json: message["referral"])
        return event
    }

    /// Reads what a message holds, and what it does to earlier ones.
    private func read(_ message: JSONView, into event: inout InboundEvent) {
        let original = message["context"]["id"].identifier.map { PlatformMessageID($0) }
        switch message["type"].string {
        case "edit":
            let edit = message["edit"]
            let content = WhatsAppContent(of: edit["message"])
            event.kind = .edited
            event.target = edit["original_message_id"].identifier.map { PlatformMessageID($0) }
            event.messageID = nil
            event.text = content.text
            event.attachments = content.attachments
        case "revoke":
            event.kind = .deleted
            event.target = message["revoke"]["original_message_id"].identifier.map { PlatformMessageID($0) }
            event.messageID = nil
        case "reaction":
            let reaction = message["reaction"]
            event.kind = .reaction
            event.target = reaction["message_id"].identifier.map { PlatformMessageID($0) }
            if let emoji = reaction["emoji"].identifier { event.text = emoji } else { event.metadata["removed"] = true }
        case "system":
            let system = message["system"]
            event.text = system["body"].string
            event.metadata.add("system", json: system)
            event.movedTo = successor(of: event.place.conversation, system)
        default:
            let content = WhatsAppContent(of: message)
            event.kind = content.kind
            event.text = content.text
            event.attachments = content.attachments
            for field in content.metadata.fields { event.metadata[field.name] = field.value }
            if content.kind == .button { event.target = original } else { event.replyTo = original }
            if content.isAnswerable { event.disposition = .answer }
        }
    }

    /// Where a conversation goes on after its person has another number or user id.
    private func successor(of conversation: ConversationID, _ system: JSONView) -> ConversationID? {
        let isUserID = conversation.isUserID
        let next =
            isUserID
            ? system["user_id"].identifier : system["wa_id"].identifier ?? system["new_wa_id"].identifier
        guard let next, next != conversation.rawValue else { return nil }
        return ConversationID(next)
    }

    // MARK: News of what we sent

    private func status(_ status: JSONView, in context: Context) -> InboundEvent {
        let word = status["status"].identifier ?? "unknown"
        let message = status["id"].identifier
        let isGroup = status["recipient_type"].string == "group"
        let recipient = status["recipient_id"].identifier
        let person = context.people.person(phone: recipient, userID: status["recipient_user_id"].identifier)
        let conversation = isGroup ? recipient : person?.id
        var event = InboundEvent(
            id: EventID("status:\(message ?? digest(status)):\(word)"), kind: .status, disposition: .record,
            place: InboundEvent.Place(
                account: context.account, conversation: ConversationID(conversation ?? context.field),
                isGroup: isGroup),
            target: message.map { PlatformMessageID($0) }, sentAt: GraphTime.timestamp(status["timestamp"]))
        event.metadata["status"] = .string(word)
        event.metadata.add("errors", json: status["errors"])
        event.metadata.add("pricing", json: status["pricing"])
        let known: [String: InboundEvent.Receipt.Status] = [
            "sent": .sent, "delivered": .delivered, "read": .read, "played": .read, "failed": .failed,
        ]
        if let message, let meaning = known[word] {
            event.receipt = InboundEvent.Receipt(
                meaning, of: [PlatformMessageID(message)], reason: reason(in: status["errors"][0]))
        }
        return event
    }

    private func reason(in error: JSONView) -> String? {
        guard error.kind == .object else { return nil }
        let code = error["code"].int.map { "(\($0)) " } ?? ""
        return code + (error["error_data"]["details"].string ?? error["title"].string ?? "failed")
    }

    private func error(_ error: JSONView, in context: Context) -> InboundEvent {
        var event = unknown(error, field: context.field, account: context.account)
        event.id = EventID("error:\(digest(error))")
        event.text = reason(in: error)
        event.metadata["event"] = "errors"
        return event
    }

    // MARK: Everything else

    /// A change without messages: calls, preferences, templates, the account's own news.
    private func other(_ change: JSONView, in context: Context) -> InboundEvent {
        var event = unknown(change, field: context.field, account: context.account)
        // Most kinds have a list of their own name, whose items say who it was.
        let item = change["value"][context.field][0]
        let person = context.people.person(
            phone: item["from"].identifier ?? item["wa_id"].identifier,
            userID: item["from_user_id"].identifier ?? item["user_id"].identifier)
        if let person {
            event.sender = InboundEvent.Sender(id: PlatformUserID(person.id), name: person.name)
            event.place.conversation = ConversationID(person.id)
        }
        event.sentAt = GraphTime.timestamp(item["timestamp"])
        return event
    }

    private func unknown(_ view: JSONView, field: String, account: AccountName) -> InboundEvent {
        var event = InboundEvent(
            id: EventID("\(field):\(digest(view))"), kind: .event, disposition: .record,
            place: InboundEvent.Place(account: account, conversation: ConversationID(field)))
        event.metadata["event"] = .string(field)
        event.metadata.add("payload", json: view)
        return event
    }

    /// Names a value by its bytes: the same when it is delivered again.
    private func digest(_ view: JSONView) -> String {
        var writer = JSONWriter()
        writer.value(view)
        return Hex.encode(Array(SHA256.digest(of: writer.bytes).prefix(12)))
    }
}

/// The names of what the reader leaves in `InboundEvent.replyContext` for the encoder.
enum ReplyContextKey {
    static let phone = "phone"
}

extension ConversationID {
    /// Whether this is a business-scoped user id: a country's two letters, a period, and the rest.
    var isUserID: Bool {
        let bytes = Array(rawValue.utf8.prefix(3))
        return bytes.count == 3 && bytes[2] == UInt8(ascii: ".")
            && bytes[..<2].allSatisfy { (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) }
    }
}
