internal import BridgeCore
internal import Crypto
internal import HTTPCore
internal import JSON

/// Tells requests of Feishu from others, and opens what is encrypted.
///
/// With an Encrypt Key each request is signed. Feishu publishes no time within which a signature is good, and sends an event
/// again for up to seven hours: a replay is told by the event's id, not by its age. Without the key there is the verification token
/// in the body. Card callbacks of the older kind are signed with that token instead of the key.
struct FeishuAuthentication: Sendable {
    private let cipher: FeishuCipher?
    private let token: Secret?

    init(encryptKey: Secret?, verificationToken: Secret?) {
        cipher = encryptKey.flatMap { $0.value.isEmpty ? nil : FeishuCipher(encryptKey: $0) }
        token = verificationToken.flatMap { $0.value.isEmpty ? nil : $0 }
    }

    /// A request that was opened.
    struct Opened {
        /// The body, in the clear.
        let root: JSONView
        /// False for a challenge that nobody signed: it may be answered, and nothing else done for it.
        let isVerified: Bool
    }

    /// Verifies and opens a request.
    func open(_ request: WebhookRequest) throws(WebhookRejection) -> Opened {
        if let signature = request.headers[FeishuCipher.signatureField] {
            // 40 digits are a SHA-1.
            if signature.utf8.count == 40, token != nil { return try openCard(request, signature) }
            if let cipher {
                try verify(signature, of: request, by: cipher)
                return Opened(root: try opened(request.body).root, isVerified: true)
            }
        }
        if cipher != nil { return try openChallenge(request) }
        let root = try opened(request.body).root
        guard isTokenRight(in: root) == true else {
            throw WebhookRejection(.unauthorized, "the verification token is missing or wrong")
        }
        return Opened(root: root, isVerified: true)
    }

    /// The one request that Feishu need not sign: what could be decrypted, or bears our token, is Feishu's.
    ///
    /// Whatever else is wrong gets one answer: somebody who could tell bad padding from other faults could read what was
    /// encrypted to us.
    private func openChallenge(_ request: WebhookRequest) throws(WebhookRejection) -> Opened {
        if request.body.count < 4096, let (root, wasEncrypted) = try? opened(request.body),
            root["type"].string == "url_verification", isTokenRight(in: root) ?? wasEncrypted
        {
            return Opened(root: root, isVerified: false)
        }
        throw WebhookRejection(.unauthorized, "the header \(FeishuCipher.signatureField) is needed")
    }

    /// A card callback of the older kind, and nothing else.
    private func openCard(_ request: WebhookRequest, _ signature: String) throws(WebhookRejection) -> Opened {
        try verifyCard(signature, of: request)
        let root = try opened(request.body).root
        guard root["action"].kind == .object, !root["header"].exists, !root["event"].exists else {
            throw WebhookRejection(.unauthorized, "only callbacks of cards are signed with the verification token")
        }
        return Opened(root: root, isVerified: true)
    }

    /// Whether the token in the body is ours; nil when none is configured.
    ///
    /// The token of a card callback of the older kind is another thing.
    private func isTokenRight(in root: JSONView) -> Bool? {
        guard let token else { return nil }
        guard let given = root["header"]["token"].string ?? root["token"].string else { return false }
        return constantTimeEquals(given, token.value)
    }

    private func verify(
        _ signature: String, of request: WebhookRequest, by cipher: FeishuCipher
    ) throws(WebhookRejection) {
        let (timestamp, nonce) = try stamp(of: request)
        guard constantTimeEquals(signature, cipher.signature(of: request.body, timestamp: timestamp, nonce: nonce))
        else { throw WebhookRejection(.unauthorized, "the signature is wrong: check FEISHU_ENCRYPT_KEY") }
    }

    private func verifyCard(_ signature: String, of request: WebhookRequest) throws(WebhookRejection) {
        let (timestamp, nonce) = try stamp(of: request)
        let text = Array("\(timestamp)\(nonce)\(token?.value ?? "")".utf8) + request.body
        guard token != nil, constantTimeEquals(signature, Hex.encode(SHA1.digest(of: text))) else {
            throw WebhookRejection(.unauthorized, "the signature is wrong: check FEISHU_VERIFICATION_TOKEN")
        }
    }

    private func stamp(of request: WebhookRequest) throws(WebhookRejection) -> (timestamp: String, nonce: String) {
        guard let timestamp = request.headers[FeishuCipher.timestampField],
            let nonce = request.headers[FeishuCipher.nonceField], !timestamp.isEmpty, !nonce.isEmpty
        else {
            throw WebhookRejection(
                .unauthorized, "the headers \(FeishuCipher.timestampField) and \(FeishuCipher.nonceField) are needed")
        }
        return (timestamp, nonce)
    }

    private func opened(_ body: [UInt8]) throws(WebhookRejection) -> (root: JSONView, wasEncrypted: Bool) {
        let root = try parse(body)
        guard let sealed = root["encrypt"].string else { return (root, false) }
        guard let cipher else {
            throw WebhookRejection(.unauthorized, "the body is encrypted, and FEISHU_ENCRYPT_KEY is not set")
        }
        guard let bytes = cipher.decrypt(sealed) else {
            throw WebhookRejection(.malformed, "the body cannot be decrypted: check FEISHU_ENCRYPT_KEY")
        }
        return (try parse(bytes), true)
    }

    private func parse(_ bytes: [UInt8]) throws(WebhookRejection) -> JSONView {
        let root: JSONView
        do { root = try JSONView(parsing: bytes) } catch { throw WebhookRejection(.malformed, error.description) }
        guard root.kind == .object else { throw WebhookRejection(.malformed, "the body is no JSON object") }
        return root
    }
}
