public import BridgeCore
internal import HTTPCore
internal import JSON

extension LineAdapter {
    /// A reply, a push, or the loading animation; nil for edits, which LINE does not know, and for typing in groups.
    public func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? {
        switch action.kind {
        case .send(let text, let format):
            return messages(action, capacity: text.utf8.count) { list in
                writeText(text, format, quoting: action, to: &list)
            }
        case .sendBatch(let texts, let format):
            return messages(action, capacity: texts.reduce(0) { $0 + $1.utf8.count }) { list in
                for (number, text) in texts.enumerated() {
                    writeText(text, format, quoting: number == 0 ? action : nil, to: &list)
                }
            }
        case .sendAttachment(let attachment, let caption):
            return messages(action, capacity: 512) { list in
                write(attachment, caption: caption, to: &list)
            }
        case .typing:
            // "chatId: User ID of the target user"; there is none for groups (reference, "Display a loading animation").
            guard !action.place.isGroup else { return nil }
            return post("/v2/bot/chat/loading/start", capacity: 64) { json in
                json.field("chatId", action.place.conversation.rawValue)
                json.field("loadingSeconds", Self.loadingSeconds)
            }
        case .edit, .acknowledgeButton, .join:
            return nil
        }
    }

    /// How long the loading animation shows: 5 to 60, a multiple of 5; it ends when a message arrives.
    private static let loadingSeconds = 20

    // MARK: Messages

    /// A request with messages: by the reply token where it is still good, else a push.
    private func messages(
        _ action: OutboundAction, capacity: Int, _ write: (inout JSONWriter) -> Void
    ) -> OutboundRequest {
        if let token = replyToken(of: action) {
            return post("/v2/bot/message/reply", capacity: capacity) { json in
                json.field("replyToken", token)
                json.arrayField("messages", write)
            }
        }
        var request = post("/v2/bot/message/push", capacity: capacity) { json in
            json.field("to", action.place.conversation.rawValue)
            json.arrayField("messages", write)
        }
        // A push that is repeated under its key within 24 hours is not sent again ("Retrying an API request").
        request.headers[Self.retryKeyField] = action.id.description
        return request
    }

    /// True for a push, which bears its key: a reply has none, and is told by its token alone.
    public func canRepeat(_ action: OutboundAction) -> Bool { replyToken(of: action) == nil }

    static let retryKeyField = "X-Line-Retry-Key"

    /// The token by which an action goes out; nil when it is a push.
    func replyToken(of action: OutboundAction) -> String? {
        action.means == .reply ? action.replyContext[ReplyContextKey.replyToken] : nil
    }

    /// Writes one text message.
    ///
    /// - Parameter quoting: in a group an answer's first message shows what it answers; alone with one person that would be
    ///   noise. Plain words do without: they are the second try, where LINE did not take the quote.
    private func writeText(
        _ text: String, _ format: OutboundAction.Format, quoting action: OutboundAction?, to list: inout JSONWriter
    ) {
        list.object { message in
            message.field("type", "text")
            message.field("text", LineText.shown(text, format))
            if let action, format == .markdown, action.place.isGroup, action.part == 0 {
                message.field("quoteToken", action.replyContext[ReplyContextKey.quoteToken])
            }
        }
    }

    /// Writes a picture or a sound, and its caption as a message of its own, since LINE has none.
    ///
    /// A sound must say how long it is, which nobody has told us: it says a minute. What LINE would refuse (a film without
    /// a preview picture, an address that is not https) becomes its link.
    private func write(_ attachment: OutboundAttachment, caption: String?, to list: inout JSONWriter) {
        var words = caption.map { $0.isEmpty ? [] : [$0] } ?? []
        if case .url(let url) = attachment.source {
            let isTaken = url.hasPrefix("https://") && url.utf16.count <= 2000
            switch attachment.kind {
            case .image where isTaken:
                list.object { message in
                    message.field("type", "image")
                    message.field("originalContentUrl", url)
                    message.field("previewImageUrl", url)
                }
            case .audio where isTaken:
                list.object { message in
                    message.field("type", "audio")
                    message.field("originalContentUrl", url)
                    message.field("duration", 60_000)
                }
            default:
                words.append(url)
            }
        } else {
            words.append(attachment.name ?? "[\(attachment.kind.rawValue)]")
        }
        if !words.isEmpty { writeText(words.joined(separator: "\n"), .plain, quoting: nil, to: &list) }
    }

    // MARK: Requests

    func post(_ path: String, capacity: Int, _ write: (inout JSONWriter) -> Void) -> OutboundRequest {
        var writer = JSONWriter(capacity: capacity + capacity / 8 + 256)
        writer.object { write(&$0) }
        return OutboundRequest(
            url: configuration.apiBase + path,
            headers: ["Content-Type": "application/json", "Authorization": authorization], body: writer.bytes)
    }

    func get(_ path: String) -> OutboundRequest {
        OutboundRequest(
            method: .get, url: configuration.apiBase + path, headers: ["Authorization": authorization])
    }
}
