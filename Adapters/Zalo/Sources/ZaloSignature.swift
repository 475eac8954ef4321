internal import BridgeCore
internal import Crypto
internal import HTTPCore

/// Zalo's `mac`: the plain SHA-256 of app id, body, the body's own timestamp and the OA secret key, joined without anything
/// between them.
///
/// It is no HMAC, and the key is the "OA Secret Key" of the webhook's page, not the app's secret.
struct ZaloSignature: Sendable {
    static let field = "X-ZEvent-Signature"

    private let prefix: [UInt8]
    private let key: [UInt8]

    init(appID: String, oaSecretKey: Secret) {
        prefix = Array(appID.utf8)
        key = Array(oaSecretKey.value.utf8)
    }

    /// The header's value for a body.
    ///
    /// - Parameter timestamp: as it stands in the body; empty where there is none.
    func sign(_ body: [UInt8], timestamp: String) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(prefix.count + body.count + timestamp.utf8.count + key.count)
        bytes += prefix
        bytes += body
        bytes += timestamp.utf8
        bytes += key
        return "mac=" + Hex.encode(SHA256.digest(of: bytes))
    }

    /// Checks the signature of a request.
    func verify(_ request: WebhookRequest, timestamp: String) throws(WebhookRejection) {
        guard let given = request.headers[Self.field] else {
            throw WebhookRejection(.unauthorized, "the header \(Self.field) is missing")
        }
        guard !key.isEmpty, constantTimeEquals(given, sign(request.body, timestamp: timestamp)) else {
            throw WebhookRejection(.unauthorized, "the signature is wrong: check the app id and the OA secret key")
        }
    }
}
