public import BridgeCore

/// What a WhatsApp business number needs to know of itself.
public struct WhatsAppConfiguration: Sendable {
    /// The access token of a system user with `whatsapp_business_messaging`.
    public var accessToken: Secret
    /// The id of the business number (not the number itself).
    public var phoneNumberID: String
    /// What Meta says in its handshake; invented by whoever sets the webhook.
    public var verifyToken: Secret
    /// The secret of the Meta app, by which webhooks are signed.
    public var appSecret: Secret
    /// Where the Graph API is, without a slash at its end, with or without a version.
    public var apiBase: String

    /// A number's configuration.
    public init(
        accessToken: Secret, phoneNumberID: String, verifyToken: Secret, appSecret: Secret,
        apiBase: String = "https://graph.facebook.com"
    ) {
        self.accessToken = accessToken
        self.phoneNumberID = phoneNumberID
        self.verifyToken = verifyToken
        self.appSecret = appSecret
        self.apiBase = apiBase
    }
}
