public import BridgeCore
internal import HTTPCore
internal import JSON

extension DiscordAdapter {
    /// The call for an action; nil for typing where the user already sees that the bot is thinking.
    ///
    /// With the token of an interaction the first message takes the place of the deferred answer, and those behind it are
    /// follow-ups. No message notifies anybody, whatever the agent wrote: `allowed_mentions` is empty.
    public func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? {
        switch action.kind {
        case .send(let text, let format):
            return message(action, capacity: text.utf8.count) { json in
                json.field("content", DiscordMarkdown.rendered(text, format))
            }
        case .sendAttachment(let attachment, let caption):
            return send(attachment, caption: caption, by: action)
        case .edit(let message, let text, let format):
            let id = HTTPPercentEncoding.encode(message.rawValue)
            let path =
                if let token = token(of: action) {
                    "\(webhook(token))/messages/\(id)"
                } else {
                    "\(channel(action))/messages/\(id)"
                }
            return call(.patch, path, capacity: text.utf8.count) { json in
                json.field("content", DiscordMarkdown.rendered(text, format))
                Self.writeNoMentions(to: &json)
            }
        case .typing:
            if DiscordReplyToken(action.replyContext) != nil { return nil }
            return OutboundRequest(url: "\(configuration.apiBase)\(channel(action))/typing", headers: headers)
        case .acknowledgeButton(let id):
            guard let token = DiscordReplyToken(action.replyContext) else { return nil }
            let path = "/interactions/\(HTTPPercentEncoding.encode(id))/\(HTTPPercentEncoding.encode(token.token))"
            return call(.post, path + "/callback", capacity: 16, isAuthorized: false) { $0.field("type", 5) }
        default:
            return nil
        }
    }

    // MARK: Messages

    /// The request that sends a message whose words the body writes.
    private func message(
        _ action: OutboundAction, capacity: Int, _ write: (inout JSONWriter) -> Void
    ) -> OutboundRequest {
        let (method, path) = target(of: action)
        return call(method, path, capacity: capacity, isAuthorized: token(of: action) == nil) { json in
            write(&json)
            writeManners(of: action, to: &json)
        }
    }

    /// True for messages with a nonce, and for the one that takes the place of a deferred answer: a follow-up has no name.
    public func canRepeat(_ action: OutboundAction) -> Bool { token(of: action) == nil || action.part == 0 }

    private func target(of action: OutboundAction) -> (HTTPMethod, path: String) {
        guard let token = token(of: action) else { return (.post, "\(channel(action))/messages") }
        // Discord answers a follow-up with the message that it made only when asked to wait for it.
        return action.part == 0
            ? (.patch, "\(webhook(token))/messages/@original") : (.post, "\(webhook(token))?wait=true")
    }

    /// What goes with each message besides its words.
    private func writeManners(of action: OutboundAction, to json: inout JSONWriter) {
        Self.writeNoMentions(to: &json)
        guard token(of: action) == nil else { return }
        json.field("nonce", DiscordNonce.nonce(of: action.id))
        json.field("enforce_nonce", true)
        // In a server an answer shows what it answers; alone with one person that would be noise.
        if action.place.isGroup, action.part == 0, let original = action.replyTo {
            json.objectField("message_reference") { reference in
                reference.field("message_id", original.rawValue)
                reference.field("fail_if_not_exists", false)
            }
        }
    }

    private static func writeNoMentions(to json: inout JSONWriter) {
        json.objectField("allowed_mentions") { mentions in
            mentions.arrayField("parse") { _ in }
        }
    }

    // MARK: Attachments

    private func send(_ attachment: OutboundAttachment, caption: String?, by action: OutboundAction) -> OutboundRequest?
    {
        switch attachment.source {
        case .url(let url) where attachment.kind == .image:
            return message(action, capacity: 256) { json in
                json.field("content", caption.map { DiscordMarkdown.rendered($0, .markdown) })
                json.arrayField("embeds") { embeds in
                    embeds.object { embed in
                        embed.objectField("image") { $0.field("url", url) }
                    }
                }
            }
        case .url(let url):
            let words = caption.map { "\(DiscordMarkdown.rendered($0, .markdown))\n\(url)" } ?? url
            return message(action, capacity: 256) { $0.field("content", words) }
        case .bytes(let bytes):
            return upload(bytes, of: attachment, caption: caption, by: action)
        case .uploaded:
            return nil
        }
    }

    /// A message with a file in its body ("API reference", uploading files).
    private func upload(
        _ bytes: [UInt8], of attachment: OutboundAttachment, caption: String?, by action: OutboundAction
    ) -> OutboundRequest {
        let name = Self.fileName(attachment)
        var writer = JSONWriter()
        writer.object { json in
            json.field("content", caption.map { DiscordMarkdown.rendered($0, .markdown) })
            json.arrayField("attachments") { list in
                list.object { file in
                    file.field("id", 0)
                    file.field("filename", name)
                }
            }
            writeManners(of: action, to: &json)
        }
        var form = MultipartForm(boundary: "chatbridge-\(action.id)")
        form.append("payload_json", writer.bytes, fileName: nil, contentType: "application/json")
        form.append(
            "files[0]", bytes, fileName: name, contentType: attachment.contentType ?? "application/octet-stream")
        let (method, path) = target(of: action)
        var headers = token(of: action) == nil ? self.headers : Self.commonHeaders
        headers["Content-Type"] = form.contentType
        return OutboundRequest(
            method: method, url: "\(configuration.apiBase)\(path)", headers: headers, body: form.body)
    }

    /// The file's name, or one made of its type.
    private static func fileName(_ attachment: OutboundAttachment) -> String {
        if let name = attachment.name, !name.isEmpty { return name }
        let subtype = attachment.contentType?.split(separator: "/").last?.prefix { $0 != ";" && $0 != "+" }
        return subtype.map { "\(attachment.kind.rawValue).\($0)" } ?? attachment.kind.rawValue
    }

    // MARK: Parts

    /// The token by which an action goes out; nil where it goes out of the bot's own right.
    private func token(of action: OutboundAction) -> DiscordReplyToken? {
        action.means == .reply ? DiscordReplyToken(action.replyContext) : nil
    }

    private func webhook(_ token: DiscordReplyToken) -> String {
        "/webhooks/\(HTTPPercentEncoding.encode(token.application))/\(HTTPPercentEncoding.encode(token.token))"
    }

    private func channel(_ action: OutboundAction) -> String {
        "/channels/\(HTTPPercentEncoding.encode(action.place.conversation.rawValue))"
    }

    /// Discord wants every client to name itself ("API reference", user agent).
    private static let commonHeaders: HTTPFields = ["User-Agent": "DiscordBot (https://github.com/chatbridge, 1)"]

    var headers: HTTPFields {
        var headers = Self.commonHeaders
        headers["Authorization"] = "Bot \(configuration.botToken.value)"
        return headers
    }

    func call(
        _ method: HTTPMethod, _ path: String, capacity: Int = 0, isAuthorized: Bool = true,
        _ write: (inout JSONWriter) -> Void
    ) -> OutboundRequest {
        var writer = JSONWriter(capacity: capacity + capacity / 8 + 192)
        writer.object { write(&$0) }
        var headers = isAuthorized ? self.headers : Self.commonHeaders
        headers["Content-Type"] = "application/json"
        return OutboundRequest(
            method: method, url: "\(configuration.apiBase)\(path)", headers: headers, body: writer.bytes)
    }
}
