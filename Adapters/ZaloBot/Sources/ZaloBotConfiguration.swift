public import BridgeCore

/// What a bot of the Zalo Bot platform needs to know of itself.
public struct ZaloBotConfiguration: Sendable {
    /// The token from Zalo Bot Manager, as in `12345689:abc-xyz`.
    public var botToken: Secret
    /// The `secret_token` that was given to `setWebhook`: 8 to 256 characters.
    ///
    /// Without it every webhook is refused, since nothing else in a request tells Zalo from anybody else.
    public var webhookSecret: Secret?
    /// True to fetch updates by `getUpdates` instead of waiting for webhooks.
    public var isPollingEnabled: Bool
    /// Where the API is, without a slash at its end; another host for tests and proxies.
    public var apiBase: String

    /// A bot's configuration.
    public init(
        botToken: Secret, webhookSecret: Secret? = nil, isPollingEnabled: Bool = false,
        apiBase: String = "https://bot-api.zaloplatforms.com"
    ) {
        self.botToken = botToken
        self.webhookSecret = webhookSecret
        self.isPollingEnabled = isPollingEnabled
        self.apiBase = apiBase
    }
}
