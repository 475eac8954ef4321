internal import BridgeCore
internal import Crypto
internal import JSON

/// What the file of a Google service account holds (Google Cloud console, "Keys", JSON).
public struct GoogleServiceAccount: Sendable {
    /// The account's address, `name@project.iam.gserviceaccount.com`.
    public let email: String
    /// Where its assertions are changed for access tokens.
    public let tokenURL: String

    let keyID: String?
    let key: RSAPrivateKey
    /// The file's `private_key`, to look for in what we say.
    let privateKey: Secret

    /// Google's own address for tokens.
    static let googleTokenURL = "https://oauth2.googleapis.com/token"

    /// Reads the file's bytes.
    ///
    /// - Returns: nil when it is no JSON of a service account, or its key is no RSA key that can be used.
    public init?(parsing bytes: [UInt8]) {
        guard let file = try? JSONView(parsing: bytes), let email = file["client_email"].identifier,
            let pem = file["private_key"].identifier, let key = RSAPrivateKey(pem: pem)
        else { return nil }
        self.email = email
        self.key = key
        keyID = file["private_key_id"].identifier
        tokenURL = file["token_uri"].identifier ?? Self.googleTokenURL
        privateKey = Secret(pem)
    }

    /// A claim to be this account, good for an hour
    /// (<https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests>).
    ///
    /// - Returns: nil when the key cannot sign.
    func assertion(scope: String, at now: Timestamp) -> String? {
        var claims = JSONWriter()
        claims.object { json in
            json.field("iss", email)
            json.field("scope", scope)
            json.field("aud", tokenURL)
            json.field("iat", now.seconds)
            json.field("exp", now.seconds + 3600)
        }
        return JSONWebToken.signed(claims: claims.bytes, by: key, keyID: keyID)
    }
}
