internal import BridgeCore
internal import Crypto
internal import HTTPCore

/// GitHub's signature: `sha256=` and the HMAC-SHA256 of the body in lower-case hexadecimal digits
/// (<https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>).
struct GitHubSignature: Sendable {
    static let field = "X-Hub-Signature-256"

    private let key: [UInt8]

    init(secret: Secret) {
        key = Array(secret.value.utf8)
    }

    /// The header's value for a body.
    func sign(_ body: [UInt8]) -> String {
        "sha256=" + Hex.encode(HMACSHA256.authenticationCode(for: body, key: key))
    }

    /// Checks the signature of a request.
    func verify(_ request: WebhookRequest) throws(WebhookRejection) {
        guard let given = request.headers[Self.field] else {
            throw WebhookRejection(.unauthorized, "the header \(Self.field) is missing: give the webhook a secret")
        }
        guard !key.isEmpty, constantTimeEquals(given, sign(request.body)) else {
            throw WebhookRejection(.unauthorized, "the signature is wrong: check the webhook's secret")
        }
    }
}
