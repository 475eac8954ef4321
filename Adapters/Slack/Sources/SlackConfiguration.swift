public import BridgeCore

/// What a Slack app needs to know of itself.
public struct SlackConfiguration: Sendable {
    /// The bot token, `xoxb-…`.
    public var botToken: Secret
    /// The app's signing secret: its hexadecimal digits are the key as they stand, they are not decoded.
    public var signingSecret: Secret
    /// Where the Web API is, without a slash at its end; another host for tests and proxies.
    public var apiBase: String

    /// An app's configuration.
    public init(botToken: Secret, signingSecret: Secret, apiBase: String = "https://slack.com/api") {
        self.botToken = botToken
        self.signingSecret = signingSecret
        self.apiBase = apiBase
    }
}
