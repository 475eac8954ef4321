public import BridgeCore
internal import Markdown
internal import MetaGraph

/// Instagram direct messages: one professional account, webhooks in, the Send API out.
public struct InstagramAdapter: Adapter {
    /// The name in `/webhooks/instagram`.
    public let platform: PlatformName

    /// The Instagram Messaging API's limits.
    ///
    /// A text has at most 1,000 **bytes** of UTF-8 ("Send messages": "must be UTF-8 and 1000 bytes or less"). An account may
    /// make 300 calls a second ("Rate limiting", Messenger API for Instagram). Messages may be sent for 24 hours after the
    /// person's last one. The typing indicator ends after 20 seconds. Messages cannot be edited, and are shown without
    /// formatting.
    public let capabilities: Capabilities

    let messaging: MessagingAPI
    let webhook: MetaWebhook

    /// An adapter for one account.
    public init(configuration: InstagramConfiguration) {
        let textLimit = Capabilities.TextLimit(1000, .utf8)
        platform = PlatformName("instagram")
        capabilities = Capabilities(
            textLimit: textLimit, countedText: { $1 == .markdown ? MarkdownDialect.plain.render($0) : $0 },
            typingInterval: .seconds(18),
            rates: .init(overall: .init(atMost: 300, in: .seconds(1), burst: 100)),
            replies: .init(push: .within(.seconds(86_400))), attachmentsByURL: [.image, .audio, .video])
        let api = GraphAPI(
            base: configuration.apiBase, token: configuration.accessToken,
            secrets: [configuration.appSecret, configuration.verifyToken])
        messaging = MessagingAPI(
            api: api,
            variant: .init(object: "instagram", platform: platform, statesType: false, textLimit: textLimit))
        webhook = MetaWebhook(appSecret: configuration.appSecret, verifyToken: configuration.verifyToken)
    }

    /// Answers the handshake, or checks the signature and reads messages, postbacks, comments and all other news.
    public func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        switch try webhook.open(request) {
        case .handshake(let acknowledgement): WebhookOutcome(acknowledgement)
        case .payload(let root):
            WebhookOutcome(events: MessagingReader(origin: "https://www.instagram.com").events(of: root))
        }
    }

    /// The call of `/me/messages` for an action; captions and edits do not exist here.
    public func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? {
        switch action.kind {
        case .send(let text, let format):
            messaging.send(format == .markdown ? MarkdownDialect.plain.render(text) : text, to: action.place)
        case .sendAttachment(let attachment, nil):
            messaging.send(attachment, to: action.place)
        case .typing:
            messaging.typing(at: action.place)
        case .edit, .acknowledgeButton, .sendBatch, .sendAttachment, .join:
            nil
        }
    }

    /// What the Send API's answer means: `message_id`, or an error with a code.
    public func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        messaging.interpret(response)
    }
}
