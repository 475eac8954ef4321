public import BridgeCore

/// What a bot on a Mattermost server needs to know of itself.
public struct MattermostConfiguration: Sendable {
    /// The bot account's access token.
    public var botToken: Secret
    /// The tokens of the outgoing webhooks and slash commands, one each.
    public var webhookTokens: [Secret]
    /// Whether the bot also listens at the server's WebSocket, where direct conversations, private channels, threads, edits and
    /// reactions are told.
    public var isWebSocketEnabled: Bool
    /// The server, without a slash at its end, as in `https://chat.example.org`.
    public var serverURL: String

    /// A bot's configuration.
    public init(
        botToken: Secret, webhookTokens: [Secret], isWebSocketEnabled: Bool = false, serverURL: String
    ) {
        self.botToken = botToken
        self.webhookTokens = webhookTokens
        self.isWebSocketEnabled = isWebSocketEnabled
        var url = serverURL
        while url.hasSuffix("/") { url.removeLast() }
        // Some write the whole address of the API.
        if url.hasSuffix("/api/v4") { url.removeLast(7) }
        self.serverURL = url
    }
}
