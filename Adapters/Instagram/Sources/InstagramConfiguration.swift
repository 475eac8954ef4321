public import BridgeCore

/// What an Instagram professional account needs to know of itself.
public struct InstagramConfiguration: Sendable {
    /// The access token of the account, or of the Facebook page that it is linked to.
    public var accessToken: Secret
    /// What Meta says in its handshake; invented by whoever sets the webhook.
    public var verifyToken: Secret
    /// The secret by which webhooks are signed: the Instagram app's with Instagram Login, else the Meta app's.
    public var appSecret: Secret
    /// Where the Graph API is, without a slash at its end, with or without a version.
    public var apiBase: String

    /// An account's configuration.
    ///
    /// - Parameter apiBase: nil: `https://graph.instagram.com` for tokens of Instagram Login (they begin with `IG`), else
    ///   `https://graph.facebook.com`.
    public init(accessToken: Secret, verifyToken: Secret, appSecret: Secret, apiBase: String? = nil) {
        self.accessToken = accessToken
        self.verifyToken = verifyToken
        self.appSecret = appSecret
        let isInstagramLogin = accessToken.value.hasPrefix("IG")
        self.apiBase =
            apiBase ?? (isInstagramLogin ? "https://graph.instagram.com" : "https://graph.facebook.com")
    }
}
