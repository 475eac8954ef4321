public import BridgeCore

/// What a Viber bot needs to know of itself.
public struct ViberConfiguration: Sendable {
    /// The bot's token: it goes with our requests, and is the key of the webhooks' signatures.
    public var authToken: Secret
    /// The name beside our messages, of which Viber shows 28 characters.
    public var botName: String
    /// The address of the picture beside our messages.
    public var botAvatar: String?
    /// Where the API is, without a slash at its end; another host for tests and proxies.
    public var apiBase: String

    /// A bot's configuration.
    public init(
        authToken: Secret, botName: String = "Bot", botAvatar: String? = nil,
        apiBase: String = "https://chatapi.viber.com/pa"
    ) {
        self.authToken = authToken
        self.botName = botName
        self.botAvatar = botAvatar
        self.apiBase = apiBase
    }
}
