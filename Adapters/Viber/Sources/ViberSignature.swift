internal import BridgeCore
internal import Crypto
internal import HTTPCore

/// Viber's signature: HMAC-SHA256 of the body by the bot's token, in lower-case hexadecimal digits
/// (<https://developers.viber.com/docs/api/rest-bot-api/#callbacks>).
struct ViberSignature: Sendable {
    static let field = "X-Viber-Content-Signature"

    private let key: [UInt8]

    init(authToken: Secret) {
        key = Array(authToken.value.utf8)
    }

    /// The header's value for a body.
    func sign(_ body: [UInt8]) -> String {
        Hex.encode(HMACSHA256.authenticationCode(for: body, key: key))
    }

    /// Checks the signature of a request, which stands in a header or, from some servers of Viber's, in `?sig=`.
    func verify(_ request: WebhookRequest) throws(WebhookRejection) {
        guard let given = request.headers[Self.field] ?? request.query.first(where: { $0.name == "sig" })?.value else {
            throw WebhookRejection(.unauthorized, "the header \(Self.field) is missing")
        }
        guard !key.isEmpty, constantTimeEquals(given, sign(request.body)) else {
            throw WebhookRejection(.unauthorized, "the signature is wrong: check the bot's token")
        }
    }
}
