public import BridgeCore
internal import HTTPCore
internal import JSON
internal import Markdown
internal import MetaGraph

/// WhatsApp by Meta's Cloud API: one business number, webhooks in, `POST /{number}/messages` out.
public struct WhatsAppAdapter: Adapter {
    /// The name in `/webhooks/whatsapp`.
    public let platform = PlatformName("whatsapp")

    /// The Cloud API's limits.
    ///
    /// A text has at most 4,096 characters ("Text messages"), in a unit that nobody states: UTF-16 units, of which no
    /// count is smaller. Numbers may send 80 messages a second ("Throughput"), and to one person one each six seconds
    /// with short bursts ("Pair rate limits", up to 45; a third is left for whoever else uses the number). What is not a
    /// template may be sent for 24 hours after the person's last message ("Customer service windows"). The typing
    /// indicator ends after 25 seconds ("Typing indicators"). Messages cannot be edited by businesses.
    public let capabilities = Capabilities(
        textLimit: .init(4096, .utf16), countedText: { $1 == .markdown ? MarkdownDialect.whatsApp.render($0) : $0 },
        typingInterval: .seconds(24),
        rates: .init(
            conversation: .init(burst: 15, interval: .seconds(6)), group: .init(burst: 15, interval: .seconds(6)),
            overall: .init(atMost: 80, in: .seconds(1), burst: 30)),
        replies: .init(push: .within(.seconds(86_400))),
        attachmentsByURL: [.image, .audio, .video, .file], attachmentsByUpload: [.image, .audio, .video, .file])

    let configuration: WhatsAppConfiguration
    let api: GraphAPI
    let webhook: MetaWebhook

    /// An adapter for one business number.
    public init(configuration: WhatsAppConfiguration) {
        self.configuration = configuration
        api = GraphAPI(
            base: configuration.apiBase, token: configuration.accessToken,
            secrets: [configuration.appSecret, configuration.verifyToken])
        webhook = MetaWebhook(appSecret: configuration.appSecret, verifyToken: configuration.verifyToken)
    }

    /// Answers the handshake, or checks the signature and reads messages, statuses and all other news.
    public func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        switch try webhook.open(request) {
        case .handshake(let acknowledgement): WebhookOutcome(acknowledgement)
        case .payload(let root): WebhookOutcome(events: WhatsAppEventReader().events(of: root))
        }
    }
}
