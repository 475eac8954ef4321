public import BridgeCore
internal import Markdown
internal import MetaGraph

/// Facebook Messenger: one page, webhooks in, the Send API out.
public struct MessengerAdapter: Adapter {
    /// The name in `/webhooks/messenger`.
    public let platform: PlatformName

    /// The Messenger Platform's limits.
    ///
    /// A text has at most 2,000 characters (Send API, `message.text`), in a unit that nobody states: UTF-16 units, of which
    /// no count is smaller. A page may make 300 calls a second ("Rate limiting"); for one thread no number is published.
    /// Messages may be sent for 24 hours after the person's last one ("Messaging window"). The typing indicator ends after
    /// 20 seconds ("Sender actions"). Messages cannot be edited, and are shown without formatting.
    public let capabilities: Capabilities

    let messaging: MessagingAPI
    let webhook: MetaWebhook

    /// An adapter for one page.
    public init(configuration: MessengerConfiguration) {
        let textLimit = Capabilities.TextLimit(2000, .utf16)
        platform = PlatformName("messenger")
        capabilities = Capabilities(
            textLimit: textLimit, countedText: { $1 == .markdown ? MarkdownDialect.plain.render($0) : $0 },
            typingInterval: .seconds(18),
            rates: .init(overall: .init(atMost: 300, in: .seconds(1), burst: 100)),
            replies: .init(push: .within(.seconds(86_400))),
            attachmentsByURL: [.image, .audio, .video, .file], attachmentsByUpload: [.image, .audio, .video, .file])
        let api = GraphAPI(
            base: configuration.apiBase, token: configuration.pageAccessToken, in: .query,
            secrets: [configuration.appSecret, configuration.verifyToken])
        messaging = MessagingAPI(
            api: api,
            variant: .init(object: "page", platform: platform, statesType: true, textLimit: textLimit))
        webhook = MetaWebhook(appSecret: configuration.appSecret, verifyToken: configuration.verifyToken)
    }

    /// Answers the handshake, or checks the signature and reads messages, postbacks, receipts and all other news.
    public func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        switch try webhook.open(request) {
        case .handshake(let acknowledgement): WebhookOutcome(acknowledgement)
        case .payload(let root):
            WebhookOutcome(events: MessagingReader(origin: "https://www.facebook.com").events(of: root))
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
