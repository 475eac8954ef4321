public import BridgeCore

/// What a Twilio account needs to know of itself.
public struct TwilioConfiguration: Sendable {
    /// The account's SID, `AC…`.
    public var accountSID: String
    /// The account's primary auth token: it signs webhooks and opens the API.
    public var authToken: Secret
    /// Who messages are from where no conversation says it: `+1555…`, `whatsapp:+1555…`, or a Messaging Service, `MG…`.
    public var sender: String
    /// Where the world reaches the bridge, without a slash at its end; webhooks are signed over this address.
    ///
    /// Without it the address is made of the request's own header fields, and no receipts are asked for.
    public var publicURL: String?
    /// Where the API is, without a slash at its end; another host for tests and proxies.
    public var apiBase: String

    /// An account's configuration.
    public init(
        accountSID: String, authToken: Secret, sender: String, publicURL: String? = nil,
        apiBase: String = Self.defaultAPIBase
    ) {
        self.accountSID = accountSID
        self.authToken = authToken
        self.sender = sender
        self.publicURL = publicURL
        self.apiBase = apiBase
    }

    /// Twilio's own API.
    public static let defaultAPIBase = "https://api.twilio.com"
}
