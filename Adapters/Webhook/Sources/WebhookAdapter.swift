public import BridgeCore
internal import Crypto
internal import HTTPCore
internal import JSON

/// Any program as a platform: messages in and answers out as signed webhooks (Standard Webhooks).
public struct WebhookAdapter: Adapter {
    /// The name in `/webhooks/webhook`.
    public let platform = PlatformName("webhook")

    /// The limits of the specification: a payload is "ideally" below 20 kB, which leaves 15,000 bytes for an answer's
    /// words.
    ///
    /// An answer's `webhook-id` stays the same when it is sent again, so that the receiver can tell.
    public let capabilities = Capabilities(
        textLimit: .init(15_000, .utf8), hasIdempotentSends: true,
        attachmentsByURL: [.image, .audio, .video, .file], attachmentsByUpload: [.image, .audio, .video, .file])

    let configuration: WebhookConfiguration
    let signature: StandardWebhookSignature?

    /// An adapter for one other side.
    public init(configuration: WebhookConfiguration) {
        self.configuration = configuration
        signature = configuration.key.map { StandardWebhookSignature(key: $0) }
    }

    /// Checks the signature and reads a message, or records what else was sent.
    public func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        guard request.method == .post else { throw WebhookRejection(.methodNotAllowed, "webhooks are sent by POST") }
        guard let signature else {
            throw WebhookRejection(
                .unauthorized, "webhooks are refused until a valid secret is configured (WEBHOOK_SECRET)")
        }
        let id = try signature.verify(request, at: now)
        let root: JSONView
        do {
            root = try JSONView(parsing: request.body)
        } catch {
            throw WebhookRejection(.malformed, error.description)
        }
        guard root.kind == .object else { throw WebhookRejection(.malformed, "the body is no JSON object") }
        let event: InboundEvent
        if root["type"].string == "message" {
            event = try message(root["data"], id: id, sentAt: root["timestamp"])
        } else if !root["type"].exists, WebhookAdapter.messageMembers.contains(where: { root[$0].exists }) {
            event = try message(root, id: id, sentAt: root["timestamp"])
        } else {
            event = other(root, id: id)
        }
        return WebhookOutcome(events: [event])
    }

    /// The members by one of which an object without a type is known to be a message.
    private static let messageMembers = ["text", "attachments", "conversation"]

    private func message(_ data: JSONView, id: String, sentAt: JSONView) throws(WebhookRejection) -> InboundEvent {
        let user = data["user"].identifier
        guard let conversation = data["conversation"].identifier ?? user else {
            throw WebhookRejection(.malformed, "a message needs a conversation: a string or a number")
        }
        if data["text"].exists, data["text"].string == nil {
            throw WebhookRejection(.malformed, "the text of a message is a string")
        }
        let text = data["text"].string
        let attachments = data["attachments"].elements.compactMap { Attachment($0) }
        guard text != nil || !attachments.isEmpty else {
            throw WebhookRejection(.malformed, "a message needs a text, or attachments with a url or reference each")
        }
        return InboundEvent(
            id: EventID(id), kind: text == nil ? attachments[0].kind : .text,
            disposition: configuration.replyURL == nil ? .record : .answer,
            place: InboundEvent.Place(
                conversation: ConversationID(conversation), thread: data["thread"].identifier.map { ThreadID($0) }),
            sender: user.map { InboundEvent.Sender(id: PlatformUserID($0), name: data["name"].identifier) },
            messageID: PlatformMessageID(data["message_id"].identifier ?? id),
            replyTo: data["reply_to"].identifier.map { PlatformMessageID($0) }, text: text, attachments: attachments,
            sentAt: sentAt.string.flatMap { Timestamp($0) })
    }

    /// The record of an event of another type.
    private func other(_ root: JSONView, id: String) -> InboundEvent {
        let data = root["data"]
        let type = root["type"].identifier
        var event = InboundEvent(
            id: EventID(id), kind: .event, disposition: .record,
            place: InboundEvent.Place(
                conversation: ConversationID(
                    data["conversation"].identifier ?? data["id"].identifier ?? type ?? platform.rawValue)),
            sender: data["user"].identifier.map { InboundEvent.Sender(id: PlatformUserID($0)) },
            sentAt: root["timestamp"].string.flatMap { Timestamp($0) })
        event.metadata.add("type", type)
        var writer = JSONWriter()
        writer.value(root)
        event.metadata["payload"] = .json(writer.bytes)
        return event
    }

    /// A signed `message.reply` to the reply URL; nil for anything but a message, and without a reply URL.
    public func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? {
        guard let url = configuration.replyURL, let signature else { return nil }
        var capacity = 256
        switch action.kind {
        case .send(let text, _): capacity += text.utf8.count + text.utf8.count / 8
        case .sendAttachment: break
        default: return nil
        }
        var writer = JSONWriter(capacity: capacity)
        writer.object { root in
            root.field("type", "message.reply")
            root.field("timestamp", now.description)
            root.objectField("data") { data in
                data.field("conversation", action.place.conversation.rawValue)
                data.field("thread", action.place.thread?.rawValue)
                switch action.kind {
                case .send(let text, let format):
                    data.field("text", text)
                    data.field("format", format == .markdown ? "markdown" : "plain")
                case .sendAttachment(let attachment, let caption):
                    data.field("text", caption)
                    data.objectField("attachment") { writeAttachment(attachment, to: &$0) }
                default: break
                }
                data.field("in_reply_to", action.replyTo?.rawValue)
            }
        }
        return OutboundRequest(
            url: url, headers: signature.fields(for: writer.bytes, id: action.id.description, at: now),
            body: writer.bytes)
    }

    /// An attachment by its address; bytes as base64, since the receiver has nowhere else to take them from.
    private func writeAttachment(_ attachment: OutboundAttachment, to json: inout JSONWriter) {
        json.field("kind", attachment.kind.rawValue)
        json.field("name", attachment.name)
        json.field("content_type", attachment.contentType)
        switch attachment.source {
        case .url(let url), .uploaded(let url): json.field("url", url)
        case .bytes(let bytes): json.field("url", "data:;base64," + Base64.encode(bytes))
        }
    }

    /// What the specification says of a receiver's status ("Operational considerations").
    public func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        let status = response.status.code
        let delay = response.headers["Retry-After"].flatMap { Int64($0) }
            .map { Duration.seconds(min(max($0, 0), 86_400)) }
        let kind: DeliveryFailure.Kind
        switch status {
        case 200..<300: return .delivered(nil)
        case 401, 403: kind = .unauthorized
        case 410: kind = .gone
        case 429: kind = .rateLimited(after: delay)
        case 408: kind = .temporary
        case 500...: kind = delay.map { .rateLimited(after: $0) } ?? .temporary
        default: kind = .refused  // redirections too: they are not followed
        }
        // One address takes all answers.
        return .failed(DeliveryFailure(kind, reason: "the reply URL answered \(status)", scope: .account))
    }
}

extension WebhookAdapter: Simulating {
    /// A message from an invented user, signed with the configured secret.
    public func simulateWebhook(text: String, number: Int64, at now: Timestamp) -> WebhookRequest {
        var writer = JSONWriter()
        writer.object { root in
            root.field("type", "message")
            root.field("timestamp", now.description)
            root.objectField("data") { data in
                data.field("conversation", "simulated")
                data.field("user", "simulated-user")
                data.field("text", text)
            }
        }
        let id = "msg_simulated_\(number)"
        return WebhookRequest(
            target: "/webhooks/webhook", headers: signature?.fields(for: writer.bytes, id: id, at: now) ?? [:],
            body: writer.bytes)
    }
}
