internal import BridgeCore
internal import JSON

/// Makes events of what Slack's Events API and interactivity send.
struct SlackEventReader {
    /// The outermost object: an envelope around `event`, an interaction, or a bare event.
    let root: JSONView
    /// Names the event where Slack does not.
    let fallbackID: () -> String

    /// The events; nil when the object has neither a type nor an event.
    func events() -> [InboundEvent]? {
        if let command = SlackCommand(root) { return [command.event(fallbackID: fallbackID)] }
        // Asked for many members, of which a usual message has few.
        let inner = root["event"].indexed
        if inner.kind == .object { return events(of: inner) }
        guard let type = root["type"].identifier else { return nil }
        return interactions(of: type) ?? events(of: root)
    }

    private func events(of event: JSONView) -> [InboundEvent] {
        switch event["type"].string {
        case "message": message(event)
        case "app_mention": [utterance(event, isMention: true)]
        case "reaction_added", "reaction_removed": [reaction(event)]
        case "member_joined_channel": [membership(event, .joined)]
        case "member_left_channel": [membership(event, .left)]
        default: [other(event)]
        }
    }

    // MARK: Messages

    private func message(_ event: JSONView) -> [InboundEvent] {
        switch event["subtype"].string {
        case nil, "", "file_share", "thread_broadcast", "me_message", "bot_message":
            [utterance(event, isMention: false)]
        case "message_changed":
            // Our own edits while an answer streams come back too; what was said at last is logged where it was sent.
            isOurs(event["message"]) ? [] : [edit(event)]
        case "message_deleted":
            [deletion(event)]
        default:
            [other(event)]
        }
    }

    /// Something that somebody said.
    private func utterance(_ event: JSONView, isMention: Bool) -> InboundEvent {
        let raw = event["text"].string ?? ""
        let attachments = event["files"].elements.map { SlackFile.attachment($0) }
        let ts = event["ts"].identifier
        var result = self.event(
            event, attachments.first?.kind ?? .text, about: ts, thread: event["thread_ts"].identifier)
        result.messageID = ts.map { PlatformMessageID($0) }
        result.text = raw.isEmpty && !attachments.isEmpty ? nil : SlackText.readable(raw)
        result.attachments = attachments
        result.metadata.add("subtype", event["subtype"].identifier)
        let isAddressed = isMention || !result.place.isGroup || botUsers.contains { SlackText.mentions($0, in: raw) }
        guard isAddressed, event["channel"].identifier != nil, isFromPerson(event) else { return result }
        result.disposition = .answer
        // A mention arrives as `app_mention` and as `message`, under two event ids: whichever is first is answered.
        if let channel = event["channel"].identifier, let ts {
            result.aliases.append(EventID("message:\(result.place.account):\(channel):\(ts)"))
        }
        if let id = event["client_msg_id"].identifier {
            result.aliases.append(EventID("client:\(result.place.account):\(id)"))
        }
        return result
    }

    /// A new text; or, as when Slack unfurls a link, the same text with something around it, which is no edit.
    private func edit(_ event: JSONView) -> InboundEvent {
        let message = event["message"]
        let previous = event["previous_message"]
        let ts = message["ts"].identifier ?? previous["ts"].identifier
        let isSameText = previous["text"].string != nil && previous["text"].string == message["text"].string
        var result = self.event(
            event, isSameText ? .event : .edited, about: ts,
            thread: message["thread_ts"].identifier ?? previous["thread_ts"].identifier)
        result.sender = sender(of: message)
        result.target = ts.map { PlatformMessageID($0) }
        result.text = message["text"].string.map { SlackText.readable($0) }
        result.attachments = message["files"].elements.map { SlackFile.attachment($0) }
        result.metadata["subtype"] = "message_changed"
        return result
    }

    private func deletion(_ event: JSONView) -> InboundEvent {
        let previous = event["previous_message"]
        let ts = event["deleted_ts"].identifier ?? previous["ts"].identifier
        var result = self.event(event, .deleted, about: ts, thread: previous["thread_ts"].identifier)
        result.sender = sender(of: previous)
        result.target = ts.map { PlatformMessageID($0) }
        return result
    }

    // MARK: Other events

    /// A reaction; Slack does not say in which thread its message stands.
    private func reaction(_ event: JSONView) -> InboundEvent {
        let item = event["item"]
        var result = self.event(event, .reaction, about: nil, thread: nil)
        result.target = (item["ts"].identifier ?? item["file"].identifier).map { PlatformMessageID($0) }
        let name = event["reaction"].string
        if event["type"].string == "reaction_removed" {
            result.metadata.add("removed", name)
        } else {
            result.text = name
        }
        return result
    }

    private func membership(_ event: JSONView, _ kind: ContentKind) -> InboundEvent {
        var result = self.event(event, kind, about: nil, thread: nil)
        result.metadata.add("invited_by", event["inviter"].identifier)
        return result
    }

