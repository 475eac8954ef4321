internal import BridgeCore
internal import Crypto
internal import HTTPCore

/// Slack's `v0` signature over time and body (<https://api.slack.com/authentication/verifying-requests-from-slack>).
struct SlackSignature: Sendable {
    static let timestampField = "X-Slack-Request-Timestamp"
    static let signatureField = "X-Slack-Signature"

    /// "More than five minutes from local time … could be a replay attack", in either direction.
    static let tolerance = Duration.seconds(300)

    private let key: HMACSHA256Key
    /// True for an empty secret, under which nothing is taken for signed.
    private let isKeyEmpty: Bool

    /// The signature of an app; without a signing secret it is one that only the holder of the bot token can make, for
    /// `chatbridge simulate`.
    init(signingSecret: Secret?, botToken: Secret) {
        if let signingSecret {
            key = HMACSHA256Key(Array(signingSecret.value.utf8))
            isKeyEmpty = signingSecret.value.isEmpty
        } else {
            key = HMACSHA256Key(
                HMACSHA256.authenticationCode(
                    for: Array("chatbridge simulates slack".utf8), key: Array(botToken.value.utf8)))
            isKeyEmpty = false
        }
    }

    /// The `v0=…` of a body at a time.
    func sign(_ body: [UInt8], timestamp: String) -> String {
        var code = HMACSHA256(key)
        code.update("v0:")
        code.update(timestamp)
        code.update(":")
        code.update(body)
        return "v0=" + Hex.encode(code.finalize())
    }

    /// Checks time and signature of a request.
    func verify(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) {
        guard let timestamp = request.headers[Self.timestampField], let given = request.headers[Self.signatureField]
        else {
            throw WebhookRejection(
                .unauthorized, "the headers \(Self.timestampField) and \(Self.signatureField) are both needed")
        }
        guard !timestamp.isEmpty, timestamp.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let seconds = Int64(timestamp)
        else {
            throw WebhookRejection(.unauthorized, "the header \(Self.timestampField) holds no Unix time")
        }
        let age = now.duration(since: Timestamp(seconds: seconds))
        guard age <= Self.tolerance, age >= .zero - Self.tolerance else {
            throw WebhookRejection(
                .unauthorized, "the signature is more than five minutes old or ahead: check the clock")
        }
        guard !isKeyEmpty, constantTimeEquals(given, sign(request.body, timestamp: timestamp)) else {
            throw WebhookRejection(.unauthorized, "the signature is wrong: check the signing secret")
        }
    }
}
