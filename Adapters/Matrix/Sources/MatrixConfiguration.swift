public import BridgeCore

/// What an application service needs to know of itself: the registration's two tokens, its user and its homeserver.
public struct MatrixConfiguration: Sendable {
    /// The bot's Matrix ID, as `@bot:example.org`: the registration's `sender_localpart`, or a user of its namespace.
    public var userID: String
    /// The registration's `as_token`: we prove with it that we are we.
    public var asToken: Secret
    /// The registration's `hs_token`: the homeserver proves with it that it is the homeserver.
    public var hsToken: Secret
    /// Where the client-server API is, without a slash at its end: the homeserver's address, or another for tests and
    /// proxies.
    public var apiBase: String

    /// An application service's configuration.
    public init(userID: String, asToken: Secret, hsToken: Secret, apiBase: String) {
        self.userID = userID
        self.asToken = asToken
        self.hsToken = hsToken
        self.apiBase = apiBase
    }

    /// What is wrong with it, a line each; empty when nothing is.
    public var problems: [String] {
        var problems: [String] = []
        if !MatrixIdentifier.isUser(userID) {
            problems.append("MATRIX_USER_ID: not a Matrix ID, which looks like @bot:example.org")
        }
        if !asToken.value.isEmpty, asToken == hsToken {
            problems.append(
                "MATRIX_AS_TOKEN and MATRIX_HS_TOKEN: they must differ, or each side could pass for the other")
        }
        return problems
    }
}
