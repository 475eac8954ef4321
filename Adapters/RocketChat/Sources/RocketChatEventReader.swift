internal import BridgeCore
internal import Crypto
internal import JSON

/// Makes events of what outgoing integrations and the Omnichannel webhook send.
///
/// Payloads of old servers hold the whole record of a user, hashes and login tokens included: nothing is copied but what is
/// named here.
struct RocketChatEventReader {
    let root: JSONView
    let configuration: RocketChatConfiguration
    /// Names the event where Rocket.Chat does not.
    let fallbackID: () -> String

    /// The events, in their order; none for the bot's own messages, which are in the log already.
    func events() -> [InboundEvent] {
        if let type = root["type"].identifier, root["visitor"].exists || root["messages"].exists {
            return type == "Message" ? visitorMessages() : [visitorNews(type)]
        }
        if root["message_id"].identifier != nil || root["text"].string != nil {
            return root["user_id"].string == configuration.userID ? [] : [message()]
        }
        return [roomEvent()]
    }

    // MARK: Outgoing integrations

    private func message() -> InboundEvent {
        let id = root["message_id"].identifier
        let isEdited = root["isEdited"].bool == true
        let text = root["text"].string
        let attachments =
            isEdited ? [] : RocketChatFile.attachments(of: root["message"], server: configuration.serverURL)
        var event = base(isEdited ? .edited : attachments.first?.kind ?? .text)
        if let id {
            // An edit bears the id of the message, so its words are a part of its name.
            let words = isEdited ? ":" + Hex.encode(Array(SHA256.digest(of: Array((text ?? "").utf8)).prefix(8))) : ""
            event.id = EventID((isEdited ? "edit:" : "message:") + id + words)
        }
        event.text = text.flatMap { $0.isEmpty ? nil : $0 }
        event.attachments = attachments
        event.metadata.add("trigger_word", root["trigger_word"].identifier)
        if isEdited {
            event.target = id.map { PlatformMessageID($0) }
            return event
        }
        event.messageID = id.map { PlatformMessageID($0) }
        if !isFromBot, root["channel_id"].identifier != nil, event.text != nil || !attachments.isEmpty {
            event.disposition = .answer
        }
        return event
    }

    /// `false`, or `true`, or an object that says which integration wrote it.
    private var isFromBot: Bool {
        let bot = root["bot"]
        return bot.exists && !bot.isNull && bot.bool != false
    }

    /// A room that was made, archived, entered or left, or a new user: Rocket.Chat does not say which.
    private func roomEvent() -> InboundEvent {
        var event = base(.event)
        event.metadata.add("event", root["type"].identifier ?? (root["owner"].exists ? "roomCreated" : nil))
        return event
    }

    private func base(_ kind: ContentKind) -> InboundEvent {
        let user = root["user_id"].identifier
        let room = root["channel_id"].identifier
        let name = root["channel_name"].identifier
        // A direct conversation has no name.
        let isDirect = name == nil || root["room"]["t"].string == "d"
        var event = InboundEvent(
            id: EventID(fallbackID()), kind: kind, disposition: .record,
            place: InboundEvent.Place(
                conversation: ConversationID(room ?? user ?? "webhook"),
                thread: (root["tmid"].identifier ?? root["message"]["tmid"].identifier).map { ThreadID($0) },
                isGroup: !isDirect),
            sender: user.map {
                InboundEvent.Sender(
                    id: PlatformUserID($0), name: root["alias"].identifier ?? root["user_name"].identifier)
            }, sentAt: RocketChatTime.timestamp(root["timestamp"]))
        event.metadata.add("channel_name", name)
        return event
    }

    // MARK: Omnichannel

