package import BridgeCore
internal import Crypto
package import JSON

/// Makes events of the webhooks of Messenger and Instagram, which have one shape: `entry[].messaging[]`, `standby[]` and
/// `changes[]`.
///
/// The account is the page or professional account (`entry.id`), the conversation the person's scoped id.
package struct MessagingReader: Sendable {
    /// Where relative addresses of reels are, as in `https://www.facebook.com`.
    private let origin: String

    /// A reader.
    package init(origin: String) {
        self.origin = origin
    }

    /// The events of one verified body, in its order; a message that stands in it twice is one event.
    package func events(of root: JSONView) -> [InboundEvent] {
        let entries = root["entry"]
        guard entries.kind == .array else { return [unknown(root, named: "entry", in: Entry(.missing))] }
        var events: [InboundEvent] = []
        for view in entries.elements {
            let entry = Entry(view)
            let before = events.count
            for item in view["messaging"].elements { events += self.events(of: item, in: entry) }
            for item in view["standby"].elements { events += standby(item, in: entry) }
            for change in view["changes"].elements { events += self.change(change, in: entry) }
            let hasList = [view["messaging"], view["standby"], view["changes"]].contains { $0.kind == .array }
            if events.count == before, !hasList { events.append(unknown(view, named: "entry", in: entry)) }
        }
        return events.withoutRepeats()
    }

    /// One account's share of a body.
    struct Entry {
        let account: AccountName
        let time: Timestamp?

        init(_ view: JSONView) {
            account = view["id"].identifier.map { AccountName($0) } ?? .default
            time = GraphTime.timestamp(view["time"])
        }
    }

    // MARK: One item

    private func events(of item: JSONView, in entry: Entry) -> [InboundEvent] {
        let message = item["message"]
        if message.kind == .object { return [self.message(message, of: item, in: entry)] }
        if item["postback"].kind == .object { return [postback(item["postback"], of: item, in: entry)] }
        if item["delivery"].kind == .object { return [receipt(.delivered, item["delivery"], of: item, in: entry)] }
        if item["read"].kind == .object { return [receipt(.read, item["read"], of: item, in: entry)] }
        if item["reaction"].kind == .object { return [reaction(item["reaction"], of: item, in: entry)] }
        if item["message_edit"].kind == .object { return [edit(item["message_edit"], of: item, in: entry)] }
        let name = item.members.first { !Self.envelope.contains($0.key) && !$0.key.isEmpty }?.key
        return [unknown(item, named: name ?? "messaging", in: entry)]
    }

    private static let envelope: Set<String> = ["sender", "recipient", "timestamp"]

    /// What another application handles now: only recorded.
    private func standby(_ item: JSONView, in entry: Entry) -> [InboundEvent] {
        events(of: item, in: entry).map { event in
            var event = event
            event.disposition = .record
            event.metadata["standby"] = true
            return event
        }
    }

    private func message(_ message: JSONView, of item: JSONView, in entry: Entry) -> InboundEvent {
        let isEcho = message["is_echo"].bool == true
        let mid = message["mid"].identifier
        if message["is_deleted"].bool == true {
            var event = base(.deleted, item, entry, id: "deleted:\(mid ?? digest(item, entry))", isOwn: isEcho)
            event.target = mid.map { PlatformMessageID($0) }
            return event
        }
        var event = base(.event, item, entry, id: mid, isOwn: isEcho)
        event.messageID = mid.map { PlatformMessageID($0) }
        event.replyTo = message["reply_to"]["mid"].identifier.map { PlatformMessageID($0) }
        let content = MessagingContent(of: message, origin: origin)
        event.kind = content.kind
        event.text = content.text
        event.attachments = content.attachments
        event.metadata = content.metadata
        let isOwn = isEcho || isFromAccount(item, entry)
        if isOwn {
            event.metadata["echo"] = true
            event.metadata.add("app_id", message["app_id"].identifier)
        } else if content.isAnswerable, item["sender"]["id"].identifier != nil {
            event.disposition = .answer
        }
        return event
    }

    private func postback(_ postback: JSONView, of item: JSONView, in entry: Entry) -> InboundEvent {
        // Older postbacks have no `mid`: person, time and payload tell them.
        var event = base(.button, item, entry, id: postback["mid"].identifier.map { "postback:\($0)" })
        event.text = postback["payload"].string ?? postback["title"].string
        event.metadata.add("title", postback["title"].string)
        event.metadata.add("referral", json: postback["referral"])
        if item["sender"]["id"].identifier != nil, !isFromAccount(item, entry) { event.disposition = .answer }
        return event
    }

    private func reaction(_ reaction: JSONView, of item: JSONView, in entry: Entry) -> InboundEvent {
        var event = base(.reaction, item, entry)
        let mid = reaction["mid"].identifier
        let sign = reaction["emoji"].string ?? reaction["reaction"].string
        event.target = mid.map { PlatformMessageID($0) }
        if reaction["action"].string == "unreact" {
            event.metadata["removed"] = sign.map { .string($0) } ?? true
        } else {
            event.text = sign
        }
        return event
    }

    private func edit(_ edit: JSONView, of item: JSONView, in entry: Entry) -> InboundEvent {
        var event = base(.edited, item, entry)
        let mid = edit["mid"].identifier
        event.target = mid.map { PlatformMessageID($0) }
        event.text = edit["text"].string
        return event
    }

    private func receipt(
        _ status: InboundEvent.Receipt.Status, _ news: JSONView, of item: JSONView, in entry: Entry
    ) -> InboundEvent {
        var event = base(.status, item, entry)
        var messages = news["mids"].elements.compactMap(\.identifier)
        if let mid = news["mid"].identifier { messages.append(mid) }
        let watermark = GraphTime.timestamp(news["watermark"])
        event.receipt = InboundEvent.Receipt(
            status, of: messages.map { PlatformMessageID($0) }, upTo: watermark)
        event.target = messages.first.map { PlatformMessageID($0) }
        return event
    }

    // MARK: Changes and what is not known

    /// A change of another kind than a message: comments, mentions, posts; Instagram's test messages come as changes too.
    private func change(_ change: JSONView, in entry: Entry) -> [InboundEvent] {
        let value = change["value"]
        if value["sender"].kind == .object, value["recipient"].kind == .object { return events(of: value, in: entry) }
        let field = change["field"].identifier ?? "changes"
        var event = unknown(change, named: field, in: entry)
        let person = value["from"]["id"].identifier ?? value["sender_id"].identifier
        if let person {
            event.sender = InboundEvent.Sender(
                id: PlatformUserID(person), name: value["from"]["name"].string ?? value["from"]["username"].string)
            event.place.conversation = ConversationID(person)
        }
        event.text = value["text"].string ?? value["message"].string
        return [event]
    }

    /// The record of anything else: its name, who and where as far as the usual fields tell, and the payload as it came.
    private func unknown(_ item: JSONView, named name: String, in entry: Entry) -> InboundEvent {
        var event = base(.event, item, entry, fallback: name)
        event.metadata["event"] = .string(name)
        event.metadata.add("payload", json: item)
        return event
    }

    /// An event in the conversation with the person of an item.
    ///
    /// - Parameters:
    ///   - id: the event's name; without one its bytes name it.
    ///   - fallback: what stands for the conversation where no person is named.
    private func base(
        _ kind: ContentKind, _ item: JSONView, _ entry: Entry, id: String? = nil, isOwn: Bool = false,
        fallback: String = "messaging"
    ) -> InboundEvent {
        let isOwn = isOwn || isFromAccount(item, entry)
        let sender = item["sender"]["id"].identifier
        // Who came by a plug-in and has not written yet has no scoped id (`optin.user_ref`).
        let reference = item["sender"]["user_ref"].identifier ?? item["optin"]["user_ref"].identifier
        let person = isOwn ? item["recipient"]["id"].identifier : sender ?? reference
        return InboundEvent(
            id: EventID(id ?? "\(kind.rawValue):\(digest(item, entry))"), kind: kind, disposition: .record,
            place: InboundEvent.Place(account: entry.account, conversation: ConversationID(person ?? fallback)),
            sender: (sender ?? reference).map { InboundEvent.Sender(id: PlatformUserID($0)) },
            sentAt: GraphTime.timestamp(item["timestamp"]) ?? entry.time)
    }

    /// Whether the account itself wrote this, here or through another application.
    private func isFromAccount(_ item: JSONView, _ entry: Entry) -> Bool {
        guard item["sender"]["id"].identifier == entry.account.rawValue else { return false }
        return item["recipient"]["id"].identifier.map { $0 != entry.account.rawValue } ?? false
    }

    /// Names an item by its bytes, and by the entry's time where it has none: the same when it is delivered again.
    private func digest(_ item: JSONView, _ entry: Entry) -> String {
        var writer = JSONWriter()
        writer.value(item)
        let time = item["timestamp"].exists ? "" : entry.time.map { "@\($0.microseconds)" } ?? ""
        return Hex.encode(Array(SHA256.digest(of: writer.bytes).prefix(12))) + time
    }
}
