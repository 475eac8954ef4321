internal import BridgeCore
internal import Crypto
internal import HTTPCore

/// LINE's signature: HMAC-SHA256 of the body by the channel secret, in base64
/// (<https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/>).
struct LineSignature: Sendable {
    static let field = "X-Line-Signature"

    private let key: [UInt8]

    init(channelSecret: Secret) {
        key = Array(channelSecret.value.utf8)
    }

    /// The header's value for a body.
    func sign(_ body: [UInt8]) -> String {
        Base64.encode(HMACSHA256.authenticationCode(for: body, key: key))
    }

    /// Checks the signature of a request.
    func verify(_ request: WebhookRequest) throws(WebhookRejection) {
        guard let given = request.headers[Self.field] else {
            throw WebhookRejection(.unauthorized, "the header \(Self.field) is missing")
        }
        guard !key.isEmpty, constantTimeEquals(given, sign(request.body)) else {
            throw WebhookRejection(.unauthorized, "the signature is wrong: check the channel secret")
        }
    }
}
