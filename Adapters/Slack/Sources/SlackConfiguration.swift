public import BridgeCore

/// What a Slack app needs to know of itself.
public struct SlackConfiguration: Sendable {
    /// The bot token, `xoxb-…`.
    public var botToken: Secret
    /// The app's signing secret: its hexadecimal digits are the key as they stand, they are not decoded.
    ///
    /// Without one no webhook is taken: everything comes by Socket Mode.
    public var signingSecret: Secret?
    /// The app-level token, `xapp-…`, with the scope `connections:write`: turns Socket Mode on.
    public var appToken: Secret?
    /// Where the Web API is, without a slash at its end; another host for tests and proxies.
    public var apiBase: String

    /// An app's configuration.
    public init(
        botToken: Secret, signingSecret: Secret?, appToken: Secret? = nil, apiBase: String = "https://slack.com/api"
    ) {
        self.botToken = botToken
        self.signingSecret = signingSecret
        self.appToken = appToken
        self.apiBase = apiBase
    }

    /// What is wrong with the values, a line each; empty when they can be right.
    public var problems: [String] {
        guard let appToken, !appToken.value.hasPrefix("xapp-") else { return [] }
        return ["SLACK_APP_TOKEN: an app-level token, which begins with xapp- (Basic Information, App-Level Tokens)"]
    }
}
