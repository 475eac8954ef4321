internal import BridgeCore
internal import Crypto
internal import HTTPCore

/// The `v1` signature of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`
/// (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).
struct StandardWebhookSignature: Sendable {
    static let idField = "webhook-id"
    static let timestampField = "webhook-timestamp"
    static let signatureField = "webhook-signature"

    /// What the reference libraries allow, in either direction: five minutes.
    static let tolerance = Duration.seconds(300)

    let key: [UInt8]

    /// The `v1,…` of a body.
    func sign(_ body: [UInt8], id: String, timestamp: String) -> String {
        var code = HMACSHA256(key: key)
        code.update("\(id).\(timestamp).")
        code.update(body)
        return "v1," + Base64.encode(code.finalize())
    }

    /// The three header fields that go with a body.
    func fields(for body: [UInt8], id: String, at now: Timestamp) -> HTTPFields {
        let timestamp = String(now.seconds)
        return [
            "Content-Type": "application/json", Self.idField: id, Self.timestampField: timestamp,
            Self.signatureField: sign(body, id: id, timestamp: timestamp),
        ]
    }

    /// Checks time and signature of a request.
    ///
    /// - Returns: the webhook's id, which stays the same when it is sent again.
    func verify(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> String {
        guard let id = request.headers[Self.idField], !id.isEmpty,
            let timestamp = request.headers[Self.timestampField], let given = request.headers[Self.signatureField]
        else {
            throw WebhookRejection(
                .unauthorized,
                "the headers \(Self.idField), \(Self.timestampField) and \(Self.signatureField) are all needed")
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
        let expected = sign(request.body, id: id, timestamp: timestamp)
        // While a secret is being changed there are several; those of other versions say nothing.
        let isSigned = given.split(separator: " ").contains { constantTimeEquals(String($0), expected) }
        guard isSigned else {
            throw WebhookRejection(.unauthorized, "no v1 signature is right: check the secret")
        }
        return id
    }
}
