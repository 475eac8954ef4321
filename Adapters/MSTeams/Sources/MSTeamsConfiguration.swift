public import BridgeCore

/// The credentials of a Teams bot.
public struct MSTeamsConfiguration: Sendable {
    /// The Microsoft App ID of the bot's registration.
    public var appID: String
    /// A client secret of that registration.
    public var appPassword: Secret
    /// The tenant of a single-tenant bot; nil for a multi-tenant one.
    public var tenantID: String?
    /// Where the keys of Teams' tokens are published.
    public var keysURL: String
    /// Takes the place of the connector and of the login service; for tests.
    public var apiBase: String?

    /// Where the Bot Framework publishes its keys: `jwks_uri` of
    /// <https://login.botframework.com/v1/.well-known/openidconfiguration>.
    public static let publishedKeys = "https://login.botframework.com/v1/.well-known/keys"

    /// The credentials of one bot.
    ///
    /// - Parameter keysURL: nil: the Bot Framework's, or those of the fake at `apiBase`.
    public init(
        appID: String, appPassword: Secret, tenantID: String? = nil, keysURL: String? = nil, apiBase: String? = nil
    ) {
        self.appID = appID
        self.appPassword = appPassword
        self.tenantID = tenantID
        self.keysURL = keysURL ?? apiBase.map { $0 + "/v1/.well-known/keys" } ?? Self.publishedKeys
        self.apiBase = apiBase
    }

    /// Where access tokens are issued
    /// (<https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication>).
    var tokenURL: String {
        "\(apiBase ?? "https://login.microsoftonline.com")/\(tenantID ?? "botframework.com")/oauth2/v2.0/token"
    }
}
