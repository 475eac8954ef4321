public import BridgeCore
internal import Crypto
internal import HTTPCore
internal import JSON
internal import Markdown

/// LINE's Messaging API: webhooks in, replies while the reply token is good and pushes after that out.
///
/// The wire facts are those of <https://developers.line.biz/en/reference/messaging-api/>; the README beside the sources
/// says which events are answered and which are recorded.
public struct LineAdapter: Adapter {
    /// The name in `/webhooks/line`.
    public let platform = PlatformName("line")

    /// LINE's limits.
    ///
    /// A text message holds 5,000 characters (reference, "Text message"), counted in UTF-16 units ("Character counting in
    /// a text"). One request carries up to five messages. 2,000 requests a second may be made of each endpoint
    /// ("Rate limits"): a thousand at once and one each millisecond are 2,000 in any second. A reply token works once, for
    /// about a minute after the webhook ("Send reply message"); ten seconds of it are left to the way. The loading animation
    /// is asked for 20 s at a time.
    public let capabilities = Capabilities(
        textLimit: .init(5000, .utf16), countedText: LineText.shown, typingInterval: .seconds(19),
        rates: .init(overall: .init(burst: 1000, interval: .milliseconds(1))), hasIdempotentSends: true,
        replies: .init(token: .init(lifetime: .seconds(50), uses: 1), push: .always), messagesPerRequest: 5,
        attachmentsByURL: [.image, .audio])

    let configuration: LineConfiguration
    let signature: LineSignature
    let authorization: String

    /// An adapter for one channel.
    public init(configuration: LineConfiguration) {
        self.configuration = configuration
        signature = LineSignature(channelSecret: configuration.channelSecret)
        authorization = "Bearer \(configuration.accessToken.value)"
    }

    /// Checks the signature and reads the events.
    ///
    /// The console's "Verify" sends none. There is no time to check: `webhookEventId` tells a redelivery.
    public func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        guard request.method == .post else {
            throw WebhookRejection(.methodNotAllowed, "LINE sends its webhooks by POST")
        }
        try signature.verify(request)
        let root: JSONView
        do {
            root = try JSONView(parsing: request.body)
        } catch {
            throw WebhookRejection(.malformed, error.description)
        }
        guard root["events"].kind == .array else {
            throw WebhookRejection(.malformed, "the body is no object with a list of events")
        }
        let digest = { "body:" + Hex.encode(Array(SHA256.digest(of: request.body).prefix(16))) }
        return WebhookOutcome(events: LineEventReader(fallbackID: digest).events(in: root["events"]))
    }
}

/// How texts look in LINE: words alone.
enum LineText {
    /// A text as it stands in a message.
    @Sendable static func shown(_ text: String, _ format: OutboundAction.Format) -> String {
        format == .markdown ? MarkdownDialect.plain.render(text) : text
    }
}

/// The names of what the reader leaves in `InboundEvent.replyContext` for the encoder.
enum ReplyContextKey {
    static let replyToken = "reply_token"
    static let quoteToken = "quote_token"
}
