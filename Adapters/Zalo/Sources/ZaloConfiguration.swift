public import BridgeCore

/// What an app of a Zalo Official Account needs to know of itself.
public struct ZaloConfiguration: Sendable {
    /// The app's id, digits.
    public var appID: String
    /// The app's secret key, with which tokens are renewed.
    public var appSecret: Secret
    /// The "OA Secret Key" of the webhook's page: the key of the webhooks' signatures, which is not ``appSecret``.
    public var oaSecretKey: Secret
    /// The access token of the account's consent; good for 25 hours.
    public var accessToken: Secret
    /// The refresh token that came with it; it works once.
    public var refreshToken: Secret
    /// Where the OpenAPI is, without a slash at its end; another host for tests and proxies.
    public var apiBase: String
    /// Where tokens are renewed.
    public var oauthBase: String

    /// Zalo's own host of the OpenAPI.
    public static let defaultAPIBase = "https://openapi.zalo.me"

    /// An account's configuration.
    ///
    /// - Parameter oauthBase: nil: Zalo's own, or `apiBase` where that is moved.
    public init(
        appID: String, appSecret: Secret, oaSecretKey: Secret, accessToken: Secret, refreshToken: Secret,
        apiBase: String = defaultAPIBase, oauthBase: String? = nil
    ) {
        self.appID = appID
        self.appSecret = appSecret
        self.oaSecretKey = oaSecretKey
        self.accessToken = accessToken
        self.refreshToken = refreshToken
        self.apiBase = apiBase
        self.oauthBase = oauthBase ?? (apiBase == Self.defaultAPIBase ? "https://oauth.zaloapp.com" : apiBase)
    }
}
