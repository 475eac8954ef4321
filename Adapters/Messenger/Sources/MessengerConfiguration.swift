public import BridgeCore

/// What a Facebook page needs to know of itself.
public struct MessengerConfiguration: Sendable {
    /// The page's access token with `pages_messaging`.
    public var pageAccessToken: Secret
    /// What Meta says in its handshake; invented by whoever sets the webhook.
    public var verifyToken: Secret
    /// The secret of the Meta app, by which webhooks are signed.
    public var appSecret: Secret
    /// Where the Graph API is, without a slash at its end, with or without a version.
    public var apiBase: String

    /// A page's configuration.
    public init(
        pageAccessToken: Secret, verifyToken: Secret, appSecret: Secret,
        apiBase: String = "https://graph.facebook.com"
    ) {
        self.pageAccessToken = pageAccessToken
        self.verifyToken = verifyToken
        self.appSecret = appSecret
        self.apiBase = apiBase
    }
}
