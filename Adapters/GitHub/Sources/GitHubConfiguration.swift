public import BridgeCore

/// What a bot on GitHub needs to know of itself.
public struct GitHubConfiguration: Sendable {
    /// The secret of the webhook, of the repository, organisation or app.
    public var webhookSecret: Secret
    /// A token that may write comments: a fine-grained token, or an installation's.
    public var token: Secret
    /// The login by which people call the bot; of an app without `[bot]`.
    public var name: String
    /// Where the REST API is, without a slash at its end; GraphQL is below it.
    public var apiBase: String

    /// A bot's configuration.
    public init(webhookSecret: Secret, token: Secret, name: String, apiBase: String = "https://api.github.com") {
        self.webhookSecret = webhookSecret
        self.token = token
        self.name = name
        self.apiBase = apiBase
    }
}
