internal import BridgeCore
internal import Crypto

/// The token that comes with each activity
/// (<https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication>, "Authenticate
/// requests from the Bot Connector service to your bot").
struct MSTeamsAuthentication: Sendable {
    /// Who signs: the Bot Connector service.
    static let issuer = "https://api.botframework.com"

    /// "5 minutes clock skew is allowed" (step 7 of the same page).
    static let leeway: Int64 = 300

    /// What a verified token says.
    struct Token {
        /// The one address at which the sender may be answered.
        let serviceURL: String
        /// The channels for which the key that signed may speak; nil where its publisher does not say.
        let endorsements: [String]?

        /// Holds an activity against the token: without this check somebody with a token for one address could have our
        /// answers, and the access token with them, sent to another.
        ///
        /// An activity that names no address is answered at that of the token.
        func check(serviceURL given: String?, channel: String?) throws(WebhookRejection) {
            if let given, !given.isEmpty, Self.bare(given) != Self.bare(serviceURL) {
                throw WebhookRejection(.unauthorized, "the activity's serviceUrl is not the one in the token")
            }
            if let endorsements, let channel, !channel.isEmpty, !endorsements.contains(channel) {
                throw WebhookRejection(.unauthorized, "the token's key is not endorsed for the activity's channel")
            }
        }

        private static func bare(_ url: String) -> Substring {
            url.hasSuffix("/") ? url.dropLast() : url[...]
        }
    }

    let appID: String

    /// Verifies the header field: signature, issuer, audience, times and the presence of an address.
    func verify(_ field: String?, keys: JSONWebKeySet, at now: Timestamp) throws(WebhookRejection) -> Token {
        guard let field else {
            throw WebhookRejection(.unauthorized, "the header Authorization is needed")
        }
        guard let bearer = JSONWebToken.bearer(in: field) else {
            throw WebhookRejection(.unauthorized, "the header Authorization holds no bearer token")
        }
        let token: JSONWebToken
        let claims: JSONWebClaims
        do {
            token = try JSONWebToken(bearer)
            claims = try token.claims(verifiedBy: keys)
            try claims.checkTimes(now: now.seconds, leeway: Self.leeway)
        } catch {
            throw WebhookRejection(error == .unknownKey ? .unknownKey : .unauthorized, error.description)
        }
        guard claims.issuer == Self.issuer else {
            throw WebhookRejection(.unauthorized, "the token is not the Bot Connector's")
        }
        guard !appID.isEmpty, claims.isFor(appID) else {
            throw WebhookRejection(.unauthorized, "the token is for another bot: check TEAMS_APP_ID")
        }
        guard let serviceURL = claims["serviceurl"] ?? claims["serviceUrl"], !serviceURL.isEmpty else {
            throw WebhookRejection(.unauthorized, "the token names no serviceurl")
        }
        return Token(serviceURL: serviceURL, endorsements: token.keyID.flatMap { keys[$0]?.endorsements })
    }
}
