internal import BridgeCore
internal import Crypto
internal import JSON

/// The token that comes with each request
/// (<https://developers.google.com/workspace/chat/verify-requests-from-chat>).
///
/// There are two kinds. With the endpoint's URL for audience it is an identity token by Google, and its e-mail address says who
/// sends: anybody can have such a token made for any address, so the address is the point. With the project's number for
/// audience it is signed by Chat's own service account.
struct GoogleChatAuthentication: Sendable {
    /// Google Chat's own account.
    static let chat = "chat@system.gserviceaccount.com"

    /// Who signs identity tokens; both spellings are in use.
    static let issuers = ["https://accounts.google.com", "accounts.google.com"]

    /// Five minutes, as Google's own verifiers allow.
    static let leeway: Int64 = 300

    let audience: String
    let pushAccount: String

    /// Verifies the header field: signature, issuer, audience, times and the sender's address.
    func verify(_ field: String?, keys: JSONWebKeySet, at now: Timestamp) throws(WebhookRejection) {
        guard let field else { throw WebhookRejection(.unauthorized, "the header Authorization is needed") }
        guard let bearer = JSONWebToken.bearer(in: field) else {
            throw WebhookRejection(.unauthorized, "the header Authorization holds no bearer token")
        }
        let claims: JSONWebClaims
        do {
            claims = try JSONWebToken(bearer).claims(verifiedBy: keys)
            try claims.checkTimes(now: now.seconds, leeway: Self.leeway)
        } catch {
            throw WebhookRejection(error == .unknownKey ? .unknownKey : .unauthorized, error.description)
        }
        guard !audience.isEmpty, claims.isFor(audience) else {
            throw WebhookRejection(.unauthorized, "the token is for somebody else: check GOOGLE_CHAT_AUDIENCE")
        }
        if claims.issuer == Self.chat { return }
        guard let issuer = claims.issuer, Self.issuers.contains(issuer) else {
            throw WebhookRejection(.unauthorized, "the token is neither Google's nor Google Chat's")
        }
        guard claims.json["email_verified"].bool == true || claims["email_verified"] == "true",
            let email = claims["email"], isTrusted(email)
        else {
            throw WebhookRejection(
                .unauthorized, "the token is not Google Chat's, nor that of the app's add-on or push subscription")
        }
    }

    /// Chat itself; the agent of a Workspace add-on, `service-NUMBER@gcp-sa-gsuiteaddons…`; the account that pushes.
    private func isTrusted(_ email: String) -> Bool {
        if email == Self.chat || (!pushAccount.isEmpty && email == pushAccount) { return true }
        let prefix = "service-"
        let domain = "@gcp-sa-gsuiteaddons.iam.gserviceaccount.com"
        guard email.hasPrefix(prefix), email.hasSuffix(domain) else { return false }
        let number = email.dropFirst(prefix.count).dropLast(domain.count)
        return !number.isEmpty && number.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
}
