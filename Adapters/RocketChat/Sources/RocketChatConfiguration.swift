public import BridgeCore

/// What a bot on a Rocket.Chat server needs to know of itself.
public struct RocketChatConfiguration: Sendable {
    /// The bot's personal access token.
    public var authToken: Secret
    /// The bot's user id, which goes with every request and tells its own messages.
    public var userID: String
    /// The tokens of the outgoing integrations and of the Omnichannel webhook.
    public var webhookTokens: [Secret]
    /// The server, without a slash at its end, as in `https://chat.example.org`.
    public var serverURL: String

    /// A bot's configuration.
    public init(authToken: Secret, userID: String, webhookTokens: [Secret], serverURL: String) {
        self.authToken = authToken
        self.userID = userID
        self.webhookTokens = webhookTokens
        var url = serverURL
        while url.hasSuffix("/") { url.removeLast() }
        // Some write the whole address of the API.
        if url.hasSuffix("/api/v1") { url.removeLast(7) }
        self.serverURL = url
    }
}
