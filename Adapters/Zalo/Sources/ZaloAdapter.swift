public import BridgeCore
internal import Crypto
internal import HTTPCore
internal import JSON
internal import Markdown

/// A Zalo Official Account: webhooks in, the consultation messages of OpenAPI v3 out.
///
/// The README beside the sources says which events are answered, where the facts come from, and what nobody could verify.
public struct ZaloAdapter: Adapter {
    /// The name in `/webhooks/zalo`.
    public let platform = PlatformName("zalo")

    /// Zalo's limits.
    ///
    /// A text holds 2,000 characters, taken as UTF-16 units, the strictest reading. Messages may be sent for seven days after
    /// the user's last (eight of them free of charge, in the first 48 hours). There is no typing indicator and no edit; the
    /// rate is limited by the minute, by how much is not published.
    public let capabilities = Capabilities(
        textLimit: .init(2000, .utf16), countedText: ZaloText.shown,
        replies: .init(push: .within(.seconds(7 * 86_400))),
        attachmentsByURL: [.image], attachmentsByUpload: [.image, .file])

    let configuration: ZaloConfiguration
    let signature: ZaloSignature

    /// An adapter for one account.
    public init(configuration: ZaloConfiguration) {
        self.configuration = configuration
        signature = ZaloSignature(appID: configuration.appID, oaSecretKey: configuration.oaSecretKey)
    }

    /// Checks the signature and reads the event.
    ///
    /// The timestamp that is part of the signature stands inside the body, which is therefore read first; nothing is done
    /// with it before the signature is right. Zalo repeats a webhook for hours, so its age says nothing.
    public func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        guard request.method == .post else {
            throw WebhookRejection(.methodNotAllowed, "Zalo sends its webhooks by POST")
        }
        let root: JSONView
        do {
            root = try JSONView(parsing: request.body)
        } catch {
            try signature.verify(request, timestamp: "")
            throw WebhookRejection(.malformed, error.description)
        }
        try signature.verify(request, timestamp: root["timestamp"].idString ?? "")
        guard let name = root["event_name"].string, !name.isEmpty else {
            throw WebhookRejection(.malformed, "the body is no object with an event_name")
        }
        if let app = root["app_id"].identifier, app != configuration.appID {
            throw WebhookRejection(.malformed, "the webhook is of another app")
        }
        let digest = { "body:" + Hex.encode(Array(SHA256.digest(of: request.body).prefix(16))) }
        return WebhookOutcome(events: [ZaloEventReader(root: root, name: name).event(fallbackID: digest)])
    }
}

/// How texts look in Zalo: words alone.
enum ZaloText {
    /// A text as it stands in a message.
    @Sendable static func shown(_ text: String, _ format: OutboundAction.Format) -> String {
        format == .markdown ? MarkdownDialect.plain.render(text) : text
    }
}

/// The names of what the reader leaves in `InboundEvent.replyContext` for the encoder.
enum ReplyContextKey {
    /// The conversation of a visitor who is not signed in.
    static let anonymousConversation = "anonymous_conversation_id"
}
