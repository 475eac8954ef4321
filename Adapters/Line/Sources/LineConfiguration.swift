public import BridgeCore

/// What a LINE channel needs to know of itself.
public struct LineConfiguration: Sendable {
    /// The channel secret, under Basic settings: the key of the webhooks' signatures.
    public var channelSecret: Secret
    /// The channel access token, under Messaging API.
    public var accessToken: Secret
    /// Where the Messaging API is, without a slash at its end; another host for tests and proxies.
    public var apiBase: String
    /// Where the content of messages is: LINE keeps it at a host of its own.
    public var dataBase: String

    /// LINE's own host of the Messaging API.
    public static let defaultAPIBase = "https://api.line.me"

    /// A channel's configuration.
    ///
    /// - Parameter dataBase: nil: LINE's own, or `apiBase` where that is moved.
    public init(
        channelSecret: Secret, accessToken: Secret, apiBase: String = defaultAPIBase, dataBase: String? = nil
    ) {
        self.channelSecret = channelSecret
        self.accessToken = accessToken
        self.apiBase = apiBase
        self.dataBase = dataBase ?? (apiBase == Self.defaultAPIBase ? "https://api-data.line.me" : apiBase)
    }
}
