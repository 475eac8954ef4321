public import BridgeCore

/// What a bot on a Mattermost server needs to know of itself.
public struct MattermostConfiguration: Sendable {
    /// The bot account's access token.
    public var botToken: Secret
    /// The tokens of the outgoing webhooks and slash commands, one each.
    public var webhookTokens: [Secret]
    /// The server, without a slash at its end, as in `https://chat.example.org`.
    public var serverURL: String

    /// A bot's configuration.
    public init(botToken: Secret, webhookTokens: [Secret], serverURL: String) {
        self.botToken = botToken
        self.webhookTokens = webhookTokens
        var url = serverURL
        while url.hasSuffix("/") { url.removeLast() }
        // Some write the whole address of the API.
        if url.hasSuffix("/api/v4") { url.removeLast(7) }
        self.serverURL = url
    }
}
