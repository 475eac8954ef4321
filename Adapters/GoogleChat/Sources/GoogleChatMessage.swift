internal import BridgeCore
internal import JSON

/// Reads a message resource (<https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages>).
struct GoogleChatMessage {
    let json: JSONView

    /// `spaces/SPACE/messages/MESSAGE`.
    var name: String? { json["name"].identifier }

    /// The earlier message that is quoted.
    var quoted: PlatformMessageID? { json["quotedMessageMetadata"]["name"].identifier.map { PlatformMessageID($0) } }

    /// When it was written.
    var sentAt: Timestamp? { json["createTime"].string.flatMap { Timestamp($0) } }

    /// The words without the app's name.
    ///
    /// Where Google does not tell them apart, mentions of apps are taken out by their places.
    var words: String? {
        let text = json["text"].string
        if let argument = json["argumentText"].string {
            return argument == text ? argument : GoogleChatText.trimmed(argument)
        }
        guard let text else { return nil }
        let places = json["annotations"].elements.compactMap { annotation -> Range<Int>? in
            guard annotation["type"].string == "USER_MENTION",
                annotation["userMention"]["user"]["type"].string == "BOT",
                let length = annotation["length"].int, length > 0
            else { return nil }
            // A zero is left out.
            let start = annotation["startIndex"].int ?? 0
            guard start >= 0, start < 1 << 24, length < 1 << 24 else { return nil }
            return Int(start)..<Int(start + length)
        }
        return places.isEmpty ? text : GoogleChatText.removing(places, from: text)
    }

    /// What came with it.
    var attachments: [Attachment] {
        // The event says `attachment`, later versions of the API may say `attachments`.
        let list = json["attachment"].exists ? json["attachment"] : json["attachments"]
        let files = list.elements.compactMap { file -> Attachment? in
            guard file.kind == .object else { return nil }
            let type = file["contentType"].identifier
            let drive = file["driveDataRef"]["driveFileId"].identifier
            return Attachment(
                kind: ContentKind(mediaType: type),
                reference: file["attachmentDataRef"]["resourceName"].identifier ?? drive.map { "drive:\($0)" }
                    ?? file["name"].identifier, url: file["downloadUri"].identifier,
                name: file["contentName"].identifier, contentType: type)
        }
        let gifs = json["attachedGifs"].elements.compactMap { gif in
            gif["uri"].identifier.map { Attachment(kind: .image, url: $0) }
        }
        return files + gifs
    }

    /// Whether it calls a command of the app.
    var isCommand: Bool {
        json["slashCommand"]["commandId"].exists
            || json["annotations"].elements.contains { $0["type"].string == "SLASH_COMMAND" }
    }

    /// The person or app that wrote it.
    var sender: JSONView { json["sender"] }

    /// The thread in which it stands: in spaces each message has one, alone with the app only where the user opened one.
    func thread(isGroup: Bool) -> ThreadID? {
        guard let name = json["thread"]["name"].identifier else { return nil }
        return isGroup || json["threadReply"].bool == true ? ThreadID(name) : nil
    }
}

/// The parts of resource names, as `spaces/AAA/messages/BBB`.
enum GoogleChatName {
    /// The first segments of a name; nil when it has fewer, or does not begin with `spaces`.
    static func prefix(_ count: Int, of name: String?) -> String? {
        guard let name else { return nil }
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count >= count, parts[0] == "spaces", !parts[..<count].contains("") else { return nil }
        return parts[..<count].joined(separator: "/")
    }
}
