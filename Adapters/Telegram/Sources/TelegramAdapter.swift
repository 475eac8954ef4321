public import BridgeCore
internal import Crypto
internal import HTTPCore
internal import JSON
internal import Markdown

/// Telegram's Bot API: webhooks with a secret token or long polling in, `sendMessage` and its kin out.
///
/// The wire facts are those of Bot API 10.0 (<https://core.telegram.org/bots/api>); the README beside the sources says
/// which updates are answered and which are recorded.
public struct TelegramAdapter: Adapter {
    /// The name in `/webhooks/telegram`.
    public let platform = PlatformName("telegram")

    /// Telegram's limits.
    ///
    /// A text holds 4,096 characters "after entities parsing", counted here in UTF-16 units as entity offsets are.
    /// Rates are those of the Bots FAQ ("My bot is hitting limits"): about one message a second in a chat with short
    /// bursts, 20 a minute in a group, 30 a second in all. Three at once and one each 3.53 s are 20 in any minute.
    /// `sendChatAction` shows for 5 s or less.
    public let capabilities = Capabilities(
        textLimit: .init(4096, .utf16), countedText: { $1 == .markdown ? MarkdownDialect.telegramText.render($0) : $0 },
        editInterval: .seconds(1), typingInterval: .milliseconds(4500),
        rates: .init(
            conversation: .init(burst: 3, interval: .seconds(1)),
            group: .init(burst: 3, interval: .milliseconds(3530)),
            overall: .init(atMost: 30, in: .seconds(1), burst: 10)),
        attachmentsByURL: [.image, .audio, .video, .file], attachmentsByUpload: [.image, .audio, .video, .file])

    let configuration: TelegramConfiguration
    let methods: TelegramMethods
    let reader: TelegramUpdateReader

    /// An adapter for one bot.
    public init(configuration: TelegramConfiguration) {
        self.configuration = configuration
        methods = TelegramMethods(apiBase: configuration.apiBase, token: configuration.botToken)
        // A bot's own identifier is the part of its token before the colon.
        reader = TelegramUpdateReader(botID: String(configuration.botToken.value.prefix { $0 != ":" }))
    }

    /// The header field that carries the `secret_token` of `setWebhook`.
    static let secretField = "X-Telegram-Bot-Api-Secret-Token"

    /// Compares the secret token in constant time and reads the update.
    ///
    /// There is no timestamp to check: `update_id` is what tells a repeated webhook.
    public func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        guard request.method == .post else {
            throw WebhookRejection(.methodNotAllowed, "Telegram sends its webhooks by POST")
        }
        guard let secret = configuration.webhookSecret?.value, !secret.isEmpty else {
            throw WebhookRejection(
                .unauthorized, "webhooks are refused until a webhook secret is configured (TELEGRAM_WEBHOOK_SECRET)")
        }
        guard let given = request.headers[TelegramAdapter.secretField] else {
            throw WebhookRejection(.unauthorized, "the header \(TelegramAdapter.secretField) is missing")
        }
        guard constantTimeEquals(given, secret) else {
            throw WebhookRejection(.unauthorized, "the header \(TelegramAdapter.secretField) holds another secret")
        }
        let update: JSONView
        do {
            update = try JSONView(parsing: request.body)
        } catch {
            throw WebhookRejection(.malformed, error.description)
        }
        guard let events = reader.events(of: update) else {
            throw WebhookRejection(.malformed, "the body is no update: an object with an integer update_id")
        }
        return WebhookOutcome(events: events)
    }
}
