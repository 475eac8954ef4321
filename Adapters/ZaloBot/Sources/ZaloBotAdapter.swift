public import BridgeCore
internal import Crypto
internal import HTTPCore
internal import JSON
internal import Markdown

/// The Zalo Bot platform: webhooks with a secret token or long polling in, `sendMessage` and its kin out.
///
/// The wire facts are those of <https://docs.zaloplatforms.com/docs/BOT>, version 2.5; the README beside the sources says
/// which events are answered and which are recorded.
public struct ZaloBotAdapter: Adapter {
    /// The name in `/webhooks/zalobot`.
    public let platform = PlatformName("zalobot")

    /// The platform's limits.
    ///
    /// A text holds 1 to 2,000 characters (`sendMessage`), counted in UTF-16 units as its `text_styles` are. Rates are not
    /// published, and neither is how long the typing indicator shows: it is shown again each five seconds. Messages cannot be
    /// edited. Pictures go out by their address, and sounds to one person if they are `.aac` (`sendVoice`).
    public let capabilities = Capabilities(
        textLimit: .init(2000, .utf16), countedText: ZaloBotText.shown, typingInterval: .seconds(5),
        attachmentsByURL: [.image, .audio])

    let configuration: ZaloBotConfiguration
    let reader: ZaloBotUpdateReader
    /// Where the methods are; it holds the token.
    let methods: String

    /// An adapter for one bot.
    public init(configuration: ZaloBotConfiguration) {
        self.configuration = configuration
        // A token begins with the bot's own id.
        reader = ZaloBotUpdateReader(botID: String(configuration.botToken.value.prefix { $0 != ":" }))
        methods = "\(configuration.apiBase)/bot\(configuration.botToken.value)/"
    }

    /// The header field that carries the `secret_token` of `setWebhook`.
    static let secretField = "X-Bot-Api-Secret-Token"

    /// Compares the secret token in constant time and reads the update.
    ///
    /// There is no signature and no time to check: the event's name and the message's id tell a repetition.
    public func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        guard request.method == .post else {
            throw WebhookRejection(.methodNotAllowed, "Zalo sends its webhooks by POST")
        }
        guard let secret = configuration.webhookSecret?.value, !secret.isEmpty else {
            throw WebhookRejection(
                .unauthorized, "webhooks are refused until a webhook secret is configured (ZALOBOT_WEBHOOK_SECRET)")
        }
        guard let given = request.headers[Self.secretField] else {
            throw WebhookRejection(.unauthorized, "the header \(Self.secretField) is missing")
        }
        guard constantTimeEquals(given, secret) else {
            throw WebhookRejection(.unauthorized, "the header \(Self.secretField) holds another secret")
        }
        let update: JSONView
        do {
            update = try JSONView(parsing: request.body)
        } catch {
            throw WebhookRejection(.malformed, error.description)
        }
        let digest = { "body:" + Hex.encode(Array(SHA256.digest(of: request.body).prefix(16))) }
        guard let event = reader.event(of: update, fallbackID: digest) else {
            throw WebhookRejection(
                .malformed, "the body is no update: an object with an event_name, or one in `result`")
        }
        return WebhookOutcome(events: [event])
    }
}

/// How texts look there: words alone.
enum ZaloBotText {
    /// A text as it stands in a message.
    @Sendable static func shown(_ text: String, _ format: OutboundAction.Format) -> String {
        format == .markdown ? MarkdownDialect.plain.render(text) : text
    }
}