    /// What visitors and agents wrote in a conversation with a visitor.
    private func visitorMessages() -> [InboundEvent] {
        let messages = Array(root["messages"].elements)
        return messages.enumerated().compactMap { number, message in
            if message["u"]["_id"].string == configuration.userID { return nil }
            let attachments = RocketChatFile.attachments(of: message, server: configuration.serverURL)
            var event = visitorEvent(attachments.first?.kind ?? .text)
            let id = message["_id"].identifier
            event.id = EventID(
                id.map { "message:\($0)" } ?? (messages.count > 1 ? "\(event.id):\(number)" : "\(event.id)"))
            event.messageID = id.map { PlatformMessageID($0) }
            event.text = message["msg"].identifier
            event.attachments = attachments
            event.sentAt = RocketChatTime.timestamp(message["ts"])
            let author = message["u"]
            event.sender = author["_id"].identifier.map {
                InboundEvent.Sender(
                    id: PlatformUserID($0), name: author["name"].identifier ?? author["username"].identifier)
            }
            let isClosing = message["closingMessage"].bool == true
            if isClosing { event.metadata["closing"] = true }
            if isFromVisitor(message), !isClosing, root["_id"].identifier != nil,
                event.text != nil || !attachments.isEmpty
            {
                event.disposition = .answer
            }
            return event
        }
    }

    private func isFromVisitor(_ message: JSONView) -> Bool {
        guard message["agentId"].identifier == nil, let author = message["u"]["_id"].identifier else { return false }
        // System lines ("user joined") have a type.
        guard message["t"].identifier == nil else { return false }
        if let visitor = root["visitor"]["_id"].identifier { return author == visitor }
        return author != root["agent"]["_id"].string
    }

    /// The beginning and end of a conversation, its agents, a message that nobody was there to read.
    private func visitorNews(_ type: String) -> InboundEvent {
        var event = visitorEvent(.event)
        event.metadata["event"] = .string(type)
        event.text = root["message"].identifier
        event.metadata.add("agent", root["agent"]["username"].identifier)
        return event
    }

    private func visitorEvent(_ kind: ContentKind) -> InboundEvent {
        let visitor = root["visitor"]
        let id = visitor["_id"].identifier ?? visitor["token"].identifier
        return InboundEvent(
            id: EventID(fallbackID()), kind: kind, disposition: .record,
            place: InboundEvent.Place(conversation: ConversationID(root["_id"].identifier ?? id ?? "omnichannel")),
            sender: id.map {
                InboundEvent.Sender(
                    id: PlatformUserID($0), name: visitor["name"].identifier ?? visitor["username"].identifier)
            })
    }
}

/// Rocket.Chat's times: text (RFC 3339), milliseconds, or an object around either.
enum RocketChatTime {
    static func timestamp(_ value: JSONView) -> Timestamp? {
        let value = value["$date"].exists ? value["$date"] : value
        if let text = value.string { return Timestamp(text) }
        guard let number = value.int, number > 0, number < 100_000_000_000_000 else { return nil }
        return Timestamp(microseconds: number * 1000)
    }
}

/// The files of a message.
enum RocketChatFile {
    /// What came with a message; addresses that have no host are the server's.
    static func attachments(of message: JSONView, server: String) -> [Attachment] {
        var files = Array(message["files"].elements)
        if files.isEmpty, message["file"].kind == .object { files = [message["file"]] }
        if files.isEmpty, message["fileUpload"].kind == .object { files = [message["fileUpload"]] }
        // A picture has a smaller copy beside it.
        files.removeAll { $0["name"].string?.hasPrefix("thumb-") == true }
        let shown = Array(message["attachments"].elements)
        return files.enumerated().map { number, file in
            let type = file["type"].identifier
            let view = number < shown.count ? shown[number] : .missing
            let names = ["title_link", "image_url", "audio_url", "video_url"]
            let path =
                file["publicFilePath"].identifier ?? file["url"].identifier
                ?? names.lazy.compactMap { view[$0].identifier }.first
            return Attachment(
                kind: ContentKind(mediaType: type), reference: file["_id"].identifier,
                url: path.map { $0.hasPrefix("/") ? server + $0 : $0 },
                name: file["name"].identifier ?? view["title"].identifier, contentType: type, size: file["size"].int)
        }
    }
}
