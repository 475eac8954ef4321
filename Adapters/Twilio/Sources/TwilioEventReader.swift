internal import BridgeCore
internal import Crypto
internal import JSON

/// Makes an event of a webhook: an incoming message, or news of one that we sent.
///
/// The account is our own address (`+1…`, `whatsapp:+1…`), the conversation the other side's.
struct TwilioEventReader: Sendable {
    /// Our own addresses besides those of the requests, whose messages are our own.
    let sender: String

    /// The event of a form: a message, news of one, or the record of anything else; nil when it is no form.
    ///
    /// - Parameter digest: names a webhook without a SID.
    func event(of form: TwilioForm, digest: () -> String) -> InboundEvent? {
        let sid = form["MessageSid"] ?? form["SmsMessageSid"] ?? form["SmsSid"]
        let smsStatus = form["SmsStatus"]
        let isNews =
            form["MessageStatus"] != nil
            || (form[raw: "Body"] == nil && form["NumMedia"] == nil && smsStatus != nil && smsStatus != "received")
        if isNews { return status(form, sid: sid, digest: digest) }
        if form["CallSid"] == nil, form.address("From") != nil || sid != nil {
            return message(form, sid: sid, digest: digest)
        }
        return other(form, digest: digest)
    }

    /// The record of a call, and of everything else that Twilio signs.
    private func other(_ form: TwilioForm, digest: () -> String) -> InboundEvent? {
        let named = form.pairs.filter { parameter in
            !parameter.value.isEmpty && !parameter.name.isEmpty
                && parameter.name.utf8.allSatisfy {
                    ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A) || (0x30...0x39).contains($0)
                }
        }
        guard let first = named.first else { return nil }
        let person = form.address("From")
        var event = InboundEvent(
            id: EventID("event:\(digest())"), kind: .event, disposition: .record,
            place: InboundEvent.Place(
                account: form.address("To").map { AccountName($0) } ?? .default,
                conversation: ConversationID(person ?? first.name)),
            sender: person.map { InboundEvent.Sender(id: PlatformUserID($0)) })
        var writer = JSONWriter()
        writer.object { json in
            for parameter in named {
                json.key(parameter.name)
                json.value(parameter.value)
            }
        }
        event.metadata["payload"] = .json(writer.bytes)
        return event
    }

    // MARK: Messages

    private func message(_ form: TwilioForm, sid: String?, digest: () -> String) -> InboundEvent {
        let from = form.address("From")
        let to = form.address("To")
        // The user id outlives the number, which a person with a username may not show.
        let userID = from?.hasPrefix("whatsapp:") == true ? form.address("ExternalUserId") : nil
        let person = userID ?? from
        var event = InboundEvent(
            id: EventID(sid ?? "message:\(digest())"), kind: .event, disposition: .record,
            place: InboundEvent.Place(
                account: to.map { AccountName($0) } ?? .default, conversation: ConversationID(person ?? "message")),
            sender: person.map { InboundEvent.Sender(id: PlatformUserID($0), name: form["ProfileName"]) },
            messageID: sid.map { PlatformMessageID($0) })
        if let from, let person, from != person {
            event.metadata["phone"] = .string(from)
            event.replyContext[ReplyContextKey.address] = from
        }
        let content = TwilioContent(of: form)
        event.kind = content.kind
        event.text = content.text
        event.attachments = content.attachments
        event.metadata.append(content.metadata)
        let original = form["OriginalRepliedMessageSid"].map { PlatformMessageID($0) }
        if content.kind == .button { event.target = original } else { event.replyTo = original }
        let isOwn = person == nil || from == to || from == sender
        if !isOwn, content.isAnswerable { event.disposition = .answer }
        return event
    }

    // MARK: News of what we sent

    private func status(_ form: TwilioForm, sid: String?, digest: () -> String) -> InboundEvent {
        let word = form["MessageStatus"] ?? form["SmsStatus"] ?? "unknown"
        let person = form.address("To")
        var event = InboundEvent(
            id: EventID("status:\(sid ?? digest()):\(word)"), kind: .status, disposition: .record,
            place: InboundEvent.Place(
                account: form.address("From").map { AccountName($0) } ?? .default,
                conversation: ConversationID(person ?? "status")), target: sid.map { PlatformMessageID($0) })
        event.metadata["status"] = .string(word)
        event.metadata.add("error_code", form["ErrorCode"])
        event.metadata.add("error_message", form["ErrorMessage"] ?? form["ChannelStatusMessage"])
        let known: [String: InboundEvent.Receipt.Status] = [
            "sent": .sent, "delivered": .delivered, "read": .read, "undelivered": .failed, "failed": .failed,
            "canceled": .failed,
        ]
        if let sid, let meaning = known[word] {
            event.receipt = InboundEvent.Receipt(
                meaning, of: [PlatformMessageID(sid)], reason: meaning == .failed ? reason(in: form) : nil)
        }
        return event
    }

    private func reason(in form: TwilioForm) -> String? {
        let code = form["ErrorCode"]
        let words = form["ErrorMessage"] ?? form["ChannelStatusMessage"] ?? TwilioErrorCode.words(of: code)
        let parts = [code, words].compactMap { $0 }
        return parts.isEmpty ? nil : parts.joined(separator: " ")
    }

    // MARK: JSON

    /// A record of each of the events of Twilio's JSON webhooks, as Event Streams sends them; nil when it is none.
    func events(of root: JSONView, digest: () -> String) -> [InboundEvent]? {
        let items = root.kind == .array ? Array(root.elements) : [root]
        guard !items.isEmpty, items.contains(where: { $0.kind == .object && $0.count > 0 }) else { return nil }
        return items.enumerated().map { number, item in
            let type = item["type"].identifier ?? item["EventType"].identifier ?? "event"
            var event = InboundEvent(
                id: EventID("event:\(item["id"].identifier ?? "\(digest()):\(number)")"), kind: .event,
                disposition: .record, place: InboundEvent.Place(conversation: ConversationID(type)))
            event.metadata["event"] = .string(type)
            var writer = JSONWriter()
            writer.value(item)
            event.metadata["payload"] = .json(writer.bytes)
            return event
        }
    }
}

/// The names of what the reader leaves in `InboundEvent.replyContext` for the encoder.
enum ReplyContextKey {
    static let address = "address"
}

extension Metadata {
    /// Adds the fields of other metadata.
    mutating func append(_ other: Metadata) {
        for field in other.fields { self[field.name] = field.value }
    }
}
