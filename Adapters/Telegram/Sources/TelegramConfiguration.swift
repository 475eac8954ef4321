public import BridgeCore

/// What a Telegram bot needs to know of itself.
public struct TelegramConfiguration: Sendable {
    /// The token from @BotFather, as in `123456:ABC-DEF…`.
    public var botToken: Secret
    /// The `secret_token` that was given to `setWebhook`: 1 to 256 of `A-Z a-z 0-9 _ -`.
    ///
    /// Without it every webhook is refused, since nothing else in a request tells Telegram from anybody else.
    public var webhookSecret: Secret?
    /// True to fetch updates by `getUpdates` instead of waiting for webhooks.
    public var isPollingEnabled: Bool
    /// Where the Bot API is, without a slash at its end; another host for tests and self-hosted API servers.
    public var apiBase: String

    /// A bot's configuration.
    public init(
        botToken: Secret, webhookSecret: Secret? = nil, isPollingEnabled: Bool = false,
        apiBase: String = "https://api.telegram.org"
    ) {
        self.botToken = botToken
        self.webhookSecret = webhookSecret
        self.isPollingEnabled = isPollingEnabled
        self.apiBase = apiBase
    }
}
