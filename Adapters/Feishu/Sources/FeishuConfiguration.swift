public import BridgeCore

/// The credentials of a Feishu or Lark app.
public struct FeishuConfiguration: Sendable {
    /// The app's id, `cli_…`.
    public var appID: String
    /// The app's secret.
    public var appSecret: Secret
    /// Encrypts and signs the events; nil: they come in the clear, proved by the verification token alone.
    public var encryptKey: Secret?
    /// Comes with each event.
    public var verificationToken: Secret?
    /// Where the Open Platform is.
    public var apiBase: String

    /// Feishu's Open Platform; Lark's is `https://open.larksuite.com`.
    public static let defaultAPIBase = "https://open.feishu.cn"

    /// The credentials of one app.
    public init(
        appID: String, appSecret: Secret, encryptKey: Secret? = nil, verificationToken: Secret? = nil,
        apiBase: String = FeishuConfiguration.defaultAPIBase
    ) {
        self.appID = appID
        self.appSecret = appSecret
        self.encryptKey = encryptKey
        self.verificationToken = verificationToken
        self.apiBase = apiBase
    }
}
