/// The credentials of a Google Chat app.
public struct GoogleChatConfiguration: Sendable {
    /// The service account by which the app speaks.
    public var serviceAccount: GoogleServiceAccount
    /// For whom the requests' tokens are: the endpoint's URL or the project's number, as the app's configuration says.
    public var audience: String
    /// The service account of a Pub/Sub subscription that pushes events to us; unless given, that of the app.
    public var pushAccount: String
    /// Where the keys of the tokens are published.
    public var keysURL: String
    /// Where the Chat API is.
    public var apiBase: String

    /// Google's Chat API.
    public static let defaultAPIBase = "https://chat.googleapis.com"

    /// The credentials of one app.
    ///
    /// - Parameter keysURL: nil: Google's, as the audience asks for it, or those of the fake at `apiBase`.
    public init(
        serviceAccount: GoogleServiceAccount, audience: String, pushAccount: String? = nil, keysURL: String? = nil,
        apiBase: String = GoogleChatConfiguration.defaultAPIBase
    ) {
        self.serviceAccount = serviceAccount
        self.audience = audience
        self.pushAccount = pushAccount ?? serviceAccount.email
        self.apiBase = apiBase
        self.keysURL = keysURL ?? Self.publishedKeys(audience: audience, apiBase: apiBase)
    }

    /// Whether the audience is a project's number: all digits.
    var isProjectNumber: Bool { Self.isNumber(audience) }

    private static func isNumber(_ audience: String) -> Bool {
        !audience.isEmpty && audience.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    /// Where access tokens are issued; where the API was moved, the login moves with it, unless the account's file names
    /// another than Google's.
    var tokenURL: String {
        if apiBase != Self.defaultAPIBase, serviceAccount.tokenURL == GoogleServiceAccount.googleTokenURL {
            return apiBase + "/token"
        }
        return serviceAccount.tokenURL
    }

    /// <https://developers.google.com/workspace/chat/verify-requests-from-chat>.
    private static func publishedKeys(audience: String, apiBase: String) -> String {
        if apiBase != defaultAPIBase { return apiBase + "/oauth2/v3/certs" }
        return isNumber(audience)
            ? "https://www.googleapis.com/service_accounts/v1/metadata/x509/chat@system.gserviceaccount.com"
            : "https://www.googleapis.com/oauth2/v3/certs"
    }
}