    /// The record of anything else: system messages, control events as `tokens_revoked`, and kinds that we do not know.
    private func other(_ event: JSONView) -> InboundEvent {
        var result = self.event(event, .event, about: nil, thread: event["thread_ts"].identifier)
        result.text = event["text"].identifier.map { SlackText.readable($0) }
        result.messageID = event["ts"].identifier.map { PlatformMessageID($0) }
        result.metadata.add("event", event["type"].identifier ?? "unknown")
        result.metadata.add("subtype", event["subtype"].identifier)
        var writer = JSONWriter()
        writer.value(event)
        result.metadata["payload"] = .json(writer.bytes)
        return result
    }

    // MARK: Parts

    /// An event with what every event has: its name, place, author and time.
    ///
    /// - Parameters:
    ///   - ts: the message that it is about, which is a channel's thread when it stands in none: answers go into threads.
    ///   - thread: the thread in which that message stands.
    private func event(
        _ event: JSONView, _ kind: ContentKind, about ts: String?, thread: String?
    ) -> InboundEvent {
        let channel =
            event["channel"].identifier ?? event["channel"]["id"].identifier ?? event["item"]["channel"].identifier
            ?? event["channel_id"].identifier
        let isDirect = event["channel_type"].string == "im" || channel?.first == "D"
        let conversation = channel ?? event["type"].identifier ?? "unknown"
        return InboundEvent(
            id: EventID(root["event_id"].identifier ?? fallbackID()), kind: kind, disposition: .record,
            place: InboundEvent.Place(
                account: account, conversation: ConversationID(conversation),
                thread: (thread ?? (isDirect ? nil : ts)).map { ThreadID($0) }, isGroup: !isDirect),
            sender: sender(of: event), sentAt: SlackTime.timestamp(event["event_ts"].string ?? event["ts"].string))
    }

    /// The workspace, or the organization where an app is installed for all of it.
    var account: AccountName {
        let id = root["team_id"].identifier ?? root["team"]["id"].identifier ?? root["enterprise_id"].identifier
        return id.map { AccountName($0) } ?? .default
    }

    private func sender(of message: JSONView) -> InboundEvent.Sender? {
        let user = message["user"].identifier ?? message["user"]["id"].identifier ?? message["bot_id"].identifier
        guard let user else { return nil }
        let name = message["username"].identifier ?? message["bot_profile"]["name"].identifier
        return InboundEvent.Sender(id: PlatformUserID(user), name: name)
    }

    /// The bot's own user ids: those of the installations for which the event was sent.
    private var botUsers: [String] {
        let bots = root["authorizations"].elements.filter { $0["is_bot"].bool == true }
        // The older form has ids alone.
        return bots.compactMap { $0["user_id"].identifier } + root["authed_users"].elements.compactMap(\.identifier)
    }

    private func isFromPerson(_ message: JSONView) -> Bool {
        message["bot_id"].identifier == nil && message["subtype"].string != "bot_message"
            && message["user"].identifier != nil && !isOurs(message)
    }

    private func isOurs(_ message: JSONView) -> Bool {
        if let app = message["app_id"].identifier ?? message["bot_profile"]["app_id"].identifier,
            app == root["api_app_id"].identifier
        {
            return true
        }
        guard let user = message["user"].identifier else { return false }
        return root["authorizations"].elements.contains { $0["is_bot"].bool == true && $0["user_id"].string == user }
    }
}

/// Slack's times: seconds and six digits, which are also the name of a message and therefore never go through a
/// `Double`.
enum SlackTime {
    static func timestamp(_ text: String?) -> Timestamp? {
        guard var text else { return nil }
        return text.withUTF8 { text in
            let dot = text.firstIndex(of: UInt8(ascii: ".")) ?? text.count
            guard let seconds = number(text[..<dot]), seconds > 0 else { return nil }
            guard dot < text.count else { return Timestamp(seconds: seconds) }
            let fraction = text[(dot + 1)...]
            guard fraction.count == 6, let micros = number(fraction) else { return nil }
            return Timestamp(seconds: seconds).advanced(by: .microseconds(micros))
        }
    }

    /// The value of digits and nothing else; nil for more of them than an `Int64` surely holds.
    private static func number(_ digits: Slice<UnsafeBufferPointer<UInt8>>) -> Int64? {
        guard (1...18).contains(digits.count) else { return nil }
        var number: Int64 = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            number = number * 10 + Int64(digit - 0x30)
        }
        return number
    }
}

/// A file as Slack describes it.
enum SlackFile {
    static func attachment(_ file: JSONView) -> Attachment {
        let type = file["mimetype"].identifier
        return Attachment(
            kind: ContentKind(mediaType: type), reference: file["id"].identifier,
            url: file["url_private_download"].identifier ?? file["url_private"].identifier,
            name: file["name"].identifier ?? file["title"].identifier, contentType: type, size: file["size"].int,
            width: file["original_w"].int, height: file["original_h"].int,
            duration: file["duration_ms"].double.map { $0 / 1000 })
    }
}
